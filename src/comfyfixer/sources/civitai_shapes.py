"""Civitai's answers as values, and what is read out of them; no question is asked here."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from comfyfixer.model.candidate import Evidence
from comfyfixer.sources.civitai_kinds import is_model_file
from comfyfixer.sources.civitai_names import derived_name
from comfyfixer.sources.foreign import is_model_name, known_hashes, readable

_LAST: Final = 3


class File(msgspec.Struct, rename="camel"):
    """One row of `files`; all but the id may be missing or null."""

    id: int
    name: str | None = None
    override_name: str | None = None
    size_kb: float | None = msgspec.field(default=None, name="sizeKB")
    type: str | None = None
    pickle_scan_result: str | None = None
    virus_scan_result: str | None = None
    metadata: dict[str, str | float | bool | None] | None = None
    hashes: dict[str, str | None] | None = None
    primary: bool | None = None


class _PaidAccess(msgspec.Struct, rename="camel"):
    permanent: bool | None = None
    ends_at: str | None = None


class _Model(msgspec.Struct):
    """A model as a version's answer names it."""

    name: str | None = None
    type: str | None = None
    mode: str | None = None


class Version(msgspec.Struct, rename="camel"):
    """One version; `model` and `model_id` only where it was asked for by itself."""

    id: int
    name: str | None = None
    base_model: str | None = None
    usage_control: str | None = None
    paid_access: _PaidAccess | None = None
    early_access_deadline: str | None = None
    trained_words: list[str | None] | None = None
    files: list[msgspec.Raw] | None = None
    model_id: int | None = None
    model: _Model | None = None


class ModelItem(msgspec.Struct, rename="camel"):
    id: int
    name: str | None = None
    type: str | None = None
    mode: str | None = None
    model_versions: list[msgspec.Raw] | None = None


class Page(msgspec.Struct):
    items: list[msgspec.Raw]
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


class Metadata(msgspec.Struct, rename="camel"):
    next_cursor: str | int | None = None


class Mini(msgspec.Struct, rename="camel"):
    file_name: str | None = None
    require_auth: bool | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One file with the version and the model it belongs to."""

    model_id: int
    model_name: str
    model_type: str | None
    mode: str | None
    version: Version
    file: File

    @property
    def contradicts_itself(self) -> bool:
        """True where the hashes can't be those of one file: AutoV2 is how the SHA-256 begins."""
        hashes = known_hashes(self.file.hashes or {})
        return not hashes.get("sha256", "").startswith(hashes.get("autov2", "")) and "sha256" in hashes

    @property
    def hashes(self) -> dict[str, str]:
        """Lower-case; none where they contradict each other."""
        return {} if self.contradicts_itself else known_hashes(self.file.hashes or {})

    @property
    def shown_name(self) -> str:
        """As the API names it."""
        return self.file.name or ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name the file is known under, the shown one first."""
        derived = derived_name(
            self.shown_name,
            model_name=self.model_name,
            model_type=self.model_type,
            version_name=self.version.name or "",
            file_type=self.file.type,
            word=next(iter(self.version.trained_words or ()), None),
        )
        names = (self.shown_name, self.file.override_name, derived)
        return tuple(dict.fromkeys(name for name in names if name and is_model_name(name)))


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one answer.

    Attributes:
        lost: What could not be read.
        more: The hub has more models for the query.
        cut: Among those that were not read may be some with all words of the query.
    """

    found: tuple[Found, ...]
    lost: tuple[bytes, ...] = ()
    more: bool = False
    cut: bool = False


def still_match(items: Sequence[msgspec.Raw], query: str) -> bool:
    """Whether one of the last models has all words of the query: then the next page may have more of them."""
    words = query.lower().split()
    texts = (bytes(item).decode(errors="replace").lower() for item in items[-_LAST:])
    return any(all(word in text for word in words) for text in texts)


def files_of(model: ModelItem, lost: list[bytes]) -> Iterator[Found]:
    odd: list[bytes] = []
    for version in readable(model.model_versions or (), Version, odd):
        yield from _found(version, _Model(model.name, model.type, model.mode), model.id, lost)
    if odd or model.model_versions is None:
        lost.append(msgspec.json.encode(model))


def of_version(version: Version, lost: list[bytes]) -> Iterator[Found]:
    if version.model_id is not None:
        yield from _found(version, version.model or _Model(), version.model_id, lost)


def _found(version: Version, model: _Model, model_id: int, lost: list[bytes]) -> Iterator[Found]:
    """The version's files that are models and have a name that can be shown."""
    odd: list[bytes] = []
    for file in readable(version.files or (), File, odd):
        found = Found(
            model_id=model_id,
            model_name=model.name or "",
            model_type=model.type,
            mode=model.mode,
            version=version,
            file=file,
        )
        if is_model_file(file.type) and found.names:
            yield found
        elif is_model_file(file.type) and file.name is None:
            odd.append(b"")
    if odd or version.files is None:
        lost.append(msgspec.json.encode((model, version)))


def access(found: Found) -> str:
    version = found.version
    if found.mode == "Archived":
        return "archived"
    if found.mode == "TakenDown" or version.usage_control not in (None, "Download"):
        return "download-disabled"
    paid = version.paid_access
    if paid is not None and (paid.permanent or not _is_past(paid.ends_at)):
        return "early-access"
    deadline = version.early_access_deadline
    return "early-access" if deadline and not _is_past(deadline) else "open"


def _is_past(moment: str | None) -> bool:
    """False for no moment at all: still closed."""
    try:
        parsed = datetime.fromisoformat(moment or "")
    except ValueError:
        return False
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)) < datetime.now(UTC)


def warnings(found: Found) -> Iterator[Evidence]:
    file = found.file
    if found.contradicts_itself:
        yield Evidence(kind="contradictory", detail="Civitai tells hashes of this file that contradict each other")
    if file.pickle_scan_result == "Danger":
        yield Evidence(kind="unsafe", detail="Civitai's pickle scan calls this file dangerous")
    if file.virus_scan_result == "Danger":
        yield Evidence(kind="virus", detail="Civitai's virus scan calls this file dangerous")
