"""Answers that leave something open: an odd row, a page that is not the last, hashes that contradict each other."""

import json as text
from collections.abc import Callable
from typing import Any

import pytest

from comfyfixer.demo.catalogue import Catalogue, HuggingFaceRepo, RepoFile
from comfyfixer.demo.content import Plain, Weights, sha256_of
from comfyfixer.model.candidate import Candidate
from tests.net.loopback import Given, Loopback, Seen, json
from tests.sources.bench import kinds, searched, shop, sources_at, wanted

NAME = "neon_city_v1.safetensors"
ONE, TWO = Weights(kind="lora", seed="one"), Weights(kind="lora", seed="two")


def _row(number: int, content: Weights, **odd: Any) -> dict[str, Any]:
    file = {"id": number * 100, "name": NAME, "type": "Model", "sizeKB": 1.5, "primary": True}
    file |= {"hashes": {"SHA256": sha256_of(content)}} | odd.get("file", {})
    version = {"id": number * 10, "name": "v1", "files": [file]} | odd.get("version", {})
    model = {"id": number, "name": f"Neon City {number}", "type": "LORA", "modelVersions": [version]}
    whole: dict[str, Any] = model | odd.get("model", {})
    return whole


def _civitai(answer: Callable[[Seen], Given], **more: Any) -> tuple[list[Candidate], str | None]:
    with Loopback(answer) as server, sources_at(server.url, server.url) as (_, civitai, _hf):
        found, error = searched(civitai, wanted(NAME, **more))
    return found, error.code if error else None


def _page(*rows: Any) -> Callable[[Seen], Given]:
    return lambda seen: json(text.dumps({"items": rows}))


