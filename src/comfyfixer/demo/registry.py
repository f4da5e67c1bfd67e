"""The embedded hub's Comfy Registry, the Manager's lists and GitHub's files, in small."""

import hashlib
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import msgspec

from comfyfixer.demo.catalogue import Catalogue, GitHubFile, ListedModel, NodePack
from comfyfixer.demo.content import Plain, sha256_of, size_of
from comfyfixer.demo.exchange import Request, Response, World, json_response, redirect, text_response


def answer_registry(request: Request, world: World) -> Response:
    """api.comfy.org: packs by id, by node class, by words."""
    for pattern, handler in _ROUTES:
        match = pattern.fullmatch(request.path)
        if match and request.method == "GET":
            return handler(request, world, *match.groups())
    return json_response({"error": "", "message": "Not found"}, 404)


def answer_manager(request: Request, world: World) -> Response:
    """The lists that ComfyUI-Manager reads from its repository: plain text with an ETag, as GitHub's raw files are."""
    document = _manager_list(request.path, world.catalogue)
    if document is None:
        return text_response("404: Not Found", 404)
    text = msgspec.json.encode(document).decode()
    mark = f'W/"{hashlib.sha256(text.encode()).hexdigest()}"'
    headers = (("ETag", mark), ("Cache-Control", "max-age=300"))
    if request.headers.get("if-none-match") == mark:
        return Response(status=304, headers=headers)
    return text_response(text, headers=headers)


def _manager_list(path: str, catalogue: Catalogue) -> dict[str, Any] | None:
    packs = catalogue.packs
    match path:
        case "/custom-node-list.json":
            return {"custom_nodes": [_list_row(pack) for pack in packs]}
        case "/extension-node-map.json":
            return {pack.repository: [list(pack.node_types), {"title_aux": pack.name}] for pack in packs}
        case "/github-stats.json":
            return {pack.repository: {"stars": pack.stars} for pack in packs}
        case "/model-list.json":
            return {"models": [_model_row(model) for model in catalogue.listed]}
    return None


def answer_github(request: Request, world: World) -> Response:
    """Release files: a redirect to signed storage, as on github.com; below `/api/v3` what the API tells of them."""
    if match := _RELEASE.fullmatch(request.path):
        return _release(world, *match.groups())
    for file in world.catalogue.github:
        if file.path == request.path:
            path = storage_path(file)
            expires = world.signer.expiry()
            signature = world.signer.signature(path, expires)
            query = f"X-Amz-Date={expires}&X-Amz-Signature={signature}"
            return redirect(f"{world.endpoints.storage}{quote(path)}?{query}", 302)
    return text_response("Not Found", 404)


def _release(world: World, repository: str, tag: str) -> Response:
    """A release's files with their digests, as `GET /repos/.../releases/tags/...` tells them."""
    place = f"/{repository}/releases/download/{tag}/"
    files = [file for file in world.catalogue.github if file.path.startswith(place)]
    if not files:
        return json_response({"message": "Not Found", "status": "404"}, 404)
    assets = [
        {
            "name": file.path.removeprefix(place),
            "state": "uploaded",
            "size": size_of(file.content),
            "digest": f"sha256:{sha256_of(file.content)}",
            "browser_download_url": f"{world.endpoints.github}{quote(file.path)}",
        }
        for file in files
    ]
    return json_response({"tag_name": tag, "draft": False, "assets": assets})


def storage_path(file: GitHubFile) -> str:
    """Where a release's file lies."""
    return f"/github-production-release-asset{file.path}"


def archive_path(pack: NodePack) -> str:
    """Where a pack's node.zip lies at the registry itself."""
    return f"/archives/{pack.id}/{pack.version}/node.zip"


def _nodes(request: Request, world: World) -> Response:
    """`search` is ignored here, as in reality; at most 100 a page."""
    return _page_of(request, list(world.catalogue.packs))


def _search(request: Request, world: World) -> Response:
    words = (request.value("search") or "").lower()
    node_type = (request.value("comfy_node_search") or "").lower()
    found = [
        pack
        for pack in world.catalogue.packs
        if words in f"{pack.id} {pack.name}".lower() and any(node_type in known.lower() for known in pack.node_types)
    ]
    return _page_of(request, found)


