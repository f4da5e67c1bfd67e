"""The embedded hub's Civitai downloads: who may have a file, and the redirect to its signed place."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, urlencode

from comfyfixer.demo import civitai_shapes as shapes
from comfyfixer.demo.catalogue import Catalogue, CivitaiFile, CivitaiModel, CivitaiVersion
from comfyfixer.demo.exchange import Request, Response, World, json_response, redirect, text_response

BROWSERS: Final = ("mozilla", "chrome", "safari", "firefox", "opera", "edge")
LOGIN_NEEDED: Final = "The creator of this asset requires you to be logged in to download it"
DISABLED: Final = "The creator of this asset has disabled downloads on this file"

Place = tuple[CivitaiModel, CivitaiVersion]


def download(request: Request, world: World, wanted: str) -> Response:
    """`/api/download/models/:versionId`."""
    for model, version in places(world.catalogue):
        if str(version.id) == wanted:
            return _download_refused(request, world, model, version) or _signed(request, world, model, version)
    return json_response({"error": "File not found"}, 404)


def _download_refused(request: Request, world: World, model: CivitaiModel, version: CivitaiVersion) -> Response | None:
    if model.mode == "Archived":
        return json_response({"error": "Model archived, not available for download"}, 410)
    if version.access == "disabled":
        return json_response({"error": "Unauthorized", "message": DISABLED}, 401)
    if version.access == "early-access":
        message = "The creator of this asset requires you to purchase it to download it"
        return json_response({"error": "Early Access", "deadline": "2026-12-31T00:00:00.000Z", "message": message}, 403)
    if version.access != "login" or accepts_key(request, world):
        return None
    if any(name in request.headers.get("user-agent", "").lower() for name in BROWSERS):
        return redirect(f"/login?returnUrl={quote(request.target, safe='')}&reason=download-auth", 307)
    return json_response({"error": "Unauthorized", "message": LOGIN_NEEDED}, 401)


def _signed(request: Request, world: World, model: CivitaiModel, version: CivitaiVersion) -> Response:
    file = _asked_file(request, version)
    if file is None:
        return json_response({"error": "File not found"}, 404)
    path = storage_path(model, version, file)
    disposition = f'attachment; filename="{shapes.shown_name(model, version, file)}"'
    expires = world.signer.expiry()
    signature = world.signer.signature(path, expires)
    if file.storage == "b2":
        query = {"Authorization": f"3_{expires}_{signature}_dnld", "b2ContentDisposition": disposition}
    else:
        query = {
            "X-Amz-Expires": "86400",
            "response-content-disposition": disposition,
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": str(expires),
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": signature,
        }
    url = f"{world.endpoints.storage}{quote(path)}?{urlencode(query, quote_via=quote)}"
    return redirect(url, 307, (("Cache-Control", "no-store"),))


def _asked_file(request: Request, version: CivitaiVersion) -> CivitaiFile | None:
    """The exact file by `fileId`, else the one that fits the wishes best: those can't tell equal files apart."""
    asked = request.value("fileId")
    if asked is not None:
        return next((file for file in version.files if str(file.id) == asked), None)
    wishes = [(name, value) for name, value in request.query if name in ("type", "format", "size", "fp", "quantType")]
    if not wishes:
        return shapes.primary_file(version)
    ranked = max(version.files, key=lambda file: sum(_fits(file, *wish) for wish in wishes))
    wanted_type = request.value("type")
    return ranked if wanted_type is None or ranked.type == wanted_type else None


def _fits(file: CivitaiFile, name: str, value: str) -> bool:
    return (shapes.metadata(file) | {"type": file.type}).get(name) == value


def head_of_download(_request: Request, _world: World, _wanted: str) -> Response:
    """A HEAD is answered as if no key had come along."""
    return json_response({"error": "Unauthorized", "message": LOGIN_NEEDED}, 401)


def login(_request: Request, _world: World) -> Response:
    """Where a client that looks like a browser is sent: a page with status 200."""
    return text_response("<!DOCTYPE html><html><title>Sign in | Civitai</title></html>", kind="text/html")


def accepts_key(request: Request, world: World) -> bool:
    """A key in the header or, as the site still allows, in the query."""
    return (request.key or request.value("token")) in world.catalogue.civitai_keys


def storage_path(model: CivitaiModel, version: CivitaiVersion, file: CivitaiFile) -> str:
    """Where the bytes lie: not the name that anyone asked for."""
    stem, _, extension = file.name.rpartition(".")
    name = f"{re.sub(r'[^A-Za-z0-9]', '', stem)}.{version.id % 1000:03d}{file.id}.{extension}"
    if file.storage == "b2":
        return f"/file/civitai-modelfiles/model/{model.user_id}/{name}"
    return f"/{model.user_id}/model/{name}"


def places(catalogue: Catalogue) -> Iterator[Place]:
    """Each version with its model."""
    for model in catalogue.civitai:
        for version in model.versions:
            yield model, version
