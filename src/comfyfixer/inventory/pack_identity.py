"""What a node pack says about itself: `pyproject.toml`, registry tracking files, `.git` (read, never run)."""

import os
import re
from pathlib import Path
from typing import Any, Final

import msgspec

_MAX_BYTES: Final = 1 << 20
_UNPACKED_FILES: Final = ".tracking"
"""Where Manager and comfy-cli list the files of a release that they unpacked."""
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a pack is.

    Attributes:
        id: Registry id: the tracking file's, else `[project] name`.
        version: From `pyproject.toml`.
        repository: URL of the git remote, else of the project's page.
        commit: Full hash of the checked-out commit.
        installed_from: `registry` where ComfyUI-Manager or comfy-cli unpacked a release, `git` for a checkout.
        managed: ComfyUI-Manager or comfy-cli keep track of it.
    """

    id: str | None = None
    version: str | None = None
    repository: str | None = None
    commit: str | None = None
    installed_from: str | None = None
    managed: bool = False


def identify(pack: Path) -> Identity:
    """What the files in a pack's folder tell, and the name of one that Manager switched off; a file tells nothing."""
    if not os.path.isdir(pack):
        return Identity()
    project = _project(pack / "pyproject.toml")
    urls = project.get("urls")
    page = _text(urls.get("Repository") or urls.get("repository")) if isinstance(urls, dict) else None
    git = _git_folder(pack)
    noted = _noted_id(pack, git)
    unpacked = git is None and os.path.isfile(pack / _UNPACKED_FILES)
    named_id, named_version = _in_name(pack)
    return Identity(
        id=noted or _text(project.get("name")) or named_id,
        version=_text(project.get("version")) or named_version,
        repository=(_remote(git) if git else None) or page,
        commit=_commit(git) if git else None,
        installed_from="git" if git else "registry" if unpacked else None,
        managed=unpacked or noted is not None,
    )


def _in_name(pack: Path) -> tuple[str | None, str | None]:
    """Manager keeps what it switched off as `.disabled/id@1_2_0`, a checkout as `id@nightly` or `id@unknown`."""
    name, at, version = pack.name.partition("@")
    if pack.parent.name != ".disabled" or not at:
        return None, None
    return _text(name), _text(version.replace("_", ".")) if version[:1].isdecimal() else None


def _project(file: Path) -> dict[str, Any]:
    """The `[project]` table; a file that can't be read or parsed tells nothing."""
    text = _read(file)
    if text is None:
        return {}
    import tomllib

    try:
        project = tomllib.loads(text).get("project", {})
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return {}
    return project if isinstance(project, dict) else {}


def _noted_id(pack: Path, git: Path | None) -> str | None:
    """ComfyUI-Manager notes the registry's id of a checkout in `.git/.cnr-id`."""
    return _text((_read((git or pack) / ".cnr-id") or "").strip())


def _git_folder(pack: Path) -> Path | None:
    """The git folder, also where `.git` is a file that points to it (worktrees, submodules)."""
    git = pack / ".git"
    if os.path.isdir(git):
        return git
    pointer = (_read(git) or "").strip()
    return pack / pointer.removeprefix("gitdir:").strip() if pointer.startswith("gitdir:") else None


def _remote(git: Path) -> str | None:
    """URL of `origin`, else of the first remote, without user name and password."""
    urls: dict[str, str] = {}
    section = ""
    for line in (_read(git / "config") or _read(_common(git) / "config") or "").splitlines():
        key, _, value = line.strip().partition("=")
        if key.startswith("["):
            section = key
        elif key.strip() == "url" and section.startswith("[remote "):
            urls.setdefault(section, value.strip())
    url = _text(urls.get('[remote "origin"]') or next(iter(urls.values()), None))
    return re.sub(r"(?<=://)[^/@]*@", "", url) if url else None


def _common(git: Path) -> Path:
    """A worktree keeps only its head; the rest is in the common folder."""
    return git / (_read(git / "commondir") or ".").strip()


def _commit(git: Path) -> str | None:
    head = (_read(git / "HEAD") or "").strip()
    if not head.startswith("ref:"):
        return _hash(head)
    name = head.removeprefix("ref:").strip()
    if ".." in name or name.startswith("/"):
        return None
    loose = _read(git / name) or _read(_common(git) / name)
    return _hash((loose or "").strip()) or _packed(_common(git), name)


def _packed(git: Path, name: str) -> str | None:
    for line in (_read(git / "packed-refs") or "").splitlines():
        commit, _, ref = line.partition(" ")
        if ref.strip() == name:
            return _hash(commit)
    return None


def _hash(text: str) -> str | None:
    return text if _COMMIT.fullmatch(text) else None


def _text(value: object) -> str | None:
    """Foreign text fit to be shown, or None."""
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value[:200] if letter.isprintable()).strip() or None


def _read(file: Path) -> str | None:
    try:
        if os.path.getsize(file) > _MAX_BYTES or not os.path.isfile(file):
            return None
        return file.read_bytes().decode("utf-8-sig", "replace")
    except (OSError, ValueError):
        return None
