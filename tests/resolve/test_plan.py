"""One plan for the whole library: order, completions, disks, steps, what stays open."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.errors import UsageError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.plan import Narrowing, Plan
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import WorkflowRow
from comfyfixer.resolve.order import Need, best_order, completions
from comfyfixer.resolve.plan import Disk, Library, Target, make_plan

GB = 10**9
DISK = Disk("/models", 100 * GB)


def missing(name: str, workflows: str, folder: str = "loras") -> MissingModel:
    return MissingModel(
        filename=name, value=name, folder=folder, expected_type="x", workflow=workflows[0], workflows=tuple(workflows),
        node_type="N", node_id="1", references=(),
    )  # fmt: skip


def row(
    name: str, workflows: str, gigabytes: float | None = 1, decision: str = "accepted", **more: object
) -> Resolution:
    candidate = Candidate(
        source=str(more.pop("source", "huggingface")), filename=name, download_url=f"https://h/{name}",
        page_url=f"https://page/{name}", access=str(more.pop("access", "open")),
        base_model=more.pop("base_model", None),  # type: ignore[arg-type]
    )  # fmt: skip
    return Resolution(
        filename=name, value=name, folder="loras", expected_type="x", source=candidate.source, decision=decision,
        confidence=1.0, because="proof", size_bytes=None if gigabytes is None else int(gigabytes * GB),
        workflows=tuple(workflows), candidates=(candidate,), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def library(*rows: Resolution, nodes: str = "", **more: object) -> Library:
    paths = sorted({path for one in rows for path in one.workflows})
    workflows = tuple(
        WorkflowRow(path=path, format="ui", ok=True, missing_nodes=("X",) if path in nodes else ()) for path in paths
    )
    given = {
        "missing": tuple(missing(one.filename, "".join(one.workflows)) for one in rows),
        "workflows": workflows,
        "targets": {one.key: Target(f"/models/{one.filename}", DISK) for one in rows if one.decision == "accepted"},
        **more,
    }
    return Library(rows=tuple(rows), **given)  # type: ignore[arg-type]


def plan(*rows: Resolution, narrowing: Narrowing | None = None, **more: object) -> Plan:
    return make_plan(library(*rows, **more), narrowing or Narrowing())  # type: ignore[arg-type]


def names(made: Plan) -> list[str]:
    return [file.filename for file in made.files]


# --- order -----------------------------------------------------------------------------------------------------------


def test_what_completes_most_workflows_for_its_bytes_comes_first() -> None:
    made = plan(row("big", "abcd", 10), row("small", "e", 1), row("huge", "f", 20))
    assert names(made) == ["small", "big", "huge"]
    assert [len(file.completes) for file in made.files] == [1, 4, 1]


def test_files_of_one_workflow_stand_together_and_the_last_one_completes_it() -> None:
    made = plan(row("a1", "a", 3), row("b1", "b", 1), row("a2", "a", 2), row("b2", "b", 1))

    assert names(made) == ["b1", "b2", "a2", "a1"]
    assert [(file.completes, file.files_before) for file in made.files] == [((), 0), (("b",), 1), ((), 0), (("a",), 1)]
    assert made.runnable == ("a", "b")
    assert made.summary == "4 files, 7.0 GB: 2 of 2 waiting workflows become runnable"


def test_every_file_stands_once_however_many_workflows_need_it() -> None:
    made = plan(row("shared", "abc", 6.7))
    assert names(made) == ["shared"]
    assert made.files[0].completes == ("a", "b", "c")


def test_what_cannot_run_anyway_comes_after_what_can() -> None:
    made = plan(
        row("lonely", "x", 1),
        row("open", "x", decision="review"),
        row("nodes", "y", 2),
        row("runs", "z", 30),
        nodes="y",
    )
    assert names(made) == ["runs", "nodes", "lonely"]
    assert (made.runnable, made.nearly) == (("z",), ("y",))
    assert [(file.filename, file.state) for file in made.open] == [("open", "review")]


def test_what_is_here_already_is_no_download_but_a_reference_to_mend() -> None:
    made = plan(row("here", "a", source="local"), row("fetched", "a"))
    assert (names(made), made.runnable, made.nearly) == (["fetched"], (), ("a",))
    assert [(file.filename, file.state) for file in made.open] == [("here", "here")]


def test_what_was_placed_meanwhile_is_not_fetched_again_and_counts_as_there() -> None:
    there = row("there", "a")
    made = plan(there, row("other", "a"), placed=frozenset({there.key}))
    assert (names(made), made.files[0].completes, made.files[0].files_before) == (["other"], ("a",), 0)
    assert plan(there, placed=frozenset({there.key})).runnable_now == 1


def test_a_file_without_a_safe_place_stays_open() -> None:
    bad = row("bad", "a")
    made = plan(bad, targets={}, refused={bad.key: "The name is not used"})
    assert (made.files, made.open[0].state, made.open[0].why) == ((), "refused", "The name is not used")


@given(
    sizes=st.lists(st.integers(0, 50), min_size=1, max_size=8),
    sets=st.lists(
        st.tuples(st.frozensets(st.integers(0, 7), min_size=1, max_size=4), st.sampled_from([0, 1, 2, None])),
        max_size=8,
    ),
    limit=st.none() | st.integers(0, 120),
)
def test_an_order_has_each_file_once_keeps_the_limit_and_is_the_same_each_time(
    sizes: list[int], sets: list[tuple[frozenset[int], int | None]], limit: int | None
) -> None:
    known = [(frozenset(file for file in files if file < len(sizes)), tier) for files, tier in sets]
    needs = [Need(str(place), files, tier) for place, (files, tier) in enumerate(known) if files]
    order = best_order(sizes, needs, last=frozenset(), limit=limit)

    assert len(order) == len(set(order))
    assert order == best_order(sizes, needs, last=frozenset(), limit=limit)
    if limit is None:
        assert sorted(order) == list(range(len(sizes)))
    else:
        assert sum(sizes[file] for file in order) <= limit
    done = completions(order, needs)
    told = [name for completion in done.values() for name in completion.names]
    assert sorted(told) == sorted(
        need.name for need in needs if need.tier is not None and need.tier < 2 and need.files <= set(order)
    )
    assert all(completion.before < len(order) for completion in done.values())


# --- disks and steps -------------------------------------------------------------------------------------------------


def test_bytes_are_counted_by_disk_and_what_does_not_fit_is_told() -> None:
    one, two, unknown = row("one", "a", 80), row("two", "b", 30), row("unknown", "b", None)
    other = Disk("/other", 10 * GB)
    targets = {one.key: Target("/models/one", DISK), two.key: Target("/other/two", other),
               unknown.key: Target("/other/unknown", other)}  # fmt: skip
    made = plan(one, two, unknown, targets=targets)
    disks = {disk.path: disk for disk in made.disks}

    assert (disks["/models"].needed_bytes, disks["/models"].lacking_bytes) == (80 * GB, 0)
    assert (disks["/other"].needed_bytes, disks["/other"].lacking_bytes) == (30 * GB, 20 * GB)
    assert (disks["/other"].unknown_sizes, made.unknown_sizes) == (1, 1)


@pytest.mark.parametrize(
    ("access", "source", "keys", "certain", "said", "url"),
    [
        ("gated", "huggingface", (), True, "Accept the licence, and set HF_TOKEN", "https://page/f"),
        ("gated", "huggingface", ("huggingface",), False, "with the account of your HF_TOKEN", "https://page/f"),
        ("early-access", "civitai", (), True, "early access", "https://page/f"),
        ("early-access", "civitai", ("civitai",), False, "early access", "https://page/f"),
        ("login-required", "civitai", (), True, "Set CIVITAI_API_KEY", "https://civitai.com/user/account"),
        ("download-disabled", "civitai", ("civitai",), True, "allows no download", "https://page/f"),
        ("archived", "civitai", ("civitai",), True, "archived", "https://page/f"),
        ("open", "civitai", (), False, "Civitai gives some files only to accounts", "https://civitai.com/user/account"),
    ],
)
def test_what_a_person_has_to_do_first_is_told_with_its_page(
    access: str, source: str, keys: tuple[str, ...], certain: bool, said: str, url: str
) -> None:
    made = plan(row("f", "a", access=access, source=source), keys=frozenset(keys))
    (step,) = made.steps
    assert (step.certain, step.url, step.files) == (certain, url, ("f",))
    assert said in step.message
    assert made.files[0].needs_step == certain


def test_an_open_mirror_needs_no_step_and_one_page_is_told_once() -> None:
    gated = row("g", "a", access="gated")
    mirror = msgspec.structs.replace(gated.candidates[0], access="open", repo_id="m/m")
    assert plan(msgspec.structs.replace(gated, candidates=(*gated.candidates, mirror))).steps == ()

    twice = [
        msgspec.structs.replace(
            row(name, "a"), candidates=(msgspec.structs.replace(gated.candidates[0], filename=name),)
        )
        for name in ("one", "two")
    ]
    assert [step.files for step in plan(*twice).steps] == [("one", "two")]


def test_the_headline_promises_no_workflow_that_a_known_step_holds_back() -> None:
    gated = row("gated", "a", access="gated")
    made = plan(gated, row("open", "b"))
    assert made.summary == "2 files, 2.0 GB: 1 of 2 waiting workflows becomes runnable, 1 more after the step below"
    assert (made.runnable, made.after_steps) == (("a", "b"), ("a",))
    early = row("early", "c", access="early-access", source="civitai")
    assert plan(gated, early).summary.endswith(
        ": 0 of 2 waiting workflows become runnable, 2 more after the steps below"
    )
    assert plan(gated, keys=frozenset({"huggingface"})).after_steps == ()


def test_what_needs_a_step_comes_last() -> None:
    assert names(plan(row("gated", "a", 1, access="gated"), row("open", "b", 50))) == ["open", "gated"]


# --- narrowing -------------------------------------------------------------------------------------------------------


def test_only_narrows_to_what_the_workflows_need() -> None:
    rows = (row("one", "a"), row("two", "b"), row("both", "ab"), row("asked", "b", decision="review"))
    made = plan(*rows, chosen=frozenset({"a"}))
    assert sorted(names(made)) == ["both", "one"]
    assert (made.open, made.workflows) == ((), 1)


def test_a_limit_is_spent_on_what_completes_workflows_not_on_parts() -> None:
    rows = (row("small", "a", 1), row("part", "b", 2), row("rest", "b", 30), row("unknown", "a", None))
    made = plan(*rows, narrowing=Narrowing(max_bytes=5 * GB))
    left = {file.filename: file.why for file in made.open}

    assert names(made) == ["small"]
    assert left["part"] == "Within `--max-size`, but no waiting workflow that needs it fits into that whole"
    assert left["rest"] == "Larger than `--max-size`"
    assert "size is unknown" in left["unknown"]


def test_what_a_limit_leaves_no_room_for_is_told_apart_from_what_is_larger_than_it() -> None:
    rows = (row("small", "a", 1), row("open", "x", 2), row("other", "y", 3), row("no", "xy", decision="review"))
    left = {file.filename: file for file in plan(*rows, narrowing=Narrowing(max_bytes=5 * GB)).open}
    assert left["other"].why == "Beyond what `--max-size` leaves beside files that help more"
    assert (left["other"].size_bytes, left["other"].key) == (3 * GB, rows[2].key)


def test_a_preferred_precision_leaves_out_the_same_model_in_others_and_nothing_else() -> None:
    rows = (
        row("flux1-dev-fp8.safetensors", "a"),
        row("flux1-dev-fp16.safetensors", "b"),
        row("flux1-dev.safetensors", "b"),
        row("flux1-schnell-fp16.safetensors", "c"),
        row("ink_v1.safetensors", "c"),
    )
    made = plan(*rows, narrowing=Narrowing(prefer="fp8"))
    left = {file.filename: file.why for file in made.open}
    assert set(left) == {"flux1-dev-fp16.safetensors", "flux1-dev.safetensors"}
    assert "`flux1-dev-fp8.safetensors` is the same model in fp8" in left["flux1-dev-fp16.safetensors"]


def test_gguf_is_a_format_that_can_be_preferred() -> None:
    rows = (row("wan2.2_t2v-Q4_K_M.gguf", "a"), row("wan2.2_t2v_fp16.safetensors", "b"))
    assert names(plan(*rows, narrowing=Narrowing(prefer="gguf"))) == ["wan2.2_t2v-Q4_K_M.gguf"]
    assert names(plan(*rows, narrowing=Narrowing(prefer="q4"))) == ["wan2.2_t2v-Q4_K_M.gguf"]


def test_a_base_model_keeps_what_its_workflows_need_beside_it() -> None:
    rows = (
        row("style_sdxl.safetensors", "a"),
        row("nameless_vae.safetensors", "ab"),
        row("style.safetensors", "b", base_model="Flux.1 D"),
        row("nameless.safetensors", "c"),
    )
    made = plan(*rows, narrowing=Narrowing(base_model="sdxl 1.0"))
    assert set(names(made)) == {"style_sdxl.safetensors", "nameless_vae.safetensors"}
    assert {file.filename: file.why for file in made.open} == {
        "style.safetensors": "For Flux, not SDXL",
        "nameless.safetensors": "Nothing tells its base model, and no workflow for SDXL needs it",
    }


@pytest.mark.parametrize("narrowing", [Narrowing(prefer="fp99"), Narrowing(base_model="unheard of")])
def test_a_word_that_nobody_knows_is_an_error(narrowing: Narrowing) -> None:
    with pytest.raises(UsageError):
        plan(row("a", "a"), narrowing=narrowing)
