"""Asked twice to stop, a command ends at once with a last word."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.product import Product
from tests.support.terminal import at_terminal

PROGRAM = """
import os, signal, time
from comfyfixer.cli.options import Common
from comfyfixer.cli.running import on_stderr, stop_requests
with stop_requests(quiet={quiet}, goes_on="; `comfyfixer resume` goes on"), on_stderr(Common(quiet={quiet})):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process can't send itself Ctrl-C there")


def stopped(folder: Path, *, quiet: bool) -> tuple[int, list[str]]:
    words = [sys.executable, "-c", PROGRAM.format(quiet=quiet)]
    ran = subprocess.run(words, env=Product(folder).environment(), capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stderr.splitlines()


def test_the_last_word_says_how_it_goes_on(tmp_path: Path) -> None:
    told = ["stopping cleanly; once more stops at once", "stopped at once; `comfyfixer resume` goes on"]
    assert stopped(tmp_path, quiet=False) == (130, told)
    assert stopped(tmp_path, quiet=True) == (130, [])


def test_on_a_terminal_it_stands_below_the_bars_and_the_cursor_is_back(tmp_path: Path) -> None:
    words = [sys.executable, "-c", PROGRAM.format(quiet=False)]
    drawn, code = at_terminal(words, tmp_path, Product(tmp_path).environment())

    assert code == 130
    assert drawn.endswith("\n\x1b[?25hstopped at once; `comfyfixer resume` goes on\n")
