"""Step 2: ask the sources about each missing model, decide, write `output/resolutions.json`."""

from collections.abc import Sequence
from functools import partial

import msgspec

from comfyfixer.errors import NotThere, SourceError
from comfyfixer.model.candidate import Candidate, Findings
from comfyfixer.model.decision import Decision, Fetch
from comfyfixer.model.missing import MissingModel, MissingNode
from comfyfixer.model.problem import Problem
from comfyfixer.model.resolution import Resolution
from comfyfixer.net.client import Client, make_client
from comfyfixer.pipeline.beside import Beside
from comfyfixer.pipeline.choose import ChoiceBook
from comfyfixer.pipeline.leads import known_leads
from comfyfixer.pipeline.local_files import LocalFiles
from comfyfixer.pipeline.offline import tell_offline
from comfyfixer.pipeline.parallel import in_parallel
from comfyfixer.pipeline.resolve_nodes import packs_to_find, resolve_nodes
from comfyfixer.pipeline.session import Session, read_rows, read_rows_if_there
from comfyfixer.pipeline.silences import Silences
from comfyfixer.report.words import plural
from comfyfixer.resolve.decide import already_here, decide
from comfyfixer.resolve.rows import resolution
from comfyfixer.sources.registry import make_sources
from comfyfixer.sources.source import Source, concerned, prepared

LOOKUPS_AT_ONCE = 8
"""More only queue up: each hub is asked by at most four at once."""
_HERE = "here: a file with the SHA-256 that the workflow names"


def resolve(session: Session) -> None:
    """Find a source for each missing model, and a pack for each missing node type.

    Raises:
        UsageError: No scan has been made in this folder.
        Interrupted: The user stopped; answers so far stay in the cache.
    """
    missing = read_rows(session.workdir.missing_models, MissingModel, step="scan")
    nodes = read_rows_if_there(session, session.workdir.missing_nodes, MissingNode)
    types = len(packs_to_find(nodes))
    total = len(missing) + types
    what = " and ".join([plural(len(missing), "model file"), *([plural(types, "node type")] if types else [])])
    session.emit("phase.started", phase="resolving", what=what, total=total)
    with make_client(session.settings, session.emit, cache_path=session.workdir.answers) as client:
        beside = Beside(session)
        sources = _sources(session, client, beside)
        prepared(sources, missing)
        enquiry = _Enquiry(session, sources, beside)
        rows = _resolve_all(session, missing, enquiry, client, total)
        session.write(session.workdir.resolutions, rows)
        enquiry.book.save()
        for problem in enquiry.unanswered(rows):
            session.found_problem(problem)
        open_types = resolve_nodes(session, client, nodes, done=len(rows))
        tell_offline(session, sum(row.answer_pending for row in rows) + open_types)


def _sources(session: Session, client: Client, beside: Beside) -> tuple[Source, ...]:
    """Those that the settings want, with the indexes of the session's installation."""
    read_leads = partial(known_leads, session)
    return make_sources(session.settings, client, read_leads=read_leads, read_beside=beside, told=session.found_problem)


def _resolve_all(
    session: Session, missing: Sequence[MissingModel], enquiry: "_Enquiry", client: Client, total: int
) -> list[Resolution]:
    """Every row, in the order of `missing`."""
    rows: dict[int, Resolution] = {}
    work = [partial(enquiry.about, item) for item in missing]
    for place, row in in_parallel(session, work, at_once=LOOKUPS_AT_ONCE, on_stop=client.stop):
        rows[place] = row
        session.emit("phase.progressed", current=len(rows), total=total)
    return [rows[place] for place in range(len(missing))]


def _merged(known: Candidate, again: Candidate) -> Candidate:
    """The same file, found twice: everything that was said of it."""
    return msgspec.structs.replace(
        known,
        workflow_urls=tuple(dict.fromkeys((*known.workflow_urls, *again.workflow_urls))),
        evidence=tuple(dict.fromkeys((*known.evidence, *again.evidence))),
        folders=tuple(dict.fromkeys((*known.folders, *again.folders))),
    )


class _Enquiry:
    """Asks the sources in order, and no further than proof needs."""

    def __init__(self, session: Session, sources: Sequence[Source], beside: Beside) -> None:
        self._session = session
        self._sources = sources
        self._beside = beside
        self._silences = Silences()
        self._local = LocalFiles(session)
        self.book = ChoiceBook(session)

    def about(self, missing: MissingModel) -> Resolution:
        """The row of one missing model, as somebody chose where somebody did."""
        if left_out := self.book.left_out(missing):
            return self._told(left_out)
        row, found = self._enquired(missing)
        return self._told(self.book.applied(missing, row, found))

    def _enquired(self, missing: MissingModel) -> tuple[Resolution, Sequence[Candidate]]:
        """What can be decided without a choice, and all that was found; what is here already is not asked for."""
        if match := self._local.named_by_hash(missing):
            return resolution(missing, already_here(match), Findings(asked=(_HERE,))), ()
        candidates: dict[str, Candidate] = {}
        silent: dict[str, str] = {}
        asked: list[str] = []
        beside = self._beside(missing)
        decision = self._decide(missing, Findings())
        sources = [source for source in self._sources if concerned(source, missing)]
        for place, source in enumerate(sources):
            self._session.check_stop()
            asked.append(self._ask(source, missing, candidates, silent))
            later = {other.name: "not asked yet" for other in sources[place + 1 :]}
            # A name proves something only when everyone was asked: `later` keeps it from counting too early.
            so_far = Findings(candidates=tuple(candidates.values()), unanswered={**silent, **later}, beside=beside)
            decision = self._decide(missing, so_far)
            if isinstance(decision, Fetch):
                break
        found = tuple(candidates.values())
        findings = Findings(candidates=found, unanswered=silent, asked=tuple(asked), beside=beside)
        without = self._decide(msgspec.structs.replace(missing, local_matches=()), findings)
        decision = self._local.in_place_of(missing, without, decision)
        return resolution(missing, decision, findings), findings.candidates

    def _ask(
        self, source: Source, missing: MissingModel, candidates: dict[str, Candidate], silent: dict[str, str]
    ) -> str:
        """Add what one source has and say so in a sentence; no answer is not the answer "no"."""
        before, asked = len(candidates), ""
        try:
            for candidate in source.search(missing):
                known = candidates.get(candidate.id)
                candidates[candidate.id] = _merged(known, candidate) if known else candidate
        except NotThere as error:
            asked = f"{source.name}: {error.message}"
        except SourceError as error:
            silent[source.name] = error.message
            self._silences.note(source.name, error)
            self._session.emit(
                "source.unanswered", source=source.name, filename=missing.filename, message=error.message
            )
            return f"{source.name}: no answer ({error.message})"
        found = len(candidates) - before
        return asked or f"{source.name}: {plural(found, 'candidate')}"

    def _decide(self, missing: MissingModel, findings: Findings) -> Decision:
        settings = self._session.settings
        return decide(missing, findings, fuzzy_threshold=settings.fuzzy_threshold, max_results=settings.max_results)

    def _told(self, row: Resolution) -> Resolution:
        self._session.emit(
            "decision.made", filename=row.filename, decision=row.decision, source=row.source, because=row.because
        )
        return row

    def unanswered(self, rows: Sequence[Resolution]) -> list[Problem]:
        """One problem per source that failed, not one per file."""
        hint = "These items stay open; `comfyfixer resolve` asks again"
        return self._silences.problems((row.unanswered for row in rows), about="missing file", hint=hint)
