"""What is here under another path or name, as the report and `relink` tell it."""

import msgspec
import pytest

from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.model.problem import Problem
from comfyfixer.model.relink import Relinked, RelinkResult
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import Overview
from comfyfixer.report.items import items, joined
from comfyfixer.report.relink import lines as relink_lines
from comfyfixer.report.relink import outstanding
from comfyfixer.report.summary import summary
from comfyfixer.report.terminal import lines

MATCH = LocalMatch(
    path="/c/models/loras/d/x.pt", why="other-subfolder", name="d/x.pt", folder="loras", detail="It is here as `d/x.pt`"
)
FILE = MissingModel(
    filename="x.pt", value="x.pt", folder="loras", expected_type="lora", workflow="w", workflows=("w",), node_type="N",
    node_id="1", references=(), local_matches=(MATCH,),
)  # fmt: skip
ITEM = Relinked(
    filename="x.pt", value="x.pt", folder="loras", workflows=("w",), state="planned", way="copy-workflow",
    why="other-subfolder", source=MATCH.path, new_value="d/x.pt", targets=("/w.relinked.json",),
)  # fmt: skip


def overview(*matches: LocalMatch, **more: object) -> Overview:
    found = Overview(
        command="scan",
        run_id="r",
        steps=("scan",),
        started="2026-01-02T03:04:05+00:00",
        missing_models=(msgspec.structs.replace(FILE, local_matches=matches),),
    )
    return msgspec.structs.replace(found, **more)


def said(result: Overview) -> tuple[str, str]:
    """The same facts on the terminal and in the report."""
    return "\n".join(lines(joined(result), "r.md")), summary(joined(result))


def test_one_file_that_is_here_is_told_with_the_command_that_mends() -> None:
    for text in said(overview(MATCH)):
        assert "here under another path or name" in text
        assert "It is here as `d/x.pt`" in text
        assert "`comfyfixer relink` mends it" in text


@pytest.mark.parametrize("why", ["other-precision", "broken"])
def test_what_can_t_be_taken_unasked_stays_missing_and_is_told(why: str) -> None:
    possible = msgspec.structs.replace(MATCH, why=why, detail="It is such and such")
    (item,) = items(overview(possible))
    assert item.state == "missing"
    for text in said(overview(possible)):
        assert "It is such and such" in text


def test_a_proven_local_file_is_no_download() -> None:
    row = Resolution(
        filename="x.pt", value="x.pt", folder="loras", expected_type="lora", source="local", decision="accepted",
        confidence=1.0, because="The very same file is here",
    )  # fmt: skip
    (item,) = items(overview(resolutions=(row,)))
    assert (item.state, item.said) == ("here", "The very same file is here")


def told(*found: Relinked, **more: object) -> str:
    return "\n".join(relink_lines(RelinkResult(items=found, **{"dry_run": True, **more})))  # type: ignore[arg-type]


def test_relink_says_what_it_would_do_what_it_did_and_what_then() -> None:
    assert "would write 1 corrected copy that names `d/x.pt`" in told(ITEM)
    assert "`comfyfixer relink --yes` does it. Nothing was changed." in told(ITEM)
    done = told(msgspec.structs.replace(ITEM, state="done"), dry_run=False, record="/r.jsonl")
    assert "wrote 1 corrected copy" in done
    assert "1 file mended; recorded in /r.jsonl. Open the copies" in done
    linked = msgspec.structs.replace(ITEM, way="link", state="done", new_value=None, targets=("/l",))
    assert "linked: /l" in told(linked, dry_run=False)


def test_relink_says_why_not_and_between_what_to_choose() -> None:
    problem = Problem(code="relink-ambiguous", message="2 files may be meant", hint="Name one")
    refused = msgspec.structs.replace(ITEM, state="refused", way=None, candidates=(MATCH,), problem=problem)
    text = told(refused, not_here=2)
    for part in ("2 files may be meant [relink-ambiguous]", "/d/x.pt  (other-subfolder)", "-> Name one", "1 file not"):
        assert part in text
    assert "2 more missing files are not here" in text
    assert outstanding([refused])
    assert not outstanding([msgspec.structs.replace(ITEM, state="already")])


def test_relink_without_anything_to_mend_says_so() -> None:
    assert told() == "No missing file is here under another path or name."


def test_foreign_names_reach_no_terminal_raw() -> None:
    evil = msgspec.structs.replace(ITEM, filename="a\x1b[2J.pt", source="/m/\u202ex.pt", new_value="\x07.pt")
    assert told(evil).replace("\n", "").isprintable()
