"""Which node types are missing, in which state their packs are, who names them."""

import json

import pytest

from comfyfixer.model.inventory import Installation, Inventory, NodePack
from comfyfixer.model.missing import MissingNode
from comfyfixer.model.reference import NodeReference, Workflow
from comfyfixer.resolve.gathering import gathered
from comfyfixer.resolve.missing_nodes import NodeFindings, find_missing_nodes
from comfyfixer.resolve.pack_lists import PackLists

HERE = Installation(code_dir="/c", base_dir="/c", kind="git", found_by="test")
SINCE = {"KSampler": "<=0.33.0", "OldNode": "<=0.33.0", "NewNode": ">0.33.0"}


def node(node_type: str, **more: str | bool) -> NodeReference:
    return NodeReference(**{"node_type": node_type, "node_id": "1", **more})  # type: ignore[arg-type]


def uses(*nodes: NodeReference, path: str = "w.json", core: tuple[NodeReference, ...] = ()) -> Workflow:
    types = tuple(sorted({known.node_type for known in (*nodes, *core)}))
    return Workflow(path=path, format="ui", custom_nodes=nodes, core_nodes=core, node_types=types)


def pack(name: str, *types: str, **more: object) -> NodePack:
    return NodePack(**{"name": name, "path": f"/c/{name}", "node_types": frozenset(types), **more})  # type: ignore[arg-type]


def lists(entries: dict[str, list[str]], *rows: dict[str, object]) -> PackLists:
    node_map = {f"https://github.com/{name}": [types, {"title_aux": name}] for name, types in entries.items()}
    return PackLists(
        json.dumps(node_map).encode(), json.dumps({"custom_nodes": rows}).encode(), found_by="installed-list"
    )


def found(
    workflow: Workflow, *packs: NodePack, known: PackLists | None = None, version: str = "0.33.0"
) -> NodeFindings:
    builtin = frozenset({"KSampler"})
    inventory = Inventory(
        installation=HERE, folders={}, models=(), packs=packs, builtin_types=builtin, comfyui_version=version
    )
    return find_missing_nodes(gathered([workflow]), inventory, lists=known, since=SINCE)


def only(findings: NodeFindings) -> MissingNode:
    (entry,) = findings.missing
    return entry


def test_a_node_of_an_enabled_pack_is_not_missing() -> None:
    workflow = uses(node("A"), node("C", active=False), node("KSampler"))
    assert found(workflow, pack("p", "A")).missing == ()


def test_the_registry_id_comes_before_the_repository() -> None:
    entry = only(found(uses(node("A", aux_id="owner/repo"), node("A", cnr_id="pack-a", version="1.2"))))
    assert entry.pack is not None
    assert (entry.pack.id, entry.pack.version, entry.pack.found_by) == ("pack-a", "1.2", "cnr_id")
    assert [other.repository for other in entry.alternatives] == ["https://github.com/owner/repo"]


def test_what_the_workflow_names_is_told_with_the_lists_title_and_repository() -> None:
    known = lists(
        {"owner/pack-a": ["A"], "other/b": ["A"]},
        {"id": "Pack_A", "reference": "https://github.com/Owner/Pack-A", "title": "Pack A"},
    )
    entry = only(found(uses(node("A", cnr_id="pack-a", version="1.2")), known=known))
    assert entry.pack is not None
    assert (entry.pack.id, entry.pack.title, entry.pack.version) == ("pack-a", "Pack A", "1.2")
    assert (entry.pack.found_by, entry.pack.also_found_by) == ("cnr_id", ("installed-list",))
    assert [other.repository for other in entry.alternatives] == ["https://github.com/other/b"]


def test_a_stale_name_in_the_workflow_stays_first_and_is_not_confirmed() -> None:
    known = lists({"owner/pack-a": ["Z"], "other/b": ["A"]})
    entry = only(found(uses(node("A", aux_id="owner/pack-a")), known=known))
    assert entry.pack is not None
    assert (entry.pack.found_by, entry.pack.also_found_by) == ("aux_id", ())
    assert [other.found_by for other in entry.alternatives] == ["installed-list"]


def test_without_a_word_of_the_workflow_the_installed_lists_name_the_pack() -> None:
    entry = only(found(uses(node("A")), known=lists({"owner/a": ["A"]})))
    assert entry.pack is not None
    assert (entry.pack.title, entry.pack.found_by) == ("owner/a", "installed-list")


