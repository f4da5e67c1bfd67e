"""What the fuzzer found, once: each file ends in an answer or an error of ours, now and ever after."""

from pathlib import Path

import pytest

from comfyfixer.pipeline.reading.file import Reader
from comfyfixer.scan.knowledge import builtin_knowledge

FINDINGS = sorted(Path(__file__).with_name("findings").iterdir())


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_what_once_broke_a_reader_ends_in_an_answer(path: Path) -> None:
    read = Reader(builtin_knowledge()).read(str(path))

    assert read is None or read.ok or read.error is not None


def test_there_are_findings() -> None:
    assert FINDINGS
