"""The embedded hub's Hugging Face files: which repository is meant, who may have it, and where the bytes are."""

import re
from typing import Final
from urllib.parse import quote, urlencode

from comfyfixer.demo import huggingface_shapes as shapes
from comfyfixer.demo.catalogue import HuggingFaceRepo, RepoFile
from comfyfixer.demo.content import git_sha1_of, sha256_of, size_of, whole, xet_hash_of
from comfyfixer.demo.exchange import Headers, Request, Response, World, json_response, ranged, redirect, text_response

NO_REPOSITORY: Final = "Invalid username or password."
RESOLVE_PATH: Final = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


def resolve(request: Request, world: World, name: str, revision: str, path: str) -> Response:
    """A redirect: to the CDN for a large file, to the cache of small ones else."""
    repo = repository(request, world, name, revision)
    if isinstance(repo, Response):
        return repo
    if refused := gated(request, world, repo):
        return refused
    commit: Headers = (("X-Repo-Commit", shapes.commit_of(repo)), ("Accept-Ranges", "bytes"))
    file = next((file for file in repo.files if file.path == path), None)
    if file is None:
        return refusal(404, "EntryNotFound", "Entry not found", commit)
    if file.lfs:
        return _to_cdn(world, repo, file, commit)
    tag = quote(f'"{git_sha1_of(file.content)}"')
    cache = f"/api/resolve-cache/models/{repo.id}/{shapes.commit_of(repo)}/{quote(path)}"
    return redirect(f"{cache}?{quote(request.path, safe='')}=&etag={tag}", 307, commit)


def _to_cdn(world: World, repo: HuggingFaceRepo, file: RepoFile, commit: Headers) -> Response:
    path = cdn_path(repo, file)
    expires = world.signer.expiry()
    name = file.path.rpartition("/")[2]
    query = {
        "Expires": str(expires),
        "Policy": "demo",
        "Signature": world.signer.signature(path, expires),
        "Key-Pair-Id": "K1LYXO563TGWFU",
        "response-content-disposition": f'inline; filename="{name}";',
        "X-Xet-Cas-Uid": "public",
    }
    linked = (
        ("X-Linked-Size", str(size_of(file.content))),
        ("X-Linked-Etag", f'"{sha256_of(file.content)}"'),
        ("X-Xet-Hash", xet_hash_of(file.content)),
    )
    return redirect(f"{world.endpoints.cdn}{path}?{urlencode(query, quote_via=quote)}", 302, (*commit, *linked))


def resolve_cache(request: Request, world: World, name: str, revision: str, path: str) -> Response:
    """A small file itself."""
    repo = repository(request, world, name, revision)
    if isinstance(repo, Response):
        return repo
    file = next((file for file in repo.files if file.path == path and not file.lfs), None)
    if refused := gated(request, world, repo):
        return refused
    if file is None:
        return refusal(404, "EntryNotFound", "Entry not found")
    headers = (("Content-Type", "text/plain; charset=utf-8"), ("ETag", f'"{git_sha1_of(file.content)}"'))
    return ranged(request, file.content, headers)


def raw(request: Request, world: World, name: str, revision: str, path: str) -> Response:
    """Of a large file: the pointer that git holds, not the file."""
    repo = repository(request, world, name, revision)
    if isinstance(repo, Response):
        return repo
    file = next((file for file in repo.files if file.path == path), None)
    if file is None or gated(request, world, repo):
        return refusal(404, "EntryNotFound", "Entry not found")
    return text_response(shapes.pointer(file) if file.lfs else whole(file.content).decode("utf-8", "replace"))


def named(world: World, name: str) -> HuggingFaceRepo | None:
    """By its present or a former id, in any case."""
    wanted = name.lower()
    return next(
        (
            repo
            for repo in world.catalogue.huggingface
            if wanted in (repo.id.lower(), *(former.lower() for former in repo.former_ids))
        ),
        None,
    )


def repository(request: Request, world: World, name: str, revision: str = "main") -> HuggingFaceRepo | Response:
    """The repository, or why there is none: moved, hidden, disabled, unknown, no such revision."""
    repo = named(world, name)
    if repo is None or (repo.private and request.key is None):
        if request.key is None:
            return refusal(401, "RepoNotFound", NO_REPOSITORY)
        return refusal(404, "RepoNotFound", "Repository not found")
    if repo.id != name:
        return redirect(request.target.replace(quote(name), quote(repo.id), 1), 307)
    if repo.disabled:
        return refusal(403, "DisabledRepo", "Access to this resource is disabled.")
    if revision not in (*repo.revisions, shapes.commit_of(repo)):
        return refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    return repo


def gated(request: Request, world: World, repo: HuggingFaceRepo) -> Response | None:
    """Why this client may not have the files, or None."""
    if repo.gated is None or (request.key is not None and request.key in repo.granted):
        return None
    restricted = f"Access to model {repo.id} is restricted"
    if request.key is None or request.key not in world.catalogue.huggingface_keys:
        told = f"{restricted}. You must have access to it and be authenticated to access it. Please log in."
        return refusal(401, "GatedRepo", told)
    told = f"{restricted} and you are not in the authorized list. Visit {request.base}/{repo.id} to ask for access."
    return refusal(403, "GatedRepo", told)


def cdn_path(repo: HuggingFaceRepo, file: RepoFile) -> str:
    """Where the CDN has a large file: nothing of its name is left."""
    return f"/xet-bridge-us/{shapes.commit_of(repo)[:24]}/{xet_hash_of(file.content)}"


def refusal(status: int, code: str, message: str, headers: Headers = ()) -> Response:
    """An error as the hub tells it: in the body and in two headers."""
    told = (("X-Error-Code", code), ("X-Error-Message", message), *headers)
    return json_response({"error": message}, status, told)
