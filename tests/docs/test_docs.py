"""The documents say what is true: their examples run, their tables and blocks are made from the code."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyfixer.cli.main import COMMANDS
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import build_installation, sample_catalogue
from comfyfixer.errors import CODES
from tests.docs.generated import GUIDE, README, ROOT, demo_output, guide_with_tables, readme_with_output

SOURCE = ROOT / "src" / "comfyfixer"


def blocks(text: str, *languages: str) -> list[tuple[str, str]]:
    return [
        (found[1], found[2])
        for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if found[1] in languages
    ]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the sample installation, and an environment that leads to the embedded hub and nowhere else."""
    build_installation(tmp_path)
    with Hub(sample_catalogue()) as hub:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT", "TEMP", "LANG")}
        yield tmp_path, {**kept, **hub.environment(), "HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"}


def run(words: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def test_every_example_of_the_guide_does_what_it_says(place: tuple[Path, dict[str, str]]) -> None:
    folder, environment = place
    examples = blocks(GUIDE.read_text("utf-8"), "console", "python")
    assert len(examples) > 8
    for language, text in examples:
        if language == "python":
            done = run(["-c", text], folder, environment)
            assert done.returncode == 0, (text, done.stderr)
            continue
        for line in text.splitlines():
            command, _, expected = line.removeprefix("$ comfyfixer ").partition("# exit ")
            words, _, file = command.partition(" > ")
            done = run(["-m", "comfyfixer", *shlex.split(words)], folder, environment)
            assert done.returncode == int(expected or 0), (line, done.stdout, done.stderr)
            if file:
                (folder / file.strip()).write_text(done.stdout, "utf-8")


def test_the_guides_tables_are_made_from_the_code() -> None:
    text = GUIDE.read_text("utf-8")
    assert text == guide_with_tables(text), "run: python tests/docs/generated.py"


def test_every_code_in_the_source_is_listed_and_every_listed_code_is_used() -> None:
    written = "\n".join(file.read_text("utf-8") for file in SOURCE.rglob("*.py") if file.name != "errors.py")
    classes = (SOURCE / "errors.py").read_text("utf-8").partition("class ComfyFixerError")[2]
    used = set(re.findall(r'\bcode\b[^=\n]{0,20}=\s*\(?\s*"([a-z]+(?:-[a-z]+)*)"', written + classes))
    assert used <= set(CODES), used - set(CODES)
    everywhere = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', written + classes))
    assert set(CODES) <= everywhere, set(CODES) - everywhere


def test_every_command_of_the_guide_exists() -> None:
    named = set(re.findall(r"`comfyfixer (\w+)", GUIDE.read_text("utf-8") + README.read_text("utf-8")))
    assert named <= set(COMMANDS), named - set(COMMANDS)


def test_the_readmes_terminal_output_is_what_the_demo_prints(tmp_path: Path) -> None:
    text = README.read_text("utf-8")
    assert "SHA-256 verified" in text
    assert text == readme_with_output(text, demo_output(tmp_path)), "run: python tests/docs/generated.py"


def test_ci_runs_the_readmes_test_command_to_the_letter() -> None:
    (command,) = [text.strip() for _, text in blocks(README.read_text("utf-8"), "bash") if "pytest" in text]
    assert command in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
