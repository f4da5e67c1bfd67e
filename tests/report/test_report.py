"""The report: what a person reads, and what foreign text can't do to it."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.missing import MissingModel, MissingNode, PackReference
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import Overview, ScanSummary, WorkflowRow
from comfyfixer.report.items import items, joined
from comfyfixer.report.summary import summary
from comfyfixer.report.terminal import lines
from comfyfixer.report.words import common_folder, plural, sentences
from comfyfixer.sizes import size_text

CANDIDATE = Candidate(
    source="huggingface",
    filename="b.safetensors",
    download_url="https://huggingface.co/o/r/resolve/main/b.safetensors",
    page_url="https://huggingface.co/o/r/blob/main/b.safetensors",
    size_bytes=6_500_000_000,
    evidence=(Evidence(kind="name-differs", detail="Named `b.safetensors`: fp8 instead of fp16"),),
)


def model(name: str, workflow: str = "w/one.json") -> MissingModel:
    return MissingModel(
        filename=name, value=name, folder="loras", expected_type="lora", workflow=workflow, workflows=(workflow,),
        node_type="LoraLoader", node_id="1", references=(),
    )  # fmt: skip


def row(name: str, decision: str, *candidates: Candidate, because: str = "because of this") -> Resolution:
    return Resolution(
        filename=name, value=name, folder="loras", expected_type="lora", source="huggingface", decision=decision,
        confidence=1.0, because=because, candidates=candidates, workflows=("w/one.json",),
    )  # fmt: skip


def outcome(name: str, code: str | None = None) -> Outcome:
    if code:
        problem = Problem(code=code, message="It went wrong", hint="Try that")
        return Outcome(filename=name, source="huggingface", success=False, error=problem, folder="loras", value=name)
    path = f"/c/models/loras/{name}"
    return Outcome(
        filename=name,
        source="huggingface",
        success=True,
        path=path,
        size_bytes=5,
        verified=True,
        folder="loras",
        value=name,
    )


WHOLE = Overview(
    command="auto",
    run_id="r",
    steps=("scan", "resolve", "download"),
    started="2026-01-02T03:04:05+00:00",
    scanned=ScanSummary(installation="/c", passed_over=2),
    workflows=(
        WorkflowRow(path="w/one.json", format="ui", ok=True, missing_nodes=("Grain",)),
        WorkflowRow(path="w/two.json", format="ui", ok=True),
        WorkflowRow(path="w/bad.json", format="ui", ok=False, error=Problem(code="workflow-empty", message="Empty")),
    ),
    missing_models=(model("placed.pt", "w/two.json"), model("ask.pt"), model("gone.pt"), model("failed.pt")),
    missing_nodes=(MissingNode(node_type="Grain", workflows=("w/one.json",), pack=PackReference(id="grain-pack")),),
    resolutions=(
        row("placed.pt", "accepted", CANDIDATE),
        row("ask.pt", "review", CANDIDATE),
        row("gone.pt", "not_found"),
        row("failed.pt", "accepted", CANDIDATE),
    ),
    downloads=(outcome("placed.pt"), outcome("failed.pt", "gated")),
)


def test_each_missing_file_has_its_state() -> None:
    assert [item.state for item in items(WHOLE)] == ["placed", "review", "not_found", "failed"]
    before = msgspec.structs.replace(WHOLE, downloads=(), resolutions=())
    assert {item.state for item in items(before)} == {"missing"}


def test_the_report_says_what_was_done_what_waits_and_for_which_workflow() -> None:
    text = summary(joined(WHOLE))
    assert "**1 of 3 workflows ready.** 4 model files missing at the start" in text
    assert "### `ask.pt` (loras)\n\nbecause of this. `comfyfixer review` compares" in text
    assert "fp8 instead of fp16" in text
    assert "6.5 GB" in text
    assert "| grain-pack | `Grain` | `one.json` |" in text
    assert (
        "- **not ready**: `one.json` waits for `ask.pt` (review), `gone.pt` (not_found), `failed.pt` (failed)" in text
    )
    assert "- ready: `two.json`" in text
    assert "[workflow-empty]" in text


def test_the_terminal_says_the_same_in_plain_lines() -> None:
    text = "\n".join(lines(joined(WHOLE), "/w/summary_report.md"))
    assert "3 workflows, 1 ready (2 other files passed over)" in text
    assert "  + placed.pt  loras, 5 B from Hugging Face, SHA-256 verified" in text
    assert "      -> Try that" in text
    assert text.endswith("Outstanding: 3 model files, 1 node type, 1 unreadable file. Report: /w/summary_report.md")


def test_what_was_not_fetched_is_not_said_to_come_from_a_hub() -> None:
    for change, told in (({"from_store": True}, "linked from the store"), ({"already_there": True}, "here before")):
        linked = msgspec.structs.replace(outcome("placed.pt"), **change)
        found = joined(msgspec.structs.replace(WHOLE, downloads=(linked,)))
        assert f"  + placed.pt  loras, 5 B {told}, SHA-256 verified" in list(lines(found, "r"))
        assert f"| `placed.pt` | 5 B | {told} |" in summary(found)


def test_long_lists_are_counted_on_a_terminal() -> None:
    many = tuple(model(f"{number}.pt") for number in range(20))
    text = "\n".join(
        lines(joined(msgspec.structs.replace(WHOLE, missing_models=many, resolutions=(), downloads=())), "r")
    )
    assert "  ... and 8 more" in text


def test_nothing_outstanding_is_said() -> None:
    nothing = Overview(command="auto", run_id="r", steps=("scan",), started="2026-01-02T03:04:05+00:00")
    assert "Nothing is missing." in summary(joined(nothing))
    assert "Nothing is outstanding." in "\n".join(lines(joined(nothing), "r"))


@given(st.text(min_size=1, max_size=40))
def test_a_foreign_name_opens_no_tag_and_breaks_no_table(name: str) -> None:
    hostile = msgspec.structs.replace(
        WHOLE,
        missing_models=(model(name),),
        resolutions=(row(name, "review", msgspec.structs.replace(CANDIDATE, filename=name), because=name),),
        downloads=(),
    )
    text = summary(joined(hostile))
    assert text.count("\n") == summary(joined(hostile_named(hostile, "plain.pt"))).count("\n")
    printed = list(lines(joined(hostile), "r"))
    assert all(line.isprintable() for line in printed)


def hostile_named(overview: Overview, name: str) -> Overview:
    found = msgspec.structs.replace(CANDIDATE, filename=name)
    return msgspec.structs.replace(
        overview, missing_models=(model(name),), resolutions=(row(name, "review", found, because=name),)
    )


def test_markup_in_a_reason_stays_text() -> None:
    bad = row("ask.pt", "review", CANDIDATE, because="<script>alert(1)</script> [x](http://evil)")
    text = summary(joined(msgspec.structs.replace(WHOLE, resolutions=(bad,), downloads=())))
    assert "<script>" not in text
    assert "](http://evil)" not in text


def test_words_for_people() -> None:
    assert [size_text(size) for size in (None, 0, 999, 1_500, 2_500_000, 6_500_000_000, 3 * 10**12)] == [
        "", "0 B", "999 B", "2 kB", "2.5 MB", "6.5 GB", "3.0 TB",
    ]  # fmt: skip
    assert [plural(1, "file"), plural(2, "file"), plural(0, "entry", "entries")] == ["1 file", "2 files", "0 entries"]
    assert sentences("One", None, "two.", "three…") == "One. two. three…"
    assert common_folder(["a/b/c.json", "a/b/d/e.json"]) == "a/b/"
    assert common_folder(["x.json"]) == ""
    assert common_folder([]) == ""


def nodes_text(*nodes: MissingNode, steps: tuple[str, ...] = ("scan", "resolve"), notes: tuple[str, ...] = ()) -> str:
    """Both reports."""
    overview = Overview(
        command="auto",
        run_id="1",
        steps=steps,
        started="2026-01-01T00:00:00+00:00",
        scanned=ScanSummary(notes=notes),
        missing_nodes=nodes,
    )
    return "\n".join((*lines(joined(overview), "report.md"), summary(joined(overview))))


def test_a_missing_node_is_told_with_pack_versions_and_who_says_so() -> None:
    pack = PackReference(
        id="grain",
        title="Film Grain",
        repository="https://github.com/o/grain",
        version="0.4.1",
        found_by="cnr_id",
        also_found_by=("registry",),
        latest="0.5.0",
    )
    other = PackReference(title="Darkroom", repository="https://github.com/o/darkroom", found_by="manager-list")
    text = nodes_text(MissingNode(node_type="Grain", workflows=("w.json",), pack=pack, alternatives=(other,) * 4))
    assert "pack Film Grain: Grain" in text
    assert "grain, https://github.com/o/grain\n" in text
    assert "saved with 0.4.1, newest is 0.5.0, named by the workflow and the Comfy Registry" in text
    assert "`Grain` is also in Darkroom (https://github.com/o/darkroom)" in text
    assert " and 1 more" in text


def test_no_pack_known_is_told_as_not_asked_not_answered_or_known_to_nobody() -> None:
    node = MissingNode(node_type="X", workflows=("w.json",))
    silent = msgspec.structs.replace(node, unanswered=("Comfy Registry",))
    assert "`comfyfixer resolve` asks the Comfy Registry and" in nodes_text(node, steps=("scan",))
    assert "Neither the Comfy Registry nor" in nodes_text(node)
    assert "Comfy Registry gave no answer: `comfyfixer resolve` asks again" in nodes_text(silent)
    assert "Neither" not in nodes_text(silent)


def test_nodes_of_another_comfyui_are_no_missing_packs() -> None:
    node = MissingNode(
        node_type="New", workflows=("w.json",), state="update-comfyui", note="update ComfyUI to 9 or newer"
    )
    text = nodes_text(node)
    assert "nodes of another ComfyUI (1)" in text
    assert "| `New` | `w.json` | update ComfyUI to 9 or newer |" in text
    assert "issing custom nodes" not in text


def test_what_is_worth_knowing_is_told_in_both_reports() -> None:
    assert nodes_text(notes=("The pack `p` is odd",)).count("The pack `p` is odd") == 2


def test_other_packs_are_told_once_for_all_their_types() -> None:
    pack, other = PackReference(id="p"), PackReference(id="q")
    nodes = [MissingNode(node_type=name, workflows=("w.json",), pack=pack, alternatives=(other,)) for name in "ABCDEF"]
    assert "`A`, `B`, `C`, `D` and 2 more are also in q" in nodes_text(*nodes)
