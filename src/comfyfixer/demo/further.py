"""The embedded hub's OpenModelDB and ModelScope, in small."""

import re
from typing import Any, Final

import msgspec

from comfyfixer.demo.catalogue import HuggingFaceRepo, RepoFile, Upscaler
from comfyfixer.demo.content import sha256_of, size_of
from comfyfixer.demo.exchange import Request, Response, World, json_response, ranged, text_response

_TYPES: Final = ("pth", "safetensors", "onnx")
_FILES: Final = re.compile(r"/api/v1/models/(.+)/repo/files")
_FILE: Final = re.compile(r"/models/([^/]+/[^/]+)/resolve/master/(.+)")


def answer_openmodeldb(request: Request, world: World) -> Response:
    """One document with all models."""
    if request.path != "/api/v1/models.json":
        return text_response("Not Found", 404, kind="text/html")
    return json_response({upscaler.id: _upscaler(upscaler) for upscaler in world.catalogue.upscalers})


def answer_modelscope(request: Request, world: World) -> Response:
    """A search over names, the files of a repository, the files themselves."""
    if request.path == "/api/v1/models" and request.method in ("PUT", "POST"):
        return _search(request, world)
    if match := _FILES.fullmatch(request.path):
        repo = _repo(world, match[1])
        return json_response(_told({"Files": [_row(file) for file in repo.files]})) if repo else _no_such()
    if match := _FILE.fullmatch(request.path):
        repo = _repo(world, match[1])
        file = next((file for file in repo.files if file.path == match[2]), None) if repo else None
        if file is not None:
            return ranged(request, file.content, (("Content-Type", "application/octet-stream"),))
    return _no_such()


def _upscaler(upscaler: Upscaler) -> dict[str, Any]:
    resource = {
        "platform": "pytorch",
        "type": next((kind for kind in _TYPES if upscaler.urls[0].endswith(kind)), "pth"),
        "size": size_of(upscaler.content),
        "sha256": sha256_of(upscaler.content),
        "urls": list(upscaler.urls),
    }
    return {
        "name": upscaler.name,
        "author": "demo",
        "license": upscaler.licence,
        "architecture": "esrgan",
        "scale": 4,
        "resources": [resource],
    }


def _search(request: Request, world: World) -> Response:
    asked = msgspec.json.decode(request.body)
    words = str(asked.get("Name", "")).lower()
    found = [repo for repo in world.catalogue.modelscope if words in repo.id.lower()]
    rows = [{"Path": repo.id.partition("/")[0], "Name": repo.id.partition("/")[2]} for repo in found]
    return json_response(_told({"Models": rows[: asked.get("PageSize", 10)], "TotalCount": len(found)}))


def _repo(world: World, repo_id: str) -> HuggingFaceRepo | None:
    return next((repo for repo in world.catalogue.modelscope if repo.id == repo_id), None)


def _row(file: RepoFile) -> dict[str, Any]:
    return {
        "Name": file.path.rpartition("/")[2],
        "Path": file.path,
        "Size": size_of(file.content),
        "Sha256": sha256_of(file.content),
        "Type": "blob",
    }


def _told(data: dict[str, Any]) -> dict[str, Any]:
    return {"Code": 200, "Data": data, "Message": "success", "RequestId": "demo", "Success": True}


def _no_such() -> Response:
    answer = {"Code": 10010205001, "Data": None, "Message": "record not found", "Success": False}
    return json_response(answer, 404)
