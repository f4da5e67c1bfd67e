"""The exit code says what is outstanding."""

import msgspec
import pytest

from comfyfixer.model.missing import MissingModel, MissingNode
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import Overview, WorkflowRow
from comfyfixer.resolve.verdict import exit_code

ALL = ("scan", "resolve", "download")
NOTHING = Overview(command="auto", run_id="r", steps=ALL, started="")
FILE = MissingModel(
    filename="a", value="a", folder="vae", expected_type="vae", workflow="w", workflows=("w",), node_type="N",
    node_id="1", references=(),
)  # fmt: skip
ROW = Resolution(
    filename="a", value="a", folder="vae", expected_type="vae", source="civitai", decision="accepted", confidence=1.0,
    because="",
)  # fmt: skip
NODE = MissingNode(node_type="N", workflows=("w",))
BROKEN = WorkflowRow(path="w", format="ui", ok=False)


def row(decision: str, because: str = "", unanswered: dict[str, str] | None = None) -> Resolution:
    return msgspec.structs.replace(ROW, decision=decision, because=because, unanswered=unanswered or {})


def outcome(code: str | None) -> Outcome:
    problem = Problem(code=code, message="") if code else None
    return Outcome(filename="a", source="civitai", success=code is None, error=problem)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 0),
        ({"steps": ("scan",), "missing_models": (FILE,)}, 3),
        ({"steps": ("scan",), "missing_nodes": (NODE,)}, 3),
        ({"missing_nodes": (NODE,)}, 3),
        ({"workflows": (BROKEN,)}, 3),
        ({"problems": (Problem(code="folder-missing", message=""),)}, 3),
        ({"missing_models": (FILE,), "resolutions": (ROW,), "downloads": (outcome(None),)}, 0),
        ({"resolutions": (row("review"),)}, 3),
        ({"resolutions": (row("not_found"),)}, 3),
        ({"resolutions": (row("not_found", unanswered={"civitai": "down"}),)}, 4),
        ({"resolutions": (row("review", "no answer came from civitai, so", {"civitai": "down"}),)}, 4),
        ({"resolutions": (row("review", "different files", {"civitai": "down"}),)}, 3),
        ({"resolutions": (row("not_found", unanswered={"civitai": "down"}), row("review"))}, 3),
        ({"downloads": (outcome("hash-mismatch"),)}, 3),
        ({"downloads": (outcome("hub-unreachable"),)}, 4),
        ({"downloads": (outcome("hub-unreachable"), outcome("gated"))}, 3),
        ({"problems": (Problem(code="hub-unreachable", message=""),)}, 0),
        ({"steps": ("resolve",), "missing_models": (FILE,), "resolutions": (ROW,)}, 0),
    ],
)
def test_exit_code(change: dict[str, object], expected: int) -> None:
    assert exit_code(msgspec.structs.replace(NOTHING, **change)) == expected
