"""Metadata files that other programs write beside a model, read for hashes and ids; and what they say. Pure.

`NAME.civitai.info` is a version of Civitai's API (Civitai Helper), `NAME.metadata.json` ComfyUI-Lora-Manager's,
`NAME.cm-info.json` Stability Matrix's, `NAME.sha256` a line of `sha256sum`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.sidecar import Sidecar
from comfyfixer.redact import plain
from comfyfixer.resolve.names import split_extension

_JSON: Final = (".civitai.info", ".metadata.json", ".cm-info.json")
_DIGEST: Final = ".sha256"
_LENGTHS: Final = {"sha256": 64, "blake3": 64, "autov3": 12, "autov2": 10, "crc32": 8}
_TOLD: Final = ("sha256", "blake3", "autov3", "autov2")
"""Equal or different values of these say something; a CRC32 is written in two ways."""
_HEX: Final = re.compile(r"[0-9a-f]+")
_SUM: Final = re.compile(r"\\?([0-9A-Fa-f]{64})(?:[ \t]+\*?([^\r\n]*))?")
_ODD: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MAX_FILES: Final = 100
_MAX_ID: Final = 10**12


def names_beside(filename: str) -> tuple[str, ...]:
    """The base names that metadata files of a model's file have."""
    stem = split_extension(filename)[0]
    names = [f"{stem}{ending}" for ending in (*_JSON, _DIGEST)]
    return tuple(dict.fromkeys((*names, f"{filename}{_DIGEST}")))


def sidecar(name: str, document: bytes, filename: str) -> Sidecar | None:
    """What the metadata file of this base name says of the model's file; None where it says nothing."""
    if name.endswith(_DIGEST):
        found = Sidecar(name=name, hashes=_sum(document, filename))
    else:
        found = _of_json(name, document, filename)
    return found if found.hashes or found.version_id is not None else None


def told_beside(candidate: Candidate, beside: Iterable[Sidecar]) -> Iterator[Evidence]:
    """What the metadata files say of one candidate: its bytes, other bytes, or its version."""
    known = {"autov2": candidate.sha256[:10], **candidate.hashes} if candidate.sha256 else candidate.hashes
    for one in beside:
        said = f"A metadata file beside where it belongs, `{plain(one.name)}`, names"
        shared = [name for name in _TOLD if name in one.hashes and name in known]
        if shared and all(one.hashes[name] == known[name] for name in shared):
            yield Evidence(kind="sidecar", detail=f"{said} these bytes ({shared[0]} {one.hashes[shared[0]][:12]})")
        elif shared:
            yield Evidence(kind="sidecar-differs", detail=f"{said} other bytes ({_first_other(one, shared, known)})")
        elif not one.hashes and candidate.source == "civitai" and candidate.version_id == one.version_id:
            yield Evidence(kind="sidecar", detail=f"{said} its version {one.version_id}")


def worth_reading(missing: MissingModel) -> bool:
    """Whether a metadata file could tell more than the workflow does."""
    return missing.folder is not None and not missing.hashes and not missing.disputed_hashes


def _first_other(one: Sidecar, shared: Iterable[str], known: dict[str, str]) -> str:
    return next(f"{name} {one.hashes[name][:12]}" for name in shared if one.hashes[name] != known[name])


def _sum(document: bytes, filename: str) -> dict[str, str]:
    """The digest of the line that names the file, or of the only line."""
    lines = [line.strip() for line in document.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    sums = [match for line in lines[:_MAX_FILES] if (match := _SUM.fullmatch(line))]
    named = [match for match in sums if _base(match[2]) == filename]
    nameless = [match for match in sums if not match[2]] if len(lines) == 1 else []
    meant = named or nameless
    return {"sha256": meant[0][1].lower()} if len(meant) == 1 else {}


def _base(path: str | None) -> str:
    return (path or "").replace("\\", "/").rpartition("/")[2]


def _of_json(name: str, document: bytes, filename: str) -> Sidecar:
    try:
        root = msgspec.json.decode(document.removeprefix(b"\xef\xbb\xbf"))
    except _ODD:
        return Sidecar(name=name)
    if not isinstance(root, dict):
        return Sidecar(name=name)
    if name.endswith(".cm-info.json"):
        return Sidecar(name=name, hashes=_hashes(root.get("Hashes")), version_id=_id(root.get("VersionId")))
    if name.endswith(".metadata.json"):
        version = root.get("civitai")
        version_id = _id(version.get("id")) if isinstance(version, dict) else None
        return Sidecar(name=name, hashes=_hashes({"sha256": root.get("sha256")}), version_id=version_id)
    return Sidecar(name=name, hashes=_of_version(root, filename), version_id=_id(root.get("id")))


def _of_version(version: dict[str, Any], filename: str) -> dict[str, str]:
    """The hashes of the version's file of that name, or of its only file: which of several is meant nobody tells."""
    rows = version.get("files")
    files = [row for row in rows[:_MAX_FILES] if isinstance(row, dict)] if isinstance(rows, list) else []
    named = [row for row in files if row.get("name") == filename]
    meant = named or files
    return _hashes(meant[0].get("hashes")) if len(meant) == 1 else {}


def _hashes(value: Any) -> dict[str, str]:
    """Lower-case algorithm to lower-case hex, without what is no such hash."""
    pairs = value.items() if isinstance(value, dict) else ()
    found = {str(name).lower(): hex_.strip().lower() for name, hex_ in pairs if isinstance(hex_, str)}
    return {name: hex_ for name, hex_ in found.items() if len(hex_) == _LENGTHS.get(name) and _HEX.fullmatch(hex_)}


def _id(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < _MAX_ID else None
