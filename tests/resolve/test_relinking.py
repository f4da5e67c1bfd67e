"""How a reference to what is here is mended, and when nothing is done without being asked."""

import msgspec
import pytest

from comfyfixer.model.missing import LocalMatch, MissingModel
from comfyfixer.model.problem import Problem
from comfyfixer.model.relink import Mend
from comfyfixer.resolve.relinking import mend, settled, target_name

SHA, OTHER = "a" * 64, "b" * 64


def match(why: str, name: str = "d/x.pt", folder: str = "loras", sha256: str | None = None) -> LocalMatch:
    path = f"/c/models/{folder}/{name}"
    return LocalMatch(path=path, why=why, name=name, folder=folder, sha256=sha256, detail=f"{why} it is")


def row(*matches: LocalMatch, **more: object) -> MissingModel:
    missing = MissingModel(
        filename="x.pt", value="x.pt", folder="loras", expected_type="lora", workflow="w", workflows=("w",),
        node_type="N", node_id="1", references=(), local_matches=matches,
    )  # fmt: skip
    return msgspec.structs.replace(missing, **more)


def done(found: Mend | Problem) -> tuple[str, str | None]:
    assert isinstance(found, Mend), found
    return found.way, found.new_value


def refused(found: Mend | Problem) -> str:
    assert isinstance(found, Problem), found
    assert found.hint
    return found.code


@pytest.mark.parametrize("why", ["other-separator", "other-case", "other-subfolder"])
def test_what_the_node_lists_is_named_anew_in_a_copy(why: str) -> None:
    assert done(mend(row(match(why)))) == ("copy-workflow", "d/x.pt")


def test_what_the_node_does_not_list_is_linked() -> None:
    assert done(mend(row(match("other-folder", folder="vae")))) == ("link", None)
    proven = match("same-hash", "y.pt", "vae", SHA)
    assert done(mend(row(proven, hashes={"sha256": SHA}))) == ("link", None)


def test_a_tag_keeps_to_names_without_folder_and_extension() -> None:
    tag = row(match("other-case", "neg/Easy.pt", "embeddings"), folder="embeddings", filename="easy", value="easy")
    assert done(mend(tag)) == ("copy-workflow", "Easy")
    assert target_name(tag, tag.local_matches[0]) == "easy.pt"


@pytest.mark.parametrize("why", ["other-precision", "broken", "wrong-kind"])
def test_what_is_only_possible_or_can_t_be_used_is_not_taken_unasked(why: str) -> None:
    assert refused(mend(row(match(why)))) == "relink-refused"


def test_another_precision_is_taken_when_it_is_named() -> None:
    possible = match("other-precision", "x-fp8.pt")
    assert done(mend(row(possible), to=possible)) == ("copy-workflow", "x-fp8.pt")


def test_two_files_are_never_chosen_between() -> None:
    files = (match("other-subfolder", "a/x.pt"), match("other-subfolder", "b/x.pt"))
    assert settled(row(*files)) is None
    assert refused(mend(row(*files))) == "relink-ambiguous"
    assert done(mend(row(*files), to=files[1])) == ("copy-workflow", "b/x.pt")


def test_two_names_of_the_same_bytes_are_one_file() -> None:
    files = (match("other-subfolder", "a/x.pt", sha256=SHA), match("other-subfolder", "b/x.pt", sha256=SHA))
    assert settled(row(*files)) == files[0]


def test_the_very_same_name_with_the_other_slash_is_meant_whatever_else_is_here() -> None:
    files = (match("other-subfolder", "a/x.pt"), match("other-separator", "s/x.pt"))
    assert settled(row(*files, value="s\\x.pt")) == files[1]


def test_proven_bytes_win_and_other_bytes_never_count() -> None:
    files = (match("other-separator", "s/x.pt", sha256=OTHER), match("same-hash", "y.pt", sha256=SHA))
    assert settled(row(*files, hashes={"sha256": SHA})) == files[1]
    found = mend(row(files[0], hashes={"sha256": SHA}))
    assert isinstance(found, Problem)
    assert "SHA-256 is not the one" in found.message


@pytest.mark.parametrize(
    ("way", "found", "more"),
    [
        ("copy-workflow", match("other-folder", folder="vae"), {}),
        ("link", match("other-separator"), {}),
        ("move", match("other-separator"), {}),
        ("link", match("same-hash", sha256=SHA), {"folder": None, "hashes": {"sha256": SHA}}),
        ("copy-workflow", match("other-subfolder"), {"value": "taesd", "filename": "taesd_encoder.pt"}),
    ],
)
def test_a_way_that_does_not_lead_there_is_refused_with_the_one_that_does(
    way: str, found: LocalMatch, more: dict[str, object]
) -> None:
    assert refused(mend(row(found, **more), way=way)) == "relink-refused"
