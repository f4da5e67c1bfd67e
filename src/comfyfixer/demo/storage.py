"""Where the bytes lie: Civitai's storage and Hugging Face's CDN, on origins of their own behind signed URLs."""

from comfyfixer.demo.content import xet_hash_of
from comfyfixer.demo.exchange import Request, Response, World, ranged, text_response


def answer_storage(request: Request, world: World) -> Response:
    """Civitai's: R2 refuses a key and a HEAD, B2 refuses aria2."""
    if "authorization" in request.headers:
        return _xml(400, "InvalidRequest", "Missing x-amz-content-sha256")
    is_b2 = request.path.startswith("/file/")
    if is_b2 and request.headers.get("user-agent", "").startswith("aria2"):
        return text_response("error code: 1010", 403)
    if request.method == "HEAD" and not is_b2:
        return _xml(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
    expires, signature = (
        _b2_token(request) if is_b2 else (request.value("X-Amz-Date"), request.value("X-Amz-Signature"))
    )
    verdict = world.signer.check(request.path, expires, signature)
    if verdict == "expired":
        return expired(request)
    content = world.stored.get(request.path)
    if verdict or content is None:
        return _xml(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
    tag = f'"{xet_hash_of(content)[:32]}-7"'
    return ranged(request, content, (("Content-Type", "application/octet-stream"), ("ETag", tag)))


def answer_cdn(request: Request, world: World) -> Response:
    """Hugging Face's: the entity tag is 64 digits and not the file's SHA-256."""
    if "authorization" in request.headers:
        return _xml(400, "InvalidRequest", "Only one auth mechanism allowed")
    verdict = world.signer.check(request.path, request.value("Expires"), request.value("Signature"))
    content = world.cached.get(request.path)
    if verdict or content is None:
        return expired(request)
    tag = f'"{xet_hash_of(content)}"'
    return ranged(request, content, (("Content-Type", "application/octet-stream"), ("ETag", tag)))


def expired(request: Request) -> Response:
    """What an old signature gets: at B2 a 401, elsewhere a 403."""
    if request.path.startswith("/file/"):
        told = '{"code":"expired_auth_token","message":"Authorization token has expired","status":401}'
        return text_response(told, 401, kind="application/json")
    return _xml(403, "AccessDenied", "Request has expired")


def _b2_token(request: Request) -> tuple[str | None, str | None]:
    parts = (request.value("Authorization") or "").split("_")
    return (parts[1], parts[2]) if len(parts) == 4 else (None, None)


def _xml(status: int, code: str, message: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return text_response(text, status, kind="application/xml")
