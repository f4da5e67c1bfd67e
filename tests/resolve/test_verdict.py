"""The exit code says what is outstanding."""

import msgspec
import pytest

from comfyfixer.model.missing import MissingModel, MissingNode
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import Overview, WorkflowRow
from comfyfixer.resolve.verdict import exit_code, loadable, step_to_repeat

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
HERE = msgspec.structs.replace(ROW, source="local")
NODE = MissingNode(node_type="N", workflows=("w",))
SILENT = MissingNode(node_type="N", workflows=("w",), unanswered=("Comfy Registry",))
BROKEN = WorkflowRow(path="w", format="ui", ok=False)


def row(decision: str, *, pending: bool = False) -> Resolution:
    return msgspec.structs.replace(ROW, decision=decision, answer_pending=pending)


def outcome(code: str | None) -> Outcome:
    problem = Problem(code=code, message="") if code else None
    return Outcome(filename="a", folder="vae", value="a", source="civitai", success=code is None, error=problem)


def placed(value: str, path: str) -> Outcome:
    return Outcome(filename="a", folder="vae", source="civitai", success=True, value=value, path=path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 0),
        ({"steps": ("scan",), "missing_models": (FILE,)}, 3),
        ({"steps": ("scan",), "missing_nodes": (NODE,)}, 3),
        ({"missing_nodes": (NODE,)}, 3),
        ({"steps": ("resolve",), "missing_nodes": (NODE,)}, 0),
        ({"steps": ("resolve",), "missing_nodes": (SILENT,)}, 4),
        ({"missing_nodes": (SILENT,)}, 3),
        ({"workflows": (BROKEN,)}, 3),
        ({"problems": (Problem(code="folder-missing", message=""),)}, 3),
        ({"missing_models": (FILE,), "resolutions": (ROW,), "downloads": (outcome(None),)}, 0),
        ({"resolutions": (row("review"),)}, 3),
        ({"resolutions": (row("not_found"),)}, 3),
        ({"resolutions": (row("not_found", pending=True),)}, 4),
        ({"resolutions": (row("review", pending=True),)}, 4),
        ({"resolutions": (row("not_found", pending=True), row("review"))}, 3),
        ({"resolutions": (HERE,)}, 3),
        ({"downloads": (outcome("hash-mismatch"),)}, 3),
        ({"downloads": (placed("sub/a", "/m/vae/sub/a"),)}, 0),
        ({"downloads": (placed("sub\\a", "/m/vae/sub/a"),)}, 3),
        ({"downloads": (placed("sub\\a", "C:\\m\\vae\\sub\\a"),)}, 0),
        ({"downloads": (placed("easynegative", "/m/embeddings/easynegative.pt"),)}, 0),
        ({"downloads": (outcome("hub-unreachable"),)}, 4),
        ({"downloads": (outcome("hub-unreachable"), outcome("gated"))}, 3),
        ({"problems": (Problem(code="hub-unreachable", message=""),)}, 0),
        ({"steps": ("resolve",), "missing_models": (FILE,), "resolutions": (ROW,)}, 0),
    ],
)
def test_exit_code(change: dict[str, object], expected: int) -> None:
    assert exit_code(msgspec.structs.replace(NOTHING, **change)) == expected


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        ("a", "/vae/a", True),
        ("sub/a", "/vae/sub/a", True),
        ("sub/a", "/vae/Sub/a", False),
        ("a", "/vae/A", False),
        ("tag", "/vae/tag.pt", True),
    ],
)
def test_a_file_is_loadable_under_the_name_that_the_node_lists(value: str, path: str, expected: bool) -> None:
    assert loadable(placed(value, path)) is expected


@pytest.mark.parametrize("code", ["disk-full", "target-exists", "target-unwritable", "download-stalled", "hub-error"])
def test_what_may_go_on_is_downloaded_again_by_resume(code: str) -> None:
    assert step_to_repeat((ROW,), (), (outcome(None), outcome(code))) == "download"


@pytest.mark.parametrize("code", [None, "gated", "hash-mismatch", "unsafe-name"])
def test_what_no_second_run_mends_is_not(code: str | None) -> None:
    assert step_to_repeat((ROW,), (), (outcome(code),)) is None
