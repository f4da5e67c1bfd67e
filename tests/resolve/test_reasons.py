"""What speaks for and against a candidate, case by case: `reasons.json` holds the cases."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.missing import MissingModel
from comfyfixer.resolve.reasons import base_model_of, precision_of, reviewed

CASES: list[dict[str, Any]] = msgspec.json.decode(Path(__file__).with_name("reasons.json").read_bytes())
WANTED = {"workflow": "w", "workflows": ["w"], "node_type": "N", "node_id": "1", "references": [], "expected_type": "x"}


def candidate_from(case: dict[str, Any]) -> Candidate:
    given = {
        "source": "huggingface", "filename": "harbor.safetensors", "download_url": "https://h/x",
        "hashes": {"sha256": "a" * 64},
    }  # fmt: skip
    return msgspec.convert({**given, **case}, Candidate)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["fact"])
def test_reasons(case: dict[str, Any]) -> None:
    given = {"filename": "harbor.safetensors", "folder": "loras", **WANTED, **case.get("missing", {})}
    missing = msgspec.convert({"value": given["filename"], **given}, MissingModel)
    first = reviewed(missing, [candidate_from(each) for each in case["candidates"]])[0]

    assert list(first.speaks_against) == case["against"]
    assert first.refused == case.get("refused")
    if "for" in case:
        assert list(first.speaks_for) == case["for"]


def test_a_precision_may_stand_in_the_repository_path_alone() -> None:
    inside = candidate_from({"filename": "model.safetensors", "repo_id": "o/r", "repo_path": "fp8/model.safetensors"})
    assert precision_of(inside) == "fp8"


def test_the_hubs_word_for_the_base_model_comes_before_the_names() -> None:
    assert base_model_of(candidate_from({"filename": "x_sdxl.safetensors", "base_model": "Pony"})) == "Pony"
    assert base_model_of(candidate_from({"filename": "x.safetensors", "repo_id": "o/Wan2.2-T2V"})) == "Wan 2.2"
    assert base_model_of(candidate_from({"filename": "x.safetensors"})) is None