@pytest.mark.parametrize(
    ("here", "state", "words"),
    [
        (pack("p", id="pack-a", enabled=False, complete=False), "disabled", "installed and disabled"),
        (pack("p", id="Pack_A", version="1.0"), "outdated", "update it (the workflow was saved with 1.2)"),
        (pack("p", id="pack-a", complete=False), "uncertain", "does not tell every node type"),
        (pack("p", "A", failed="The pack `p` can't be imported"), "failed-import", "can't be imported"),
        (pack("p", "Z"), "missing", ""),
    ],
)
def test_the_state_of_the_installed_pack_is_told(here: NodePack, state: str, words: str) -> None:
    entry = only(found(uses(node("A", cnr_id="pack-a", version="1.2")), here))
    assert entry.state == state
    assert words in (entry.note or "")


def test_a_disabled_pack_is_known_by_what_the_lists_name() -> None:
    here = pack("p", repository="git@github.com:Owner/A.git", enabled=False, complete=False)
    assert only(found(uses(node("A")), here, known=lists({"owner/a": ["A"]}))).state == "disabled"


def test_what_a_pack_that_failed_would_have_is_missing_with_that_pack() -> None:
    entry = only(found(uses(node("A")), pack("p", "A", failed="why")))
    assert entry.pack is not None
    assert (entry.pack.title, entry.pack.found_by, entry.note) == ("p", "installed", "why")


def test_a_type_that_the_list_gives_to_an_unclear_installed_pack_is_probably_there() -> None:
    here = pack("p", repository="https://github.com/owner/a", complete=False)
    findings = found(uses(node("A"), node("B")), here, known=lists({"owner/a": ["A"]}))
    assert [entry.node_type for entry in findings.missing] == ["B"]
    (note,) = findings.notes
    assert "`p` probably has `A`" in note


def test_the_very_version_that_saved_the_node_probably_has_it() -> None:
    here = pack("p", id="pack-a", version="1.2", complete=False)
    assert found(uses(node("A", cnr_id="pack-a", version="1.2")), here).missing == ()
    assert only(found(uses(node("A", cnr_id="pack-a", version="1.3")), here)).state == "uncertain"


def test_a_used_pack_that_lacks_a_requirement_is_noted() -> None:
    here = pack("p", "A", lacks=("insightface",))
    assert found(uses(node("A")), here).notes == (
        "The pack `p` will probably fail to import: it requires `insightface`, not installed in ComfyUI's Python",
    )
    assert found(uses(node("KSampler")), here).notes == ()


def test_a_node_of_a_newer_comfyui_asks_for_the_version_that_saved_it() -> None:
    core = (node("NewNode", version="0.36.0"), node("NewNode", version="0.35.1"), node("NewNode", version="0.30.0"))
    entry = only(found(uses(core=core)))
    assert (entry.state, entry.pack and entry.pack.id) == ("update-comfyui", "comfy-core")
    assert "the installed 0.33.0 not yet: update ComfyUI to 0.35.1 or newer" in (entry.note or "")


@pytest.mark.parametrize(
    ("workflow", "version", "words"),
    [
        (uses(core=(node("NewNode"),)), "0.33.0", "update ComfyUI to a version newer than 0.33.0"),
        (uses(core=(node("OldNode"),)), "0.28.1", "the installed 0.28.1 not yet: update ComfyUI to 0.33.0 or newer"),
        (Workflow(path="w", format="api", node_types=("OldNode",)), "0.28.1", "update ComfyUI to 0.33.0 or newer"),
        (uses(core=(node("OldNode"),)), "0.40.0", "the installed 0.40.0 no more"),
        (uses(node("Kling9"), core=(node("Kling9", version="0.41.0"),)), "0.33.0", "update ComfyUI to 0.41.0 or newer"),
        (uses(node("Kling9"), core=(node("Kling9", version="abc"),)), "0.33.0", "update ComfyUI to the newest version"),
    ],
)
def test_a_type_of_comfyui_itself_is_never_a_missing_pack(workflow: Workflow, version: str, words: str) -> None:
    entry = only(found(workflow, version=version))
    assert words in (entry.note or "")
    assert entry.pack is not None
    assert entry.pack.id == "comfy-core"


def test_a_type_that_a_list_gives_to_a_pack_is_not_comfyuis_own() -> None:
    workflow = uses(node("A"), core=(node("A", version="0.35.0"),))
    entry = only(found(workflow, known=lists({"owner/a": ["A"]})))
    assert (entry.state, entry.pack and entry.pack.found_by) == ("missing", "installed-list")


def test_a_muted_newer_node_is_not_missing() -> None:
    assert found(uses(core=(node("NewNode", active=False),))).missing == ()


@pytest.mark.parametrize("node_type", ["NewNode", "OldNode"])
def test_a_type_of_comfyui_itself_whose_nodes_are_all_muted_is_not_missing(node_type: str) -> None:
    """Nodes that load nothing are not told one by one."""
    workflow = Workflow(path="w", format="ui", node_types=(node_type,), inactive_types=(node_type,))
    assert found(workflow, version="0.28.1").missing == ()
