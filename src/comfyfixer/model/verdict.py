"""Whether each workflow runs, and why not: data of `workflows`."""

import msgspec

from comfyfixer.model.problem import Problem


class WaitsForModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model file that a workflow waits for.

    Attributes:
        state: What became of it: `missing` (not looked for yet), `accepted` (proven, not fetched), `review`,
            `not_found`, `here` (under another path or name), `choose_anew`, `failed`, `skipped`.
        said: Why, as a sentence.
        hint: What to do next, or None.
    """

    filename: str
    folder: str | None
    state: str
    said: str
    hint: str | None = None
    size_bytes: int | None = None


class WaitsForNode(msgspec.Struct, frozen=True, kw_only=True):
    """One node type that a workflow waits for.

    Attributes:
        state: As `MissingNode.state`.
        pack: Who brings it: title, id or repository; None where nothing tells.
    """

    node_type: str
    state: str
    pack: str | None = None


class WorkflowVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One workflow.

    Attributes:
        verdict: `runnable`, `waiting` or `unreadable`.
        needs: Number of different model files that its active nodes name.
    """

    path: str
    verdict: str
    needs: int = 0
    models: tuple[WaitsForModel, ...] = ()
    nodes: tuple[WaitsForNode, ...] = ()
    error: Problem | None = None


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `workflows`.

    Attributes:
        counts: Verdict to number of workflows.
        scanned: When the last scan ended, ISO 8601; what changed since is not known here.
    """

    workflows: tuple[WorkflowVerdict, ...]
    counts: dict[str, int]
    scanned: str | None = None
