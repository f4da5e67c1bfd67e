"""Decisions, case by case: `decisions.json` holds the cases, each named as the fact it shows."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.model.candidate import Candidate, Evidence, Findings
from comfyfixer.model.decision import Fetch
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.sidecar import Sidecar
from comfyfixer.resolve.decide import confidence, decide
from comfyfixer.resolve.rows import resolution

CASES: list[dict[str, Any]] = msgspec.json.decode(Path(__file__).with_name("decisions.json").read_bytes())
WANTED = {"workflow": "w.json", "workflows": ["w.json"], "node_type": "N", "node_id": "1", "references": []}
FOUND = {"source": "huggingface", "repo_id": "o/r", "revision": "main"}


def missing_from(case: dict[str, Any]) -> MissingModel:
    given = {"filename": "harbor_v2.safetensors", "folder": "loras", "expected_type": "lora", **WANTED, **case}
    return msgspec.convert({"value": given["filename"], **given}, MissingModel)


def candidate_from(number: int, case: dict[str, Any]) -> Candidate:
    path = f"{number}/{case.get('filename', 'harbor_v2.safetensors')}"
    given = {
        **FOUND,
        "filename": "harbor_v2.safetensors",
        "download_url": f"https://x/{path}",
        "repo_path": path,
        **case,
    }
    return msgspec.convert(given, Candidate)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["fact"])
def test_decision(case: dict[str, Any]) -> None:
    missing = missing_from(case.get("missing", {}))
    candidates = tuple(candidate_from(number, found) for number, found in enumerate(case.get("candidates", [])))
    beside = msgspec.convert(case.get("beside", []), tuple[Sidecar, ...])
    findings = Findings(candidates=candidates, unanswered=case.get("unanswered", {}), beside=beside)
    row = resolution(missing, decide(missing, findings), findings)
    expected = case["expected"]
    assert row.decision == expected["decision"], row.because
    assert expected.get("because", "") in row.because
    if "first" in expected:
        assert row.candidates[0] == msgspec.structs.replace(
            candidates[expected["first"]], evidence=row.candidates[0].evidence, hashes=row.candidates[0].hashes
        )
    if "sources" in expected:
        assert [candidate.source for candidate in row.candidates] == expected["sources"]
    if "evidence" in expected:
        assert set(expected["evidence"]) <= {fact.kind for fact in row.evidence}
    if "detail" in expected:
        assert any(expected["detail"] in fact.detail for fact in row.evidence), row.evidence
    assert row.answer_pending == expected.get("pending", False)
    assert (row.confidence == 1.0) == (row.decision == "accepted")


def test_the_facts_have_names_of_their_own() -> None:
    assert len({case["fact"] for case in CASES}) == len(CASES)


names = st.sampled_from(["harbor_v2.safetensors", "harbor_v3.safetensors", "Harbor_V2.safetensors", "x.ckpt"])
hashes = st.dictionaries(st.sampled_from(["sha256", "autov2"]), st.sampled_from(["a" * 64, "b" * 64]), max_size=2)
marks = st.lists(st.sampled_from(["similar-name", "not-allowed-host", "unsafe", "generic-name"]), max_size=2)


@given(
    missing_hashes=hashes,
    found=st.lists(st.tuples(names, hashes, marks, st.sampled_from([(), ("loras",), ("checkpoints",)])), max_size=5),
    silent=st.booleans(),
)
def test_nothing_is_accepted_without_equal_hash_or_the_exact_name(
    missing_hashes: dict[str, str],
    found: list[tuple[str, dict[str, str], list[str], tuple[str, ...]]],
    silent: bool,
) -> None:
    missing = missing_from({"hashes": missing_hashes})
    candidates = tuple(
        msgspec.structs.replace(
            candidate_from(number, {"filename": name, "hashes": promised, "folders": folders}),
            evidence=tuple(Evidence(kind=kind, detail=kind) for kind in kinds),
        )
        for number, (name, promised, kinds, folders) in enumerate(found)
    )
    decision = decide(missing, Findings(candidates=candidates, unanswered={"civitai": "down"} if silent else {}))
    if not isinstance(decision, Fetch):
        assert confidence(missing, decision) < 1
        return
    wanted = missing_hashes.get("sha256")
    first = decision.candidates[0]
    assert all(candidate.sha256 == first.sha256 for candidate in decision.candidates)
    for candidate in decision.candidates:
        assert not {fact.kind for fact in candidate.evidence} & {"not-allowed-host", "unsafe", "hash-differs"}
    equal = wanted is not None and first.sha256 == wanted
    assert equal or first.filename == missing.filename
    assert equal or not silent or first.hashes.get("autov2") == missing_hashes.get("autov2")
