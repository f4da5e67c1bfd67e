"""What all workflows need together, in the one value that is compared with an installation."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.model.library import Library
from comfyfixer.model.reference import ModelReference, NodeReference, Workflow
from comfyfixer.resolve.gathering import gathered
from comfyfixer.resolve.missing import find_missing_models
from tests.resolve.test_missing import has, missing, needs


def node(node_type: str, *, active: bool = True) -> NodeReference:
    return NodeReference(node_type=node_type, node_id="1", active=active)


def both(*workflows: Workflow) -> Workflow:
    """One workflow with the references of several."""
    return Workflow(path="w.json", format="ui", models=tuple(use for flow in workflows for use in flow.models))


def test_a_file_that_is_there_under_one_kind_of_slash_is_missing_under_the_other_alone() -> None:
    windows, linux = needs("s\\a.safetensors", path="1.json"), needs("s/a.safetensors", path="2.json")
    (entry,) = find_missing_models(gathered([windows, linux]).files, has("s/a.safetensors"))
    assert (entry.value, entry.workflows) == ("s\\a.safetensors", ("1.json",))
    assert missing(both(windows, linux), has("s/a.safetensors", "s\\a.safetensors")) == []


def test_a_muted_use_that_is_not_there_does_not_make_a_file_missing() -> None:
    muted, used = needs("s\\a.safetensors", active=False), needs("s/a.safetensors")
    assert missing(both(muted, used), has("s/a.safetensors")) == []
    assert missing(both(muted, used), has()) == ["s/a.safetensors"]


def test_a_text_tag_and_a_loader_may_mean_one_file_and_find_it_differently() -> None:
    tag, loader = needs("ink", origin="lora-tag"), needs("ink")
    (file,) = gathered([tag, loader]).files
    assert [name.by_stem for name in file.names] == [True]
    assert missing(both(tag, loader), has("deep/ink.safetensors")) == []
    named, loaded = needs("ink.pt", origin="lora-tag"), needs("ink.pt")
    assert missing(both(named, loaded), has("deep/ink.pt")) == ["ink.pt"]
    assert missing(named, has("deep/ink.pt")) == []


def test_a_file_that_only_muted_nodes_name_is_not_needed() -> None:
    assert gathered([needs("a.pt", active=False)]).files == ()


def test_node_types_know_their_workflows_unless_the_workflow_calls_them_core() -> None:
    first = Workflow(path="1", format="ui", node_types=("KSampler", "New"), core_nodes=(node("New"),))
    second = Workflow(path="2", format="ui", node_types=("New", "Own"), custom_nodes=(node("Own"), node("Own")))
    library = gathered([first, second])
    assert library.node_types == {"KSampler": (0,), "New": (1,), "Own": (1,)}
    assert [path for path, _ in library.custom["Own"]] == ["2", "2"]
    assert list(library.core) == ["New"]


def test_muted_nodes_need_no_pack() -> None:
    muted = Workflow(path="1", format="ui", node_types=("Own",), custom_nodes=(node("Own", active=False),))
    assert gathered([muted]).custom == {}


def test_a_row_counts_different_files_of_active_nodes() -> None:
    flow = both(needs("a.pt"), needs("a.pt"), needs("b.pt"), needs("c.pt", active=False))
    assert [row.needs for row in gathered([flow]).workflows] == [2]


REFERENCES = st.builds(
    ModelReference,
    value=st.sampled_from(["a.pt", "s/a.pt", "s\\a.pt", "a", "b.safetensors"]),
    filename=st.sampled_from(["a.pt", "a", "b.safetensors"]),
    folder=st.sampled_from([None, "loras", "vae"]),
    expected_type=st.just("x"),
    node_id=st.sampled_from("12"),
    node_type=st.just("N"),
    input=st.just("i"),
    active=st.booleans(),
    origin=st.sampled_from(["widget", "lora-tag"]),
    folder_known_by=st.sampled_from(["builtin", "input-name", None]),
    hashes=st.dictionaries(st.sampled_from(["sha256", "autov2"]), st.sampled_from("ab"), max_size=2),
)
WORKFLOWS = st.lists(
    st.builds(Workflow, path=st.sampled_from("123"), format=st.just("ui"), models=st.lists(REFERENCES).map(tuple))
)


@given(WORKFLOWS, st.lists(st.sampled_from(["a.pt", "s/a.pt", "deep/a.pt", "b.safetensors"]), unique=True))
def test_a_file_is_missing_exactly_when_an_active_use_of_it_finds_nothing(
    workflows: list[Workflow], installed: list[str]
) -> None:
    """Gathered first or looked at one by one: the same uses are missing."""
    library = msgspec.msgpack.decode(msgspec.msgpack.encode(gathered(workflows)), type=Library)
    there = has(*installed)
    rows = find_missing_models(library.files, there)
    single = {
        (use.folder, use.value.replace("\\", "/"), use.filename)
        for workflow in workflows
        for use in workflow.models
        if use.active and missing(Workflow(path="w", format="ui", models=(use,)), there)
    }
    assert {(row.folder, row.value.replace("\\", "/"), row.filename) for row in rows} == single
    assert list(rows) == sorted(rows, key=lambda row: (row.folder or "", row.value.replace("\\", "/"), row.filename))