def _page_of(request: Request, packs: list[NodePack]) -> Response:
    page = max(int(request.value("page") or 1), 1)
    limit = min(int(request.value("limit") or 10), 100)
    rows = [_node(request, pack) for pack in packs[(page - 1) * limit : page * limit]]
    pages = -(-len(packs) // limit)
    return json_response({"total": len(packs), "nodes": rows, "page": page, "limit": limit, "totalPages": pages})


def _one(request: Request, world: World, name: str) -> Response:
    pack = next((pack for pack in world.catalogue.packs if pack.id.lower() == name.lower()), None)
    if pack is None:
        return json_response({"error": "", "message": "Node not found"}, 404)
    if pack.id != name:
        return redirect(f"/nodes/{quote(pack.id)}", 302)
    return json_response(_node(request, pack))


def _install(request: Request, world: World, name: str) -> Response:
    """Each such call counts as an installation: only an installer may ask it."""
    pack = next((pack for pack in world.catalogue.packs if pack.id == name), None)
    if pack is None:
        return json_response({"error": "", "message": "Node not found"}, 404)
    return json_response(_node_version(request, pack))


def _of_class(request: Request, world: World, node_type: str) -> Response:
    pack = next((pack for pack in world.catalogue.packs if node_type in pack.node_types), None)
    if pack is None:
        return json_response({"error": "", "message": "Node not found"}, 404)
    return json_response(_node(request, pack))


def _archive(_request: Request, world: World, name: str, version: str) -> Response:
    for pack in world.catalogue.packs:
        if (pack.id, pack.version) == (name, version) and isinstance(pack.archive, Plain):
            return Response(headers=(("Content-Type", "application/zip"),), body=pack.archive.data)
    return text_response("Not Found", 404)


def _node(request: Request, pack: NodePack) -> dict[str, Any]:
    return {
        "id": pack.id,
        "name": pack.name,
        "author": "",
        "description": "",
        "repository": pack.repository,
        "publisher": {"id": pack.id.partition("-")[0], "name": pack.name},
        "latest_version": _node_version(request, pack),
        "status": "NodeStatusActive",
        "downloads": 10 * pack.stars,
        "github_stars": pack.stars,
        "tags": [],
        "preempted_comfy_node_names": [],
    }


def _node_version(request: Request, pack: NodePack) -> dict[str, Any]:
    return {
        "id": f"{pack.id}-{pack.version}",
        "node_id": pack.id,
        "version": pack.version,
        "status": "NodeVersionStatusActive",
        "downloadUrl": f"{request.base}{archive_path(pack)}",
        "dependencies": [],
        "deprecated": False,
        "changelog": "",
        "createdAt": "2026-01-01T00:00:00Z",
    }


def _list_row(pack: NodePack) -> dict[str, Any]:
    return {
        "author": "",
        "title": pack.name,
        "id": pack.id,
        "reference": pack.repository,
        "files": [pack.repository],
        "install_type": "git-clone",
        "description": "",
    }


def _model_row(model: ListedModel) -> dict[str, Any]:
    return {
        "name": model.filename,
        "type": model.type,
        "base": "SDXL",
        "save_path": model.save_path,
        "description": "",
        "reference": model.url,
        "filename": model.filename,
        "url": model.url,
        "size": "4.71MB",
    }


_RELEASE: Final = re.compile(r"/api/v3/repos/([^/]+/[^/]+)/releases/tags/(.+)")
_ROUTES: Final[tuple[tuple[re.Pattern[str], Callable[..., Response]], ...]] = (
    (re.compile(r"/nodes"), _nodes),
    (re.compile(r"/nodes/search"), _search),
    (re.compile(r"/nodes/([^/]+)"), _one),
    (re.compile(r"/nodes/([^/]+)/install"), _install),
    (re.compile(r"/comfy-nodes/(.+)/node"), _of_class),
    (re.compile(r"/archives/([^/]+)/([^/]+)/node\.zip"), _archive),
)
