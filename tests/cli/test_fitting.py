"""Lines on a terminal: broken between words or cut; elsewhere they stay as they are."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.cli.fitting import cells, cut, wrapped
from tests.support.product import Product
from tests.support.terminal import at_terminal

no_terminals = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("short", ["short"]),
        ("", [""]),
        ("12 workflows, and a headline that is long", ["12 workflows, and a headline", "  that is long"]),
        (
            "  + name.pt   loras, 5 B from civitai, SHA-256",
            ["  + name.pt   loras, 5 B from", "        civitai, SHA-256"],
        ),
        ("      -> look at this and then at that", ["      -> look at this and then", "         at that"]),
        ("      -> https://host/a/very/long/path/of/it", ["      -> https://host/a/very/long/path/of/it"]),
        ("  a   b", ["  a   b"]),
    ],
)
def test_a_long_line_goes_on_below_its_text(line: str, rows: list[str]) -> None:
    assert list(wrapped(line, 30)) == rows


@given(st.text(st.sampled_from("ab  ->漢"), max_size=80), st.integers(30, 50))
def test_no_word_is_lost_or_broken_and_no_row_is_too_wide(line: str, columns: int) -> None:
    rows = list(wrapped(line, columns))
    assert " ".join(rows).split() == line.split()
    assert all(cells(row) <= columns for row in rows if len(row.split()) > 2)
    assert cells(cut(line, columns)) <= columns


def test_wide_signs_take_two_columns() -> None:
    assert (cells("漢字"), cells("e\u0301")) == (4, 1)
    assert cut("漢" * 20, 30) == "漢" * 13 + "..."


@no_terminals
def test_what_is_said_on_a_terminal_is_broken_between_words_and_what_is_piped_never(tmp_path: Path) -> None:
    product = Product(tmp_path)
    piped = product.run("scan", "--quiet")
    words = [sys.executable, "-m", "comfyfixer", "scan", "--quiet"]
    drawn, code = at_terminal(words, product.workdir, product.environment(), columns=60)

    assert code == piped.code == 3
    assert max(map(len, piped.out.splitlines())) > 60
    assert drawn.split() == piped.out.split()
    assert all(len(row) <= 60 or len(row.split()) < 3 for row in drawn.splitlines())
