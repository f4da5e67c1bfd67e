"""The embedded hub's Hugging Face: `/api/models`, the search, `/resolve/`, as strict as the real one."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from comfyfixer.demo import huggingface_shapes as shapes
from comfyfixer.demo.catalogue import HuggingFaceRepo, RepoFile
from comfyfixer.demo.exchange import Headers, Request, Response, World, json_response, text_response
from comfyfixer.demo.huggingface_files import (
    NO_REPOSITORY,
    RESOLVE_PATH,
    gated,
    named,
    raw,
    refusal,
    repository,
    resolve,
    resolve_cache,
)

PAGE_CAP: Final = 1000
SORTS: Final = ("createdAt", "downloads", "lastModified", "likes", "trendingScore")


def answer(request: Request, world: World) -> Response:
    """Whatever a client may ask of huggingface.co."""
    if "authorization" in request.headers and request.key not in world.catalogue.huggingface_keys:
        return _wrong_key(request, world)
    for method, pattern, handler in _ROUTES:
        match = pattern.fullmatch(request.path)
        if match and request.method in method:
            return _with_manners(request, handler(request, world, *match.groups()))
    return _with_manners(request, text_response("<!DOCTYPE html><title>404</title>", 404, kind="text/html"))


def _wrong_key(request: Request, world: World) -> Response:
    """A key that is not known makes public calls fail too; gated files say so in their own words."""
    match = RESOLVE_PATH.fullmatch(request.path)
    repo = named(world, match[1]) if match else None
    if repo is not None and repo.gated:
        return gated(request, world, repo) or refusal(401, "RepoNotFound", NO_REPOSITORY)
    return json_response({"error": "Invalid username or password."}, 401)


def _with_manners(request: Request, response: Response) -> Response:
    bucket, most = ("api", 500) if request.path.startswith("/api/") else ("resolvers", 3000)
    headers: Headers = (
        ("RateLimit", f'"{bucket}";r={most - 1};t=60'),
        ("RateLimit-Policy", f'"fixed window";"{bucket}";q={most};w=300'),
    )
    if request.key is None:
        headers += (("X-HF-Warning", "unauthenticated; Set a HF_TOKEN for higher rate limits."),)
    return msgspec.structs.replace(response, headers=(*response.headers, *headers))


def _list(request: Request, world: World) -> Response:
    search, author = (request.value("search") or "").lower(), request.value("author")
    if (request.value("sort") or SORTS[0]) not in SORTS:
        return json_response({"error": '"sort" must be one of ' + ", ".join(SORTS)}, 400)
    found = [
        repo
        for repo in _public(world)
        if search in repo.id.lower()
        and (author is None or repo.id.partition("/")[0].lower() == author.lower())
        and set(request.values("filter")) <= set(repo.tags)
    ]
    found.sort(key=lambda repo: (-(repo.likes if request.value("sort") == "likes" else repo.downloads), repo.id))
    full = request.value("full") in ("true", "True", "1", "full")
    return _paged(request, [shapes.list_row(repo, full) for repo in found])


def _public(world: World) -> Iterator[HuggingFaceRepo]:
    return (repo for repo in world.catalogue.huggingface if not repo.private and not repo.disabled)


def _paged(request: Request, rows: list[dict[str, Any]]) -> Response:
    limit = request.value("limit") or str(PAGE_CAP)
    cursor = request.value("cursor") or "0"
    if not limit.isdecimal() or not cursor.isdecimal():
        return json_response({"error": '"limit" must be a number'}, 400)
    start, count = int(cursor), min(int(limit), PAGE_CAP)
    headers: Headers = ()
    if start + count < len(rows):
        again = [(name, value) for name, value in request.query if name != "cursor"]
        url = f"{request.base}{quote(request.path)}?{urlencode([*again, ('cursor', str(start + count))])}"
        headers = (("Link", f'<{url}>; rel="next"'),)
    return json_response(rows[start : start + count], headers=headers)


def _info(request: Request, world: World, name: str, revision: str | None = None) -> Response:
    repo = repository(request, world, name, revision or "main")
    if isinstance(repo, Response):
        return repo
    return json_response(shapes.model(repo, request.value("blobs") in ("true", "True", "1")))


def _tree(request: Request, world: World, name: str, revision: str, folder: str | None) -> Response:
    repo = repository(request, world, name, revision)
    if isinstance(repo, Response):
        return repo
    prefix = f"{folder.strip('/')}/" if folder and folder.strip("/") else ""
    inside = [file for file in repo.files if file.path.startswith(prefix)]
    if prefix and not inside:
        return refusal(404, "EntryNotFound", f'{prefix[:-1]} does not exist on "{revision}"')
    deep = request.value("recursive") in ("true", "True", "1")
    return _paged(request, list(_entries(inside, prefix, deep)))


def _entries(files: Iterable[RepoFile], prefix: str, deep: bool) -> Iterator[dict[str, Any]]:
    told = set()
    for file in sorted(files, key=lambda file: file.path):
        parts = file.path.removeprefix(prefix).split("/")[:-1]
        for depth in range(1, len(parts) + 1 if deep else min(len(parts), 1) + 1):
            path = prefix + "/".join(parts[:depth])
            if path not in told:
                told.add(path)
                yield shapes.directory_entry(path)
        if deep or not parts:
            yield shapes.tree_entry(file)


def _paths_info(request: Request, world: World, name: str, revision: str) -> Response:
    """Unknown paths are left out of the answer."""
    repo = repository(request, world, name, revision)
    if isinstance(repo, Response):
        return repo
    asked = _posted_paths(request)
    if asked is None:
        return json_response({"error": '"paths" is required'}, 400)
    found = [file for file in repo.files if file.path in asked]
    expanded = "expand=true" in request.body.decode("utf-8", "replace").lower()
    return json_response([shapes.tree_entry(file) | (shapes.security(file) if expanded else {}) for file in found])


def _posted_paths(request: Request) -> set[str] | None:
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            return set(msgspec.json.decode(request.body, type=dict[str, Any]).get("paths", ()))
        except msgspec.DecodeError:
            return None
    pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {value for name, value in pairs if name == "paths"} or None


def _page(request: Request, world: World, name: str, *_: str) -> Response:
    """A repository's or a file's page for people."""
    repo = repository(request, world, name)
    if isinstance(repo, Response):
        return repo
    return text_response(f"<!DOCTYPE html><html><title>{repo.id}</title></html>", kind="text/html")


def _full_text(request: Request, world: World) -> Response:
    wanted = (request.value("q") or "").lower()
    if not wanted:
        return json_response({"error": '"q" is required'}, 400)
    if (request.value("type") or "model") != "model":
        return json_response({"hits": [], "count": 0})
    found = [repo for repo in _public(world) if wanted in shapes.readme_of(repo).lower()]
    hits = [
        {
            "type": "model",
            "repoId": shapes.commit_of(repo)[:24],
            "repoOwner": repo.id.partition("/")[0],
            "repoName": repo.id.rpartition("/")[2],
            "fileName": "README.md",
            "isPrivate": False,
            "formatted": {"repoName": repo.id.rpartition("/")[2], "fileName": "README.md", "fileContent": []},
        }
        for repo in found
    ]
    limit = request.value("limit") or "20"
    return json_response({"hits": hits[: int(limit) if limit.isdecimal() else 20], "count": len(hits)})


def _quick(request: Request, world: World) -> Response:
    wanted = (request.value("q") or "").lower()
    found = [{"id": repo.id} for repo in _public(world) if wanted and wanted in repo.id.lower()]
    return json_response({"models": found[:20], "modelsCount": len(found), "q": wanted})


def _whoami(request: Request, _world: World) -> Response:
    if request.key is None:
        return json_response({"error": "Invalid username or password."}, 401)
    return json_response({"type": "user", "name": "demo", "fullname": "Demo", "auth": {"type": "access_token"}})


Handler = Callable[..., Response]
_ID = r"([^/]+/[^/]+)"
_READ = ("GET", "HEAD")
_ROUTES: Final[tuple[tuple[tuple[str, ...], re.Pattern[str], Handler], ...]] = (
    (_READ, re.compile(r"/api/models"), _list),
    (_READ, re.compile(rf"/api/models/{_ID}/tree/([^/]+)(/.*)?"), _tree),
    (("POST",), re.compile(rf"/api/models/{_ID}/paths-info/([^/]+)"), _paths_info),
    (_READ, re.compile(rf"/api/models/{_ID}/revision/([^/]+)"), _info),
    (_READ, re.compile(rf"/api/models/{_ID}"), _info),
    (_READ, re.compile(r"/api/search/full-text"), _full_text),
    (_READ, re.compile(r"/api/quicksearch"), _quick),
    (_READ, re.compile(r"/api/whoami-v2"), _whoami),
    (_READ, re.compile(rf"/api/resolve-cache/models/{_ID}/([^/]+)/(.+)"), resolve_cache),
    (_READ, RESOLVE_PATH, resolve),
    (_READ, re.compile(rf"/{_ID}/raw/([^/]+)/(.+)"), raw),
    (_READ, re.compile(rf"/{_ID}/blob/([^/]+)/(.+)"), _page),
    (_READ, re.compile(rf"/{_ID}"), _page),
)
