"""The overview as a person sees it: each missing file with what became of it, each workflow with what it waits for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from comfyfixer.errors import WARNINGS
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import Overview, WorkflowRow
from comfyfixer.model.source_names import ADDRESSES, called
from comfyfixer.report.words import plural, quoted, sentences
from comfyfixer.resolve.ruled_out import all_refused, instead
from comfyfixer.resolve.verdict import is_chosen, is_here, loadable

_UNUSABLE: Final = frozenset({"broken", "wrong-kind"})
STATES: Final = ("placed", "choose_anew", "here", "failed", "accepted", "review", "skipped", "not_found", "missing")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One missing file.

    Attributes:
        state: One of `STATES`: `choose_anew` is placed, but the node lists it with the other system's slash or in other
            capital letters; `accepted` is proven and not fetched yet; `here` is here under another path or name;
            `skipped` is left out by choice; `missing` is not looked for yet.
        said: What was done or what stands in the way, and what is wrong with a file that is here.
        hint: What to do next, or None.
    """

    missing: MissingModel
    resolution: Resolution | None
    outcome: Outcome | None
    state: str
    said: str
    hint: str | None = None

    @property
    def unheard(self) -> bool:
        """Whether it is `not_found` only as far as answers came: it is open, not absent."""
        return self.state == "not_found" and self.resolution is not None and self.resolution.answer_pending


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """The overview with what it says of each file and of each workflow: made once, told in several ways.

    Attributes:
        items: In the order of `missing_models.json`.
        views: Each workflow with its items, in path order.
        counts: State to number of items.
        ready: Number of workflows that wait for nothing.
    """

    overview: Overview
    items: tuple[Item, ...]
    views: tuple["WorkflowView", ...]
    counts: Mapping[str, int]
    ready: int


def joined(overview: Overview) -> Joined:
    """Join the rows of the steps, file by file and workflow by workflow."""
    found = items(overview)
    views = workflow_views(overview, found)
    number = Counter(item.state for item in found)
    counts = {state: number[state] for state in STATES}
    return Joined(
        overview=overview, items=found, views=views, counts=counts, ready=sum(view.ready for view in views)
    )  # fmt: skip


def items(overview: Overview) -> tuple[Item, ...]:
    """Every missing file, in the order of `missing_models.json`."""
    rows = {row.key: row for row in overview.resolutions}
    outcomes = {outcome.key: outcome for outcome in overview.downloads}
    return tuple(
        _item(missing, rows.get(missing.key), outcomes.get(missing.key)) for missing in overview.missing_models
    )


def _item(missing: MissingModel, row: Resolution | None, outcome: Outcome | None) -> Item:
    if row is None and not missing.local_matches:
        return Item(missing=missing, resolution=None, outcome=outcome, state="missing", said=_NOT_YET, hint=_LOOK)
    state, said, hint = _state(missing, row, outcome)
    unusable = next((match.detail for match in missing.local_matches if match.why in _UNUSABLE), None)
    if unusable and state in ("review", "not_found", "failed"):
        said = sentences(said, unusable)
    return Item(missing=missing, resolution=row, outcome=outcome, state=state, said=said, hint=hint)


def other_problems(overview: Overview) -> tuple[Problem, ...]:
    """What is not told with a missing file: unreadable workflows first. Warnings were said when they were found."""
    unreadable = [row.error for row in overview.workflows if row.error]
    told = {(problem.code, problem.where) for problem in unreadable}
    told |= {
        (f"model-{match.why}", match.path) for missing in overview.missing_models for match in missing.local_matches
    }
    others = (problem for problem in overview.problems if problem.code not in WARNINGS)
    return (*unreadable, *(problem for problem in others if (problem.code, problem.where) not in told))


