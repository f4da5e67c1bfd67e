"""A pickle and its safetensors twin: which is taken, and that the twin is told."""

from typing import Any

from comfyfixer.model.candidate import Candidate, Findings
from comfyfixer.model.decision import Fetch
from comfyfixer.model.missing import MissingModel
from comfyfixer.resolve.decide import decide
from comfyfixer.resolve.safer_twins import TWIN


def missing(name: str, **more: Any) -> MissingModel:
    known: dict[str, Any] = {"folder": "embeddings", "expected_type": "embeddings"}
    return MissingModel(
        filename=name, value=name, workflow="w", workflows=("w",), node_type="N", node_id="1", references=(),
        **{**known, **more},
    )  # fmt: skip


def of_repo(path: str, digit: str, repo: str = "o/r") -> Candidate:
    return Candidate(
        source="huggingface", filename=path.rpartition("/")[2], download_url=f"https://huggingface.co/{repo}/{path}",
        hashes={"sha256": digit * 64}, folders=("embeddings",), repo_id=repo, revision="main", repo_path=path,
    )  # fmt: skip


def test_where_the_workflow_names_no_format_the_one_without_code_is_fetched() -> None:
    both = (of_repo("embeddings/easy.pt", "a"), of_repo("embeddings/easy.safetensors", "b"))
    decision = decide(missing("easy"), Findings(candidates=both))
    assert isinstance(decision, Fetch)
    assert [candidate.filename for candidate in decision.candidates] == ["easy.safetensors"]


def test_a_pickle_that_is_named_is_not_replaced_and_its_twin_is_told() -> None:
    both = (of_repo("embeddings/easy.pt", "a"), of_repo("embeddings/easy.safetensors", "b"))
    decision = decide(missing("easy.pt"), Findings(candidates=both))
    assert isinstance(decision, Fetch)
    assert [candidate.filename for candidate in decision.candidates] == ["easy.pt"]
    facts = {fact.kind: fact.detail for fact in decision.candidates[0].evidence}
    assert "`easy.safetensors`" in facts[TWIN]


def test_a_hash_names_this_very_file() -> None:
    both = (of_repo("embeddings/easy.pt", "a"), of_repo("embeddings/easy.safetensors", "b"))
    decision = decide(missing("easy", hashes={"sha256": "a" * 64}), Findings(candidates=both))
    assert isinstance(decision, Fetch)
    assert decision.candidates[0].filename == "easy.pt"


def test_a_file_of_that_name_elsewhere_is_no_twin() -> None:
    both = (of_repo("embeddings/easy.pt", "a"), of_repo("embeddings/easy.safetensors", "b", repo="other/r"))
    assert not isinstance(decide(missing("easy"), Findings(candidates=both)), Fetch)
    folders = (of_repo("embeddings/easy.pt", "a"), of_repo("old/easy.safetensors", "b"))
    assert not isinstance(decide(missing("easy"), Findings(candidates=folders)), Fetch)