ODD: dict[str, dict[str, Any]] = {
    "nested metadata": {"file": {"metadata": {"format": "SafeTensor", "results": {"epochs": []}}}},
    "metadata list": {"file": {"metadata": []}},
    "size": {"file": {"sizeKB": "big"}},
    "hash number": {"file": {"hashes": {"SHA256": 12}}},
    "hash list": {"file": {"hashes": []}},
    "version name": {"version": {"name": 7}},
    "trained words": {"version": {"trainedWords": "a"}},
    "mode": {"model": {"mode": 1}},
    "paid access": {"version": {"paidAccess": True}},
    "deadline": {"version": {"earlyAccessDeadline": 5}},
    "id text": {"file": {"id": "200"}},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_rival_with_an_odd_field_is_still_told(odd: dict[str, Any]) -> None:
    found, error = _civitai(_page(_row(1, ONE), _row(2, TWO, **odd)))
    assert {candidate.model_id for candidate in found if candidate.filename == NAME} == {1, 2}
    assert error is None


LOST: dict[str, dict[str, Any]] = {
    "fraction as id": {"file": {"id": 200.5}},
    "no id": {"file": {"id": None}},
    "no name": {"file": {"name": {"text": NAME}}},
    "files null": {"version": {"files": None}},
    "files text": {"version": {"files": "x"}},
    "version id": {"version": {"id": []}},
    "versions null": {"model": {"modelVersions": None}},
    "model id": {"model": {"id": {}}},
}


@pytest.mark.parametrize("odd", LOST.values(), ids=LOST)
def test_a_rival_that_cannot_be_read_leaves_the_question_open(odd: dict[str, Any]) -> None:
    found, error = _civitai(_page(_row(1, ONE), _row(2, TWO, **odd)))
    assert 1 in {candidate.model_id for candidate in found}
    assert error == "hub-bad-answer"


def test_a_row_that_cannot_be_read_and_is_about_something_else_changes_nothing() -> None:
    other = {"id": None, "name": "Harbor", "modelVersions": [{"id": 1, "files": [{"name": "harbor.safetensors"}]}]}
    found, error = _civitai(_page(_row(1, ONE), other, None))
    assert len(found) == 1
    assert error is None


@pytest.mark.parametrize("items", ["null", "{}", '"x"', "7"])
def test_a_page_without_items_is_no_answer(items: str) -> None:
    assert _civitai(lambda seen: json(f'{{"items": {items}}}')) == ([], "hub-bad-answer")


@pytest.mark.parametrize(("digits", "contradicts"), [(sha256_of(ONE)[:10], False), (sha256_of(TWO)[:10], True)])
def test_hashes_that_contradict_each_other_are_no_hashes(digits: str, contradicts: bool) -> None:
    hashes = {"hashes": {"SHA256": sha256_of(ONE).upper(), "AutoV2": digits.upper(), "CRC32": "DEADBEEF"}}
    (found,), error = _civitai(_page(_row(1, ONE, file=hashes)))
    assert ("contradictory" in kinds(found)) is contradicts
    assert (found.hashes == {}) is contradicts
    assert error is None


def test_a_contradictory_file_is_not_found_by_hash() -> None:
    file = {"hashes": {"SHA256": sha256_of(ONE), "AutoV2": sha256_of(TWO)[:10]}}
    version = _row(1, ONE, file=file)["modelVersions"][0] | {"modelId": 1, "model": {"name": "N", "type": "LORA"}}

    def answer(seen: Seen) -> Given:
        return json(text.dumps(version if "by-hash" in seen.target else {"items": []}))

    assert _civitai(answer, hashes={"sha256": sha256_of(ONE)}) == ([], None)


def _in_pages(rows: list[dict[str, Any]], endless: bool = False) -> Callable[[Seen], Given]:
    def answer(seen: Seen) -> Given:
        start = int(seen.target.partition("cursor=")[2].partition("&")[0] or 0)
        more = {"metadata": {"nextCursor": start + 30}} if endless or start + 30 < len(rows) else {}
        return json(text.dumps({"items": rows[start % len(rows) :][:30], **more}))

    return answer


def test_the_search_is_read_on_while_models_have_all_its_words() -> None:
    others = [_row(number, ONE, file={"name": f"neon_{number}.safetensors"}) for number in range(100, 140)]
    found, error = _civitai(_in_pages([_row(1, ONE), *others, _row(2, TWO)]))
    assert {candidate.model_id for candidate in found if candidate.filename == NAME} == {1, 2}
    assert error is None


def test_a_search_without_end_leaves_the_question_open() -> None:
    rows = [_row(number, ONE, file={"name": f"neon_{number}.safetensors"}) for number in range(100, 129)]
    found, error = _civitai(_in_pages([_row(1, ONE), *rows], endless=True))
    assert NAME in {candidate.filename for candidate in found}
    assert error == "hub-bad-answer"


def test_a_search_that_has_gone_on_to_fewer_words_is_at_its_end() -> None:
    rain: dict[str, Any] = {"model": {"name": "Rain"}, "file": {"name": "rain.safetensors"}}
    others = [_row(number, ONE, **rain) for number in range(100, 129)]
    found, error = _civitai(_in_pages([_row(1, ONE), *others], endless=True))
    assert len(found) == 1
    assert error is None


def _repo(name: str, content: Weights = ONE, card: str = "", path: str = NAME) -> HuggingFaceRepo:
    readme = RepoFile(path="README.md", content=Plain(card.encode()), lfs=False)
    return HuggingFaceRepo(id=name, files=(readme, RepoFile(path=path, content=content)))


def test_a_rival_in_a_repository_with_one_word_of_the_name_is_told() -> None:
    with shop(Catalogue(huggingface=(_repo("alice/neon-city"), _repo("bob/neon-stuff", TWO)))) as here:
        found, error = searched(here.huggingface, wanted(NAME))
    assert {candidate.repo_id for candidate in found} == {"alice/neon-city", "bob/neon-stuff"}
    assert error is None


def test_a_rival_behind_several_cards_is_told() -> None:
    repos = [_repo(f"a{number}/zzz", ONE if number < 4 else TWO, card=f"Use {NAME}") for number in range(5)]
    with shop(Catalogue(huggingface=tuple(repos))) as here:
        found, error = searched(here.huggingface, wanted(NAME))
    assert len({candidate.sha256 for candidate in found}) == 2
    assert error is None


def test_more_cards_than_are_looked_through_leave_the_question_open() -> None:
    repos = [_repo(f"a{number}/zzz", card=f"Use {NAME}") for number in range(12)]
    with shop(Catalogue(huggingface=tuple(repos))) as here:
        found, error = searched(here.huggingface, wanted(NAME))
    assert len(found) == 8
    assert error is not None
    assert error.code == "hub-bad-answer"


@pytest.mark.parametrize(("others", "complete"), [(60, True), (160, False)])
def test_a_listing_of_repositories_is_read_on_and_its_end_is_not_made_up(others: int, complete: bool) -> None:
    repos = [_repo(f"maker{number:03}/neon-city", path="other.safetensors") for number in range(others)]
    with shop(Catalogue(huggingface=(*repos, _repo("zoe/neon-city", TWO)))) as here:
        found, error = searched(here.huggingface, wanted(NAME))
    assert ("zoe/neon-city" in {candidate.repo_id for candidate in found}) is complete
    assert (error is None) is complete


SIBLING = {"rfilename": NAME, "size": 12, "lfs": {"sha256": "a" * 64, "size": 12}}
GOOD = {"id": "a/neon-city", "siblings": [{"rfilename": NAME}]}


def _hub(*rows: Any, hits: tuple[Any, ...] = ()) -> Callable[[Seen], Given]:
    def answer(seen: Seen) -> Given:
        if "full-text" in seen.target:
            return json(text.dumps({"hits": hits}))
        if "/api/models?" in seen.target:
            return json(text.dumps(rows))
        name = seen.target.partition("models/")[2].partition("?")[0]
        return json(text.dumps({"id": name, "siblings": [SIBLING]}))

    return answer


@pytest.mark.parametrize(
    ("row", "told", "leaves_open"),
    [
        ({"id": "b/neon", "siblings": [{"rfilename": NAME, "size": "12 MB"}]}, True, False),
        ({"id": "b/neon", "siblings": [{"rfilename": NAME, "lfs": 7}], "gated": {}, "tags": 5}, True, False),
        ({"id": "b/neon", "siblings": None}, False, True),
        ({"id": "b/neon", "siblings": [[NAME]]}, False, True),
        ({"id": "../neon", "siblings": [{"rfilename": NAME}]}, False, True),
        ({"siblings": [{"rfilename": NAME}]}, False, True),
        ({"id": "b/other", "siblings": [7, None]}, False, False),
    ],
)
def test_an_odd_row_of_a_listing_is_told_or_leaves_the_question_open(
    row: dict[str, Any], told: bool, leaves_open: bool
) -> None:
    with Loopback(_hub(GOOD, row)) as server, sources_at(server.url, server.url) as (_, _civ, huggingface):
        found, error = searched(huggingface, wanted(NAME, urls=("x",)))
    assert ("b/neon" in {candidate.repo_id for candidate in found}) is told
    assert "a/neon-city" in {candidate.repo_id for candidate in found}
    assert (error is not None) is leaves_open


def test_a_card_that_shows_something_else_is_not_looked_through() -> None:
    def hit(name: str, *pieces: str) -> dict[str, Any]:
        content = [{"text": piece, "type": "text"} for piece in pieces]
        return {"repoOwner": "x", "repoName": name, "formatted": {"fileContent": content}}

    hits = (hit("yes", "get neon", "_", "city_v1 here"), hit("no", "neon lights"), hit("unknown"))
    with Loopback(_hub(hits=hits)) as server, sources_at(server.url, server.url) as (_, _civ, huggingface):
        found, error = searched(huggingface, wanted(NAME, urls=("x",)))
    assert [candidate.repo_id for candidate in found] == ["x/yes", "x/unknown"]
    assert error is None
