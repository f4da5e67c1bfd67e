"""What Civitai's API answers, as values. Every answer is asked for once in a run."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, TypeVar

import msgspec

from comfyfixer.errors import SourceError
from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.net.client import Client
from comfyfixer.settings import Settings
from comfyfixer.sources.civitai_kinds import folders_for
from comfyfixer.sources.civitai_shapes import (
    Found,
    Listing,
    Metadata,
    Mini,
    ModelItem,
    Page,
    Version,
    access,
    files_of,
    of_version,
    still_match,
    warnings,
)
from comfyfixer.sources.foreign import exact_size, is_model_name, readable

T = TypeVar("T")
Row = TypeVar("Row", bound=msgspec.Struct)

_LIMIT: Final = 30
_PAGES: Final = 3
_SHA256_DIGITS: Final = 64
_HASHES_AT_ONCE: Final = 100


class CivitaiApi:
    """Questions to the configured end point. Thread-safe."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._client = client
        self._endpoint = settings.endpoints.civitai
        self._age_s = settings.cache_max_age_hours * 3600
        self._by_hashes: dict[str, Listing] = {}

    def search(self, query: str, types: Sequence[str], pages: int = _PAGES) -> Listing:
        """All files of all versions of the best models for some words: as far as all words are in a model's row.

        Raises:
            SourceError: No answer came.
        """
        try:
            return self._searched(query, types, pages)
        except SourceError as error:
            if error.status != 400 or not types:
                raise
            return self._searched(query, (), pages)  # the hub's list of types changes

    def _searched(self, query: str, types: Sequence[str], pages: int) -> Listing:
        params = [("query", query), *(("types", name) for name in types), ("nsfw", "true"), ("limit", str(_LIMIT))]
        found: list[Found] = []
        lost: list[bytes] = []
        more: list[tuple[str, str]] = []
        for _ in range(pages):
            page = self._get("/api/v1/models", [*params, *more], Page)
            for item in readable(page.items, ModelItem, lost):
                found += files_of(item, lost)
            metadata = next(readable([page.metadata], Metadata, []), Metadata())
            go_on = metadata.next_cursor is not None or len(page.items) >= _LIMIT
            matching = go_on and still_match(page.items, query)
            if not matching or metadata.next_cursor is None:
                return Listing(found=tuple(found), lost=tuple(lost), more=go_on, cut=matching)
            more = [("cursor", str(metadata.next_cursor))]
        return Listing(found=tuple(found), lost=tuple(lost), more=True, cut=True)

    def model(self, model_id: int) -> Listing:
        """All files of all versions of one model."""
        lost: list[bytes] = []
        item = self._get_row(f"/api/v1/models/{model_id}", ModelItem)
        return Listing(found=tuple(files_of(item, lost)), lost=tuple(lost))

    def version(self, version_id: int) -> Listing:
        """All files of one version."""
        lost: list[bytes] = []
        version = self._get_row(f"/api/v1/model-versions/{version_id}", Version)
        return Listing(found=tuple(of_version(version, lost)), lost=tuple(lost))

    def ask_by_hashes(self, digests: Sequence[str]) -> None:
        """Ask for many SHA-256 at once: `by_hash` knows the answers then. Without an answer it asks for each.

        A question holds 100 of them; what the hub does not know it leaves out.
        """
        distinct = sorted({digest for digest in digests if len(digest) == _SHA256_DIGITS})
        for start in range(0, len(distinct), _HASHES_AT_ONCE):
            some = distinct[start : start + _HASHES_AT_ONCE]
            if len(some) > 1:
                with suppress(SourceError):
                    self._by_hashes |= self._many(some)

    def _many(self, digests: Sequence[str]) -> dict[str, Listing]:
        """The files of all versions that have one of the hashes; an answer that can't be read whole counts for none."""
        answer = self._client.post(
            f"{self._endpoint}/api/v1/model-versions/by-hash",
            body=msgspec.json.encode(digests),
            content_type="application/json",
            max_age_s=self._age_s,
        )
        lost: list[bytes] = []
        rows = answer.json(list[msgspec.Raw])
        found = [found for version in readable(rows, Version, lost) for found in of_version(version, lost)]
        if lost:
            return {}
        of_each = {digest: [one for one in found if one.hashes.get("sha256") == digest] for digest in digests}
        return {digest: Listing(found=tuple(files)) for digest, files in of_each.items()}

    def by_hash(self, digest: str) -> Listing:
        """All files of the oldest version that has a file of this hash."""
        known = self._by_hashes.get(digest)
        if known is not None:
            return known
        lost: list[bytes] = []
        version = self._get_row(f"/api/v1/model-versions/by-hash/{digest}", Version)
        return Listing(found=tuple(of_version(version, lost)), lost=tuple(lost))

    def stored_name(self, found: Found) -> str | None:
        """The name under which a file was uploaded."""
        params = [("modelFileId", str(found.file.id))]
        mini = self._get(f"/api/v1/model-versions/mini/{found.version.id}", params, Mini)
        return mini.file_name if mini.file_name and is_model_name(mini.file_name) else None

    def candidate(
        self,
        found: Found,
        *,
        found_by: str,
        evidence: Sequence[Evidence] = (),
        more_names: Sequence[str] = (),
        workflow_urls: tuple[str, ...] = (),
    ) -> Candidate:
        """A file as other rooms know it."""
        version, file = found.version, found.file
        names = tuple(dict.fromkeys((*found.names, *more_names)))
        return Candidate(
            source="civitai",
            filename=names[0],
            alternative_names=names[1:],
            download_url=f"{self._endpoint}/api/download/models/{version.id}?fileId={file.id}",
            size_bytes=exact_size(file.size_kb * 1024 if file.size_kb is not None else None),
            hashes=found.hashes,
            kind=found.model_type,
            folders=folders_for(found.model_type, file.type, found.shown_name, version.base_model),
            access=access(found),
            page_url=f"{self._endpoint}/models/{found.model_id}?modelVersionId={version.id}",
            found_by=found_by,
            model_id=found.model_id,
            model_name=found.model_name,
            version_id=version.id,
            version_name=version.name,
            file_id=file.id,
            base_model=version.base_model,
            workflow_urls=workflow_urls,
            evidence=(*evidence, *warnings(found)),
        )

    def _get_row(self, path: str, row_type: type[Row]) -> Row:
        """An answer that is one row."""
        for row in readable([self._get(path, (), msgspec.Raw)], row_type, []):
            return row
        raise SourceError(
            "Civitai described a model in a form that is not known", code="hub-bad-answer", hint="Try again later"
        )

    def _get(self, path: str, params: Sequence[tuple[str, str]], answer_type: type[T]) -> T:
        return self._client.get(self._endpoint + path, params=params, max_age_s=self._age_s).json(answer_type)
