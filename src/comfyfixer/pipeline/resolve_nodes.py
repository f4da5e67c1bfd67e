"""The part of step 2 that is about node types: which pack has each that is missing."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import msgspec

from comfyfixer.errors import SourceError
from comfyfixer.model.missing import MissingNode, PackReference
from comfyfixer.model.problem import Problem
from comfyfixer.net.client import Client
from comfyfixer.pipeline.parallel import in_parallel
from comfyfixer.pipeline.session import Session
from comfyfixer.pipeline.silences import Silences
from comfyfixer.resolve.pack_claims import filled, learned
from comfyfixer.sources.node_packs import PackSource, make_pack_sources

_OF_COMFYUI: Final = frozenset({"update-comfyui", "removed"})
_AT_ONCE: Final = 8


def packs_to_find(rows: Iterable[MissingNode]) -> list[MissingNode]:
    """The rows of types that a pack has, not ComfyUI itself."""
    return [row for row in rows if row.state not in _OF_COMFYUI]


def resolve_nodes(session: Session, client: Client, rows: Sequence[MissingNode], *, done: int) -> int:
    """Ask who has each type, and write `missing_nodes.json` anew with what was learned.

    Args:
        done: What the step has finished before, for its progress.

    Returns:
        Of how many types a pack may be known to somebody who gave no answer.

    Raises:
        Interrupted: The user stopped; answers so far stay in the cache.
    """
    enquiry = _Enquiry(session, make_pack_sources(session.settings, client))
    wanted = packs_to_find(rows)
    total = done + len(wanted)
    found = {row.node_type: row for row in rows}
    work = [partial(enquiry.about, row) for row in wanted]
    for _, row in in_parallel(session, work, at_once=_AT_ONCE, on_stop=client.stop):
        found[row.node_type] = row
        done += 1
        session.emit("phase.progressed", current=done, total=total)
    if wanted:
        session.write(session.workdir.missing_nodes, list(found.values()))
    for problem in enquiry.unanswered(list(found.values())):
        session.found_problem(problem)
    return sum(bool(row.unanswered) for row in found.values())


class _Enquiry:
    """Asks every source about a type, and about the packs that were named before."""

    def __init__(self, session: Session, sources: Sequence[PackSource]) -> None:
        self._session = session
        self._sources = sources
        self._silences = Silences()

    def about(self, row: MissingNode) -> MissingNode:
        """The row with what the sources know."""
        claims: list[PackReference] = []
        unanswered: dict[str, None] = {}
        for source in self._sources:
            self._session.check_stop()
            try:
                claims += source.packs_with(row.node_type)
            except SourceError as error:
                self._note(source, error, unanswered)
        known = learned(row, claims, ())
        packs = tuple(self._filled(pack, unanswered) for pack in (known.pack, *known.alternatives) if pack)
        pack, alternatives = (packs[0], packs[1:]) if packs else (None, ())
        return self._told(
            msgspec.structs.replace(known, pack=pack, alternatives=alternatives, unanswered=tuple(unanswered))
        )

    def _filled(self, pack: PackReference, unanswered: dict[str, None]) -> PackReference:
        """A pack with what those know of it that did not name it themselves."""
        for source in self._sources:
            if source.found_by not in (pack.found_by, *pack.also_found_by) and source.name not in unanswered:
                try:
                    pack = filled(pack, source.about(pack))
                except SourceError as error:
                    self._note(source, error, unanswered)
        return pack

    def _note(self, source: PackSource, error: SourceError, unanswered: dict[str, None]) -> None:
        unanswered[source.name] = None
        self._silences.note(source.name, error)

    def unanswered(self, rows: Sequence[MissingNode]) -> list[Problem]:
        """One problem for each source that gave no answer, not one for each type."""
        hint = "Their packs stay open; `comfyfixer resolve` asks again"
        return self._silences.problems((row.unanswered for row in rows), about="node type", hint=hint)

    def _told(self, row: MissingNode) -> MissingNode:
        pack = row.pack
        name = (pack.title or pack.id or pack.repository) if pack else None
        found_by = pack.found_by if pack else "nobody"
        self._session.emit("pack.found", node_type=row.node_type, pack=name or "no pack known", found_by=found_by)
        return row
