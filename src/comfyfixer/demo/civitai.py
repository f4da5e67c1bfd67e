"""The embedded hub's Civitai: `/api/v1` and `/api/download`, as strict as the real one."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from comfyfixer.demo import civitai_shapes as shapes
from comfyfixer.demo.catalogue import CivitaiModel, CivitaiVersion
from comfyfixer.demo.civitai_download import Place, accepts_key, download, head_of_download, login, places
from comfyfixer.demo.civitai_search import search, visible
from comfyfixer.demo.content import size_of
from comfyfixer.demo.exchange import Request, Response, World, json_response, text_response

MODEL_TYPES: Final = (
    "Checkpoint", "TextualInversion", "Hypernetwork", "AestheticGradient", "LORA", "LoCon", "DoRA", "Controlnet",
    "Upscaler", "MotionModule", "VAE", "Poses", "Wildcards", "Workflows", "Detection", "TextEncoder", "CLIP",
    "CLIPVision", "UNet", "LLM", "VisionLanguage", "ComfyWorkflows", "Other",
)  # fmt: skip
SORTS: Final = (
    "Highest Rated", "Most Downloaded", "Most Liked", "Most Discussed", "Most Collected", "Most Images", "Newest",
    "Oldest",
)  # fmt: skip
PERIODS: Final = ("Day", "Week", "Month", "Year", "AllTime")
CACHE: Final = (("Cache-Control", "public, s-maxage=300, stale-while-revalidate=150"),)


def answer(request: Request, world: World) -> Response:
    """Whatever a client may ask of civitai.com."""
    agent = request.headers.get("user-agent", "")
    if not agent or agent.startswith("Python-urllib"):
        return text_response("error code: 1010", 403)
    for method, pattern, handler in _ROUTES:
        match = pattern.fullmatch(request.path)
        if match and method == request.method:
            return handler(request, world, *match.groups())
    return text_response("<!DOCTYPE html><title>404</title>", 404, kind="text/html")


def _models(request: Request, world: World) -> Response:
    refused = _refused(request, world)
    if refused:
        return refused
    query, nsfw = request.value("query"), request.value("nsfw") == "true"
    found = [model for model in world.catalogue.civitai if visible(model, nsfw)]
    if types := request.values("types"):
        found = [model for model in found if model.type in types]
    found = search(found, query) if query else [model for model in found if _kept_locally(model, request)]
    return _page(request, found)


def _kept_locally(model: CivitaiModel, request: Request) -> bool:
    """Filters that the search engine does not know: with a query they thin out the page that it gave."""
    bases = request.values("baseModels")
    checks = (
        not bases or any(version.base_model in bases for version in model.versions),
        not request.value("username") or request.value("username") == model.creator,
        not request.value("tag") or request.value("tag") in model.tags,
        not request.values("ids") or str(model.id) in request.values("ids"),
        model.mode != "Archived" or request.value("archived") == "true",
    )
    return all(checks)


def _page(request: Request, found: list[CivitaiModel]) -> Response:
    limit = int(request.value("limit") or 100)
    page = int(request.value("page") or 0)
    start = (page - 1) * limit if page else int((request.value("cursor") or "0").partition("|")[0])
    kept = [model for model in found[start : start + limit] if _kept_locally(model, request)]
    here = [shapes.model_shape(request.base, model) for model in kept]
    metadata: dict[str, Any] = {"currentPage": page, "pageSize": limit} if page else {}
    if start + limit < len(found) and limit:
        cursor = str(start + limit) if request.value("query") else f"{start + limit}|932023|257749"
        again = [(name, value) for name, value in request.query if name not in ("cursor", "page")]
        metadata["nextCursor"] = cursor
        metadata["nextPage"] = f"{request.base}/api/v1/models?{urlencode([*again, ('cursor', cursor)])}"
    return json_response({"items": here, "metadata": metadata}, headers=CACHE)


def _refused(request: Request, world: World) -> Response | None:
    """The answer to parameters that the site does not accept, or None."""
    wrong = [name for name, allowed in _allowed() for value in request.values(name) if not allowed(value)]
    if wrong:
        issues = [{"code": "invalid_value", "path": [name], "message": "Invalid input"} for name in wrong]
        message = msgspec.json.encode(issues).decode()
        return json_response({"error": {"name": "ZodError", "message": message}}, 400)
    if any(request.value(name) for name in ("favorites", "hidden")) and not accepts_key(request, world):
        return json_response({"error": "Unauthorized"}, 401)
    page = int(request.value("page") or 0)
    if page and request.value("query"):
        told = "Cannot use page param with query search. Use cursor-based pagination."
        return json_response({"error": told}, 400)
    if page * int(request.value("limit") or 100) > 1000:
        return json_response({"error": "You've requested too many pages, please use cursors instead"}, 429)
    return None


def _allowed() -> tuple[tuple[str, Callable[[str], bool]], ...]:
    return (
        ("limit", lambda value: value.isdecimal() and int(value) <= 100),
        ("page", lambda value: value.isdecimal() and int(value) >= 1),
        ("cursor", lambda value: value.partition("|")[0].isdecimal()),
        ("types", lambda value: value in MODEL_TYPES),
        ("sort", lambda value: value in SORTS),
        ("period", lambda value: value in PERIODS),
        ("nsfw", lambda value: value in ("true", "false")),
    )


def _model(request: Request, world: World, wanted: str) -> Response:
    if not wanted.isdecimal():
        return json_response({"error": {"name": "ZodError", "message": "[]"}}, 400)
    for model in world.catalogue.civitai:
        if model.id == int(wanted):
            return json_response(shapes.without_empty(shapes.model_shape(request.base, model)), headers=CACHE)
    return json_response({"error": f"No model with id {wanted}"}, 404)


def _version(request: Request, world: World, wanted: str) -> Response:
    for model, version in places(world.catalogue):
        if str(version.id) == wanted:
            return json_response(shapes.single_version_shape(request.base, model, version), headers=CACHE)
    return json_response({"error": "Model not found"}, 404)


def _mini(request: Request, world: World, wanted: str) -> Response:
    for model, version in places(world.catalogue):
        if str(version.id) == wanted:
            return json_response(_mini_shape(request, model, version), headers=CACHE)
    return json_response({"error": "Model not found"}, 404)


def _mini_shape(request: Request, model: CivitaiModel, version: CivitaiVersion) -> dict[str, Any]:
    asked = request.value("modelFileId")
    file = next((file for file in version.files if str(file.id) == asked), shapes.primary_file(version))
    return {
        "air": f"urn:air:sdxl:{model.type.lower()}:civitai:{model.id}@{version.id}",
        "versionName": version.name,
        "modelName": model.name,
        "baseModel": version.base_model,
        "availability": "Public",
        "fileName": file.name,
        "size": size_of(file.content) / 1024,
        "hashes": shapes.hashes(file),
        "downloadUrls": [f"{request.base}/api/download/models/{version.id}"],
        "requireAuth": version.access == "login",
        "checkPermission": version.access == "early-access",
    }


def _by_hash(request: Request, world: World, wanted: str) -> Response:
    found = sorted(_having(world, wanted), key=lambda place: place[1].published)
    if not found:
        return json_response({"error": "Model not found"}, 404)
    return json_response(shapes.single_version_shape(request.base, *found[0]), headers=CACHE)


def _having(world: World, wanted: str) -> list[Place]:
    return [
        (model, version)
        for model, version in places(world.catalogue)
        if any(wanted.upper() in shapes.hashes(file).values() for file in version.files)
    ]


def _many_by_hash(request: Request, world: World) -> Response:
    asked = _hash_list(request, 100)
    if asked is None:
        return json_response({"error": {"name": "ZodError", "message": "[]"}}, 400)
    found = [place for wanted in reversed(asked) for place in _having(world, wanted)]
    rows = [shapes.single_version_shape("https://undefined", model, version) for model, version in found]
    return json_response(rows)


def _ids_by_hash(request: Request, world: World) -> Response:
    asked = _hash_list(request, 10_000)
    if asked is None:
        return json_response({"error": {"name": "ZodError", "message": "[]"}}, 400)
    rows = [
        {"modelVersionId": version.id, "modelId": model.id, "hash": wanted.upper()}
        for wanted in asked
        for model, version in _having(world, wanted)
    ]
    return json_response(rows)


def _hash_list(request: Request, most: int) -> list[str] | None:
    try:
        asked = msgspec.json.decode(request.body, type=list[str])
    except msgspec.DecodeError:
        return None
    return asked if len(asked) <= most and all(re.fullmatch(r"[0-9A-Fa-f]{64}", value) for value in asked) else None


def _me(request: Request, world: World) -> Response:
    if not accepts_key(request, world):
        return json_response({"error": "Unauthorized"}, 401)
    return json_response({"id": 1, "username": "demo", "tier": "free"})


def _enums(_request: Request, world: World) -> Response:
    bases = sorted({version.base_model for _, version in places(world.catalogue)})
    return json_response({"ModelType": MODEL_TYPES, "BaseModel": bases}, headers=CACHE)


def _image(_request: Request, world: World, version_id: str, number: str) -> Response:
    """A preview; in reality another host has them."""
    versions = (version for model in world.catalogue.civitai for version in model.versions)
    version = next((version for version in versions if str(version.id) == version_id), None)
    if version is None or int(number) >= len(version.images):
        return json_response({"error": "No image with this id"}, 404)
    return Response(headers=(("Content-Type", "image/png"),), body=version.images[int(number)][0].data)


Handler = Callable[..., Response]
_ROUTES: Final[tuple[tuple[str, re.Pattern[str], Handler], ...]] = (
    ("GET", re.compile(r"/api/v1/models"), _models),
    ("GET", re.compile(r"/api/v1/models/([^/]+)"), _model),
    ("GET", re.compile(r"/api/v1/model-versions/by-hash/([0-9A-Fa-f]+)"), _by_hash),
    ("POST", re.compile(r"/api/v1/model-versions/by-hash"), _many_by_hash),
    ("POST", re.compile(r"/api/v1/model-versions/by-hash/ids"), _ids_by_hash),
    ("GET", re.compile(r"/api/v1/model-versions/mini/(\d+)"), _mini),
    ("GET", re.compile(r"/api/v1/model-versions/([^/]+)"), _version),
    ("GET", re.compile(r"/api/v1/me"), _me),
    ("GET", re.compile(r"/api/v1/enums"), _enums),
    ("GET", re.compile(r"/api/download/models/(\d+)"), download),
    ("HEAD", re.compile(r"/api/download/models/(\d+)"), head_of_download),
    ("GET", re.compile(r"/login"), login),
    ("GET", re.compile(r"/images/(\d+)/(\d+)"), _image),
)
