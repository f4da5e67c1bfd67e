"""ComfyUI-Manager's lists as they are, and as nobody should write them."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.model.missing import MissingNode, PackReference
from comfyfixer.resolve.pack_claims import joined, learned
from comfyfixer.resolve.pack_lists import PackLists
from comfyfixer.resolve.pack_names import same_repository

GITHUB = "https://github.com/"


def lists(node_map: dict[str, Any], rows: list[Any] | None = None, stats: dict[str, Any] | None = None) -> PackLists:
    documents = (node_map, {"custom_nodes": rows or []}, stats or {})
    return PackLists(*(json.dumps(document).encode() for document in documents), found_by="manager-list")


def named(known: PackLists, node_type: str) -> list[str | None]:
    return [pack.repository for pack in known.packs_with(node_type)]


def test_title_and_id_come_from_the_row_of_the_same_repository() -> None:
    row = {"title": "Pack", "id": "pack", "reference": "https://www.github.com/O/Pack.git/", "files": []}
    known = lists({GITHUB + "o/pack": [["A"], {"title_aux": "other"}]}, [row], {GITHUB + "o/pack": {"stars": 7}})
    (pack,) = known.packs_with("A")
    assert (pack.id, pack.title, pack.stars, pack.found_by) == ("pack", "Pack", 7, "manager-list")
    assert known.about(pack_id="PACK", repository=None) == pack
    assert known.has("A", pack_id="Pack", repository=None)
    assert not known.has("B", pack_id="Pack", repository=None)


def test_the_preferred_pack_is_first_then_the_one_with_more_stars() -> None:
    known = lists(
        {
            GITHUB + "o/copy": [["A"], {}],
            GITHUB + "o/loved": [["A"], {}],
            GITHUB + "o/real": [["A"], {"preemptions": ["A"]}],
        },
        stats={GITHUB + "o/loved": {"stars": 900}, GITHUB + "o/copy": {"stars": 3}},
    )
    assert named(known, "A") == [GITHUB + "o/real", GITHUB + "o/loved", GITHUB + "o/copy"]


def test_a_name_pattern_counts_where_no_pack_lists_the_type() -> None:
    known = lists(
        {
            GITHUB + "o/pattern": [[], {"nodename_pattern": r" \(mtb\)$"}],
            GITHUB + "o/list": [["Listed (mtb)"], {}],
            GITHUB + "o/many": [[], {"nodename_pattern": "(^(Prompts|Anything) Everywhere|Simple String)"}],
            GITHUB + "o/gap": [[], {"nodename_pattern": "MiniMax.*BMO|BMO.*MiniMax"}],
        }
    )
    assert named(known, "Anything (mtb)") == [GITHUB + "o/pattern"]
    assert named(known, "Listed (mtb)") == [GITHUB + "o/list"]
    assert named(known, "Prompts Everywhere") == [GITHUB + "o/many"]
    assert named(known, "BMO for MiniMax") == [GITHUB + "o/gap"]


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*b", "a{1,100000}", "(.*.*.*)=", r"(\w)\1", "(?i)x", "", "^", ".*", "(", 7, ["a"], "a" * 101],
)
def test_a_pattern_that_could_take_long_or_says_nothing_is_left_out(pattern: object) -> None:
    known = lists({GITHUB + "o/evil": [[], {"nodename_pattern": pattern}]})
    started = time.perf_counter()
    assert named(known, "a" * 199) == []
    assert time.perf_counter() - started < 1


def test_nodes_of_comfyui_itself_are_in_no_pack() -> None:
    assert named(lists({"https://github.com/comfyanonymous/ComfyUI": [["KSampler"], {}]}), "KSampler") == []


def test_odd_entries_leave_the_others_as_they_are() -> None:
    known = lists(
        {
            GITHUB + "o/1": None,
            GITHUB + "o/2": [None],
            GITHUB + "o/3": [["A", 7, None], None],
            "javascript:alert(1)": [["A"], {}],
            GITHUB + "o/4": [["A"], {"preemptions": "A", "title_aux": 8}],
            "x": "y",
        },
        [None, 7, {"reference": 8, "files": [9, None], "id": []}],
        {GITHUB + "o/3": "many", GITHUB + "o/4": {"stars": "7"}},
    )
    assert named(known, "A") == [GITHUB + "o/3", GITHUB + "o/4"]


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no list of node types"):
        PackLists(data, found_by="manager-list")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=30), JSON, max_size=5), JSON, JSON, st.text(max_size=30))
def test_any_list_can_be_read(node_map: dict[str, Any], rows: Any, stats: Any, node_type: str) -> None:
    known = PackLists(
        json.dumps(node_map).encode(), json.dumps(rows).encode(), json.dumps(stats).encode(), found_by="manager-list"
    )
    known.packs_with(node_type)
    known.about(pack_id=node_type, repository=node_type)


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/Owner/Name",
        "https://github.com/owner/name.git",
        "http://www.github.com/owner/name/",
        "git@github.com:owner/name.git",
        "git+https://user:key@github.com/owner/name",
        "github.com/owner/name?tab=readme",
    ],
)
def test_one_repository_is_written_in_many_ways(address: str) -> None:
    assert same_repository(address) == "github.com/owner/name"


def claim(name: str, found_by: str, **more: Any) -> PackReference:
    return PackReference(id=name, repository=f"{GITHUB}o/{name}", found_by=found_by, **more)


def test_whom_registry_and_list_name_alike_comes_before_more_stars() -> None:
    packs = joined(
        [
            claim("starred", "manager-list", stars=9000),
            claim("agreed", "manager-list", stars=1),
            claim("Agreed", "registry", downloads=10, latest="2.0"),
        ]
    )
    assert [pack.id for pack in packs] == ["Agreed", "starred"]
    assert (packs[0].found_by, packs[0].also_found_by) == ("registry", ("manager-list",))
    assert (packs[0].latest, packs[0].downloads, packs[0].stars) == ("2.0", 10, 1)


def test_an_id_and_a_repository_of_its_name_are_one_pack_until_the_registry_tells_another() -> None:
    workflow = PackReference(id="comfyui-kjnodes", version="1.1.2", found_by="cnr_id")
    listed = PackReference(
        id="kjnodes", title="KJNodes", repository=GITHUB + "kijai/ComfyUI-KJNodes", found_by="installed-list"
    )
    fork = PackReference(repository=GITHUB + "someone/ComfyUI-KJNodes", found_by="installed-list")
    first, other = joined([workflow, listed, fork])
    assert first.id == "comfyui-kjnodes"
    assert (first.title, first.repository, first.version) == ("KJNodes", listed.repository, "1.1.2")
    assert (first.found_by, first.also_found_by, other) == ("cnr_id", ("installed-list",), fork)
    told = PackReference(id="comfyui-kjnodes", repository=GITHUB + "moved/kjnodes", found_by="registry")
    assert joined([first, told])[0].repository == told.repository
    renamed = PackReference(id="comfyui-kjnodes", repository=listed.repository, found_by="registry")
    assert [pack.id for pack in joined([listed, renamed])] == ["comfyui-kjnodes"]


def test_learning_the_same_again_changes_nothing() -> None:
    row = MissingNode(node_type="A", workflows=("w.json",), unanswered=("Comfy Registry",))
    claims = [claim("a", "registry"), claim("b", "manager-list"), claim("a", "manager-list")]
    once = learned(row, claims, ())
    assert once.pack is not None
    assert (once.pack.id, [pack.id for pack in once.alternatives], once.unanswered) == ("a", ["b"], ())
    assert learned(once, claims, ()) == once
