"""One file on one screen: whatever the window's size and whatever the names hold."""

from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.model.choice import Review, ReviewedCandidate, ReviewItem
from comfyfixer.report.review import Place, columns, lines, screen


def candidate(number: int, **more: object) -> ReviewedCandidate:
    given = {
        "id": f"civitai:{number}", "source": "civitai", "filename": "soft.safetensors", "size_bytes": 49_000,
        "title": f"Soft Light, v{number}", "page_url": f"https://civitai.com/models/{number}",
        "download_url": "https://x", "speaks_for": ("the same name",), "speaks_against": ("v6 instead of v5",),
    }  # fmt: skip
    return ReviewedCandidate(number=number, **{**given, **more})  # type: ignore[arg-type]


def item(*candidates: ReviewedCandidate, **more: object) -> ReviewItem:
    given = {
        "name": "soft.safetensors", "filename": "soft.safetensors", "value": "soft.safetensors", "folder": "loras",
        "expected_type": "lora", "workflows": ("/w/a.json", "/w/b.json"), "node_types": ("LoraLoader",),
        "state": "waiting", "because": "Different files carry exactly this name",
    }  # fmt: skip
    return ReviewItem(**{**given, "candidates": candidates, **more})  # type: ignore[arg-type]


def texts(shown: ReviewItem, place: Place, width: int = 79, height: int = 24) -> list[str]:
    return [line.text for line in screen(shown, place, width, height)]


def test_a_screen_of_80_by_24_shows_the_question_the_candidates_the_reasons_and_the_keys() -> None:
    shown = texts(item(candidate(1), candidate(2)), Place(1, 3, 1))
    assert shown[0].startswith("soft.safetensors")
    assert shown[0].endswith("1 of 3")
    assert "loras, needed by a.json and 1 more workflow, read by LoraLoader" in shown
    assert any(line.startswith("  1. soft.safetensors  Soft Light, v1") for line in shown)
    assert any(line.startswith("> 2. soft.safetensors  Soft Light, v2") and "49 kB" in line for line in shown)
    assert {"  + the same name", "  - v6 instead of v5", "  https://civitai.com/models/2"} <= set(shown)
    assert (len(shown), shown[-1]) == (
        24,
        "arrows or 1-9 pick   Enter choose   s skip   n next   b back   o page   q quit",
    )


def test_the_page_is_a_link_and_a_path_is_none() -> None:
    local = candidate(1, source="local", page_url=None, download_url="/models/soft.safetensors")
    linked = {line.text.strip(): line.link for line in screen(item(candidate(1), local), Place(1, 1, 0), 79, 24)}
    assert linked["https://civitai.com/models/1"] == "https://civitai.com/models/1"
    here = {line.text.strip(): line.link for line in screen(item(candidate(1), local), Place(1, 1, 1), 79, 24)}
    assert here["/models/soft.safetensors"] is None


def test_what_was_chosen_is_marked_and_can_be_forgotten() -> None:
    chosen = item(candidate(1), candidate(2), state="chosen", chosen="civitai:2", chosen_on="2026-01-31T10:00:00+00:00")
    shown = texts(chosen, Place(1, 1, 1))
    assert "Chosen by you on 2026-01-31" in shown
    assert any(line.startswith(">*2.") for line in shown)
    assert any("f forget" in line for line in shown)


def test_without_candidates_it_says_what_was_asked_and_what_to_try() -> None:
    lost = item(state="not_found", asked=("civitai: 0 candidates",), advice=("Look for it yourself: https://x",))
    shown = texts(lost, Place(1, 1, 0))
    assert "  asked civitai: 0 candidates" in shown
    assert "  -> Look for it yourself: https://x" in shown
    assert not any("choose" in line for line in shown)


def test_a_window_follows_the_cursor_through_many_candidates() -> None:
    many = item(*(candidate(number) for number in range(1, 31)))
    for picked in (0, 15, 29):
        shown = texts(many, Place(1, 1, picked), height=20)
        assert any(line.startswith(f"> {picked + 1}.") for line in shown)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=90)


@given(
    name=words,
    title=words,
    reasons=st.lists(words, max_size=6),
    count=st.integers(0, 12),
    said=words,
    width=st.integers(20, 130),
    height=st.integers(3, 40),
)
def test_a_screen_never_overflows_and_never_obeys_what_names_hold(
    name: str, title: str, reasons: list[str], count: int, said: str, width: int, height: int
) -> None:
    candidates = [
        candidate(number, filename=name, title=title, speaks_against=tuple(reasons), page_url=f"https://x/{title}")
        for number in range(1, count + 1)
    ]
    place = Place(1, 1, max(0, count - 1), said)
    shown = screen(item(*candidates, name=name or "x", because=title), place, width, height)

    assert len(shown) <= height
    assert all(columns(line.text) <= width for line in shown), [line.text for line in shown]
    assert all(line.text.isprintable() for line in shown)


def test_the_list_for_a_pipe_has_ids_reasons_and_how_to_choose() -> None:
    text = "\n".join(lines(Review(items=(item(candidate(1), candidate(2)),), waiting=1)))
    assert "id: civitai:2" in text
    assert "- v6 instead of v5" in text
    assert text.endswith("`comfyfixer choose NAME NUMBER`, or `comfyfixer choose NAME skip`.")
    assert list(lines(Review(items=(), waiting=0))) == ["Nothing waits for a choice."]
