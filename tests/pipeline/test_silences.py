"""One line for each reason why no answer came, however many asked and were asked about."""

from comfyfixer.errors import SourceError
from comfyfixer.pipeline.offline import NOT_ASKED
from comfyfixer.pipeline.silences import Silences

DOWN = "h:9 could not be reached"


def silences(**errors: SourceError) -> Silences:
    found = Silences()
    for source, error in errors.items():
        found.note(source, error)
        found.note(source, SourceError("a later one is not told"))
    return found


def test_one_hub_is_told_once_by_its_name_with_what_it_holds_up() -> None:
    again = SourceError(f"{DOWN}; it is not asked again in this run", code="hub-unreachable", hint="Check the network")
    found = silences(workflow=SourceError(DOWN), huggingface=again)
    (problem,) = found.problems([{"workflow"}, {"workflow", "huggingface"}, set()], about="missing file", hint="x")
    assert problem.message == f"Hugging Face gave no answer about 2 missing files: {DOWN}"
    assert (problem.code, problem.hint, problem.where) == ("hub-unreachable", "Check the network", None)


def test_hubs_of_one_reason_are_all_named() -> None:
    found = silences(huggingface=SourceError("its time was over"), civitai=SourceError("its time was over"))
    (problem,) = found.problems([["civitai"], ["huggingface"]], about="node type", hint="x")
    assert problem.message == "Civitai and Hugging Face gave no answer about 2 node types: its time was over"


def test_one_thing_is_one_and_an_address_is_called_one() -> None:
    found = silences(workflow=SourceError(DOWN))
    (problem,) = found.problems([["workflow"]], about="missing file", hint="It stays open")
    assert problem.message == f"An address that a workflow names gave no answer about 1 missing file: {DOWN}"
    assert problem.hint == "It stays open"


def test_who_was_not_asked_or_has_answered_in_the_end_is_not_told() -> None:
    found = silences(civitai=SourceError("offline", code=NOT_ASKED), huggingface=SourceError(DOWN))
    assert found.problems([["civitai"]], about="missing file", hint="x") == []
