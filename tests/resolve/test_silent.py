"""Who gave no answer, each reason once."""

from comfyfixer.resolve.silent import by_reason, listed

DOWN = "h:9 could not be reached"


def test_who_is_silent_for_one_reason_is_told_together_the_hub_first() -> None:
    unanswered = {"workflow": DOWN, "huggingface": f"{DOWN}; it is not asked again in this run", "civitai": "timed out"}
    assert by_reason(unanswered) == [(("civitai",), "timed out"), (("huggingface", "workflow"), DOWN)]


def test_who_gives_no_reason_stands_alone() -> None:
    assert by_reason({"a": "", "b": DOWN}) == [(("a",), ""), (("b",), DOWN)]


def test_hubs_have_their_own_names_and_others_what_they_call_themselves() -> None:
    assert listed(["huggingface", "Comfy Registry"]) == "Hugging Face, Comfy Registry"
