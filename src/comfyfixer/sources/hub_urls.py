"""Addresses out of workflows, understood: which file on which hub. Pure; the text is hostile."""

import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

_HUGGINGFACE: Final = frozenset({"huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com"})
_CIVITAI: Final = frozenset(
    {"civitai.com", "www.civitai.com", "api.civitai.com", "civitai.red", "www.civitai.red", "civitai.green"}
)
_NO_OWNER: Final = frozenset(
    {
        "api", "blog", "chat", "collections", "datasets", "docs", "enterprise", "huggingface", "inference", "join",
        "learn", "login", "models", "new", "organizations", "papers", "posts", "pricing", "search", "settings",
        "spaces", "storage", "support", "tasks",
    }
)  # fmt: skip
_AIR: Final = re.compile(r"(?:urn:)?air:[^:]*:[^:]*:civitai:(\d{1,12})@(\d{1,12})(?:\+(\d{1,12}))?(?:\.\w+)?", re.ASCII)
_REPOSITORY_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_NUMBER: Final = re.compile(r"\d{1,12}", re.ASCII)
_GITHUB_PAGE: Final = re.compile(r"/([^/]+)/([^/]+)/blob/(.+)")
_MAX_CHARACTERS: Final = 4096


class HuggingFaceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a repository.

    Attributes:
        repo_id: `owner/name`; `datasets/owner/name` for a data set.
        path: Inside the repository, decoded.
    """

    repo_id: str
    revision: str
    path: str


class HuggingFaceRepository(msgspec.Struct, frozen=True, kw_only=True):
    """A whole repository, or its page: a place to look for an exact file."""

    repo_id: str
    revision: str


class CivitaiVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a model.

    Attributes:
        file_id: None where the address leaves it to the hub.
        wants: What the address asks of the file: `type`, `format`, `size`, `fp`, `quantType`.
        gives_file: Following the address gives one file; else it is about the version, whatever its files.
    """

    version_id: int
    file_id: int | None = None
    wants: dict[str, str] = {}
    gives_file: bool = False


class CivitaiModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model's page, whatever the version."""

    model_id: int


class GitHubFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file on github.com.

    Attributes:
        path: Percent-encoded as it came, from the first slash on.
    """

    path: str


class PlainUrl(msgspec.Struct, frozen=True, kw_only=True):
    """An address of no hub that is known."""

    url: str


HubPlace = HuggingFaceFile | HuggingFaceRepository | CivitaiVersion | CivitaiModel | GitHubFile | PlainUrl


class OwnHosts(msgspec.Struct, frozen=True, kw_only=True):
    """The configured end points (`scheme://host[:port][/path]`): their addresses are understood too."""

    huggingface: str
    civitai: str


def understand(text: str, own: OwnHosts) -> HubPlace | None:
    """What an address means; None where it is no address, or one that nobody would write in good faith."""
    text = text.strip()
    if len(text) > _MAX_CHARACTERS or not text.isprintable() or "\\" in text:
        return None
    if air := _AIR.fullmatch(text):
        return CivitaiVersion(version_id=int(air[2]), file_id=int(air[3]) if air[3] else None)
    if text.startswith("hf://"):
        return _short_form(text[5:])
    for endpoint, reader in ((own.huggingface, _huggingface), (own.civitai, _civitai)):
        if text.startswith(f"{endpoint}/"):
            path, _, query = text[len(endpoint) :].partition("#")[0].partition("?")
            return reader(path, query)
    return _by_host(text)


def _by_host(text: str) -> HubPlace | None:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
        usual = parts.port in (None, 80, 443) and "@" not in parts.netloc
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    if not usual:
        return PlainUrl(url=text)
    if host in _HUGGINGFACE:
        return _huggingface(parts.path, parts.query)
    if host in _CIVITAI:
        return _civitai(parts.path, parts.query)
    if host in ("github.com", "www.github.com"):
        return GitHubFile(path=_GITHUB_PAGE.sub(r"/\1/\2/raw/\3", parts.path))
    return PlainUrl(url=text)


def _short_form(text: str) -> HubPlace | None:
    """`hf://owner/name[@revision]/path`, with `models/` or `datasets/` before it at will."""
    parts = text.partition("?")[0].split("/")
    prefix = ""
    if parts[0] in ("models", "datasets", "spaces"):
        prefix = "" if parts[0] == "models" else f"{parts[0]}/"
        parts = parts[1:]
    if len(parts) < 2:
        return None
    name, _, revision = parts[1].partition("@")
    return _file(f"{prefix}{parts[0]}/{name}", unquote(revision) or "main", parts[2:])


def _huggingface(path: str, _query: str) -> HubPlace | None:
    parts = [part for part in path.split("/") if part]
    prefix = ""
    if parts[:1] in (["datasets"], ["spaces"]):
        prefix, parts = f"{parts[0]}/", parts[1:]
    for at in (1, 2):
        if len(parts) > at + 1 and parts[at] in ("resolve", "blob", "raw"):
            revision, rest = _revision(parts[at + 1 :])
            return _file(prefix + "/".join(parts[:at]), revision, rest)
    if len(parts) >= 2 and (parts[0] not in _NO_OWNER or prefix):
        named = parts[3:] if parts[2:3] in (["tree"], ["commit"]) else []
        return _file(f"{prefix}{parts[0]}/{parts[1]}", _revision(named)[0], [])
    return None


def _revision(parts: list[str]) -> tuple[str, list[str]]:
    """The revision with which a path begins, and the rest. Only `refs/pr/4` has several parts that are written so."""
    count = 3 if parts[:1] == ["refs"] else 1
    return unquote("/".join(parts[:count])) or "main", parts[count:]


def _file(repo_id: str, revision: str, path: list[str]) -> HubPlace | None:
    """A file, or a repository where the path is empty."""
    names = repo_id.removeprefix("datasets/").removeprefix("spaces/").split("/")
    decoded = [unquote(part) for part in path if part]
    if not all(_REPOSITORY_PART.fullmatch(name) for name in names) or not _is_safe(revision):
        return None
    if not all(_is_safe(part) and "/" not in part and "\\" not in part for part in decoded):
        return None
    if not decoded:
        return HuggingFaceRepository(repo_id=repo_id, revision=revision)
    return HuggingFaceFile(repo_id=repo_id, revision=revision, path="/".join(decoded))


def _is_safe(part: str) -> bool:
    return 0 < len(part) <= 255 and part.isprintable() and not any(name in (".", "..") for name in part.split("/"))


def _civitai(path: str, query: str) -> HubPlace | None:
    parts = [part for part in path.split("/") if part]
    values = dict(parse_qsl(query, max_num_fields=50)) if query.count("&") < 50 else {}
    if parts[:3] == ["api", "download", "models"]:
        return _version(parts[3:4], values, gives_file=True)
    if parts[:2] == ["api", "v1"]:
        parts = parts[2:]
    if parts[:1] == ["model-versions"]:
        return _version(parts[1:2], values)
    if parts[:1] != ["models"]:
        return None
    if values.get("modelVersionId"):
        return _version([values["modelVersionId"]], values)
    return CivitaiModel(model_id=int(parts[1])) if len(parts) > 1 and _NUMBER.fullmatch(parts[1]) else None


def _version(number: list[str], values: dict[str, str], *, gives_file: bool = False) -> CivitaiVersion | None:
    if not number or not _NUMBER.fullmatch(number[0]):
        return None
    file_id = values.get("fileId", "")
    wants = {name: values[name] for name in ("type", "format", "size", "fp", "quantType") if values.get(name)}
    return CivitaiVersion(
        version_id=int(number[0]),
        file_id=int(file_id) if _NUMBER.fullmatch(file_id) else None,
        wants=wants,
        gives_file=gives_file,
    )