def _state(missing: MissingModel, row: Resolution | None, outcome: Outcome | None) -> tuple[str, str, str | None]:
    if row is None:
        return _not_looked_for(missing)
    if is_here(row):
        return "here", row.because, _relink_hint(row)
    if row.skipped:
        return "skipped", row.because, f"`comfyfixer choose --forget {quoted(row.filename)}` takes that back"
    if row.decision == "review":
        return "review", row.because, _review_hint(row)
    if row.decision == "not_found":
        from comfyfixer.resolve.advice import advice

        return "not_found", sentences(row.because, _asked(row)), "; ".join(advice(row))
    if outcome is None:
        return "accepted", row.because, "`comfyfixer download` fetches it"
    if loadable(outcome):
        return "placed", _placed(outcome), None
    if outcome.success:
        return (
            "choose_anew",
            f"It is in its place, {_placed(outcome)}, which the node lists in another spelling",
            _ANEW,
        )
    problem = outcome.error
    return ("failed", problem.message, problem.hint) if problem else ("failed", "It could not be fetched", None)


def _not_looked_for(missing: MissingModel) -> tuple[str, str, str | None]:
    """What the scan alone tells of a file of which something is here."""
    from comfyfixer.resolve.relinking import mend

    found = mend(missing)
    if isinstance(found, Problem):
        return "missing", found.message, found.hint
    return "here", found.match.detail or f"It is here as `{found.match.path}`", _RELINK


_NOT_YET: Final = "Not looked for yet"
_LOOK: Final = "`comfyfixer resolve` looks for it"
_RELINK: Final = "`comfyfixer relink` mends it; nothing has to be downloaded"
_ANEW: Final = "`comfyfixer relink` writes a copy of the workflow that names it so; or choose it anew in the node"


def origin(outcome: Outcome) -> str:
    """Where a placed file came from, as it ends a sentence part."""
    if outcome.from_store:
        return "linked from the store"
    return "here before" if outcome.already_there else f"from {called(outcome.source)}"


def _placed(outcome: Outcome) -> str:
    how = "SHA-256 verified" if outcome.verified else "size and format checked; its hub names no hash"
    kept = f"; the broken file that had its name is kept as `{outcome.set_aside}`" if outcome.set_aside else ""
    unsafe = f"; allowed by name: {outcome.unsafe[0].lower()}{outcome.unsafe[1:]}" if outcome.unsafe else ""
    return f"`{outcome.path}` ({how}){kept}{unsafe}"


def _review_hint(row: Resolution) -> str:
    if row.source == "local" and len(row.candidates) == 1:
        return "`comfyfixer relink` takes the file that is here; or download another by hand"
    if all_refused(row):
        return instead(row)
    count = plural(len(row.candidates), "candidate")
    return f"`comfyfixer review` compares {count}; `comfyfixer choose` takes one without a terminal"


def _relink_hint(row: Resolution) -> str:
    """A file that somebody chose is named, as nothing else tells which one is meant."""
    if not is_chosen(row) or not row.download_url:
        return _RELINK
    return f"`comfyfixer relink {quoted(row.filename)} --to {quoted(row.download_url)}` mends it"


def _asked(row: Resolution) -> str | None:
    """Who was asked, and what came; who had nothing is only named, and why one gave no answer is told before."""
    return f"Asked: {', '.join(_came(entry, row) for entry in row.asked)}" if row.asked else None


def _came(entry: str, row: Resolution) -> str:
    source, _, came = entry.partition(": ")
    name = source if source in ADDRESSES else called(source)
    if source in row.unanswered:
        return f"{name}: no answer"
    return name if came in ("", "0 candidates") else f"{name}: {came}"


class WorkflowView(msgspec.Struct, frozen=True, kw_only=True):
    """One workflow with everything that it waits for."""

    row: WorkflowRow
    items: tuple[Item, ...]

    @property
    def ready(self) -> bool:
        """Nothing is missing any more."""
        return self.row.ok and not self.row.missing_nodes and all(item.state == "placed" for item in self.items)


def workflow_views(overview: Overview, joined: Sequence[Item]) -> tuple[WorkflowView, ...]:
    """Each workflow with its items, in path order."""
    by_workflow: dict[str, list[Item]] = {}
    for item in joined:
        for path in item.missing.workflows:
            by_workflow.setdefault(path, []).append(item)
    return tuple(
        WorkflowView(row=row, items=tuple(by_workflow.get(row.path, ())))
        for row in sorted(overview.workflows, key=lambda row: row.path)
    )
