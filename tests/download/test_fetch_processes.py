"""What only other processes show: `kill -9`, the system's own refusal to write, and storms of faults."""

import hashlib
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from comfyfixer.model.outcome import Outcome
from tests.download.conftest import Bench, safetensors
from tests.download.origin import Answer, redirect, serve, status

PROCESS = Path(__file__).with_name("process.py")
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")


def _start(bench: Bench, *limit: str) -> "subprocess.Popen[str]":
    digest = hashlib.sha256(bench.hub.body).hexdigest()
    arguments = [bench.hub.url, str(bench.root), str(len(bench.hub.body)), digest, *limit]
    return subprocess.Popen([sys.executable, PROCESS, *arguments], stdout=subprocess.PIPE, text=True)


@posix
@pytest.mark.parametrize("at", [600, 1_100_000, 2_900_000])
def test_a_killed_run_loses_no_byte_that_it_had(bench: Bench, at: int) -> None:
    released = threading.Event()
    bench.hub.script = [serve(hold_at=at, until=released)]
    run = _start(bench)
    assert run.stdout is not None
    try:
        told = next((int(line) for line in run.stdout if int(line) >= at), None)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
        run.stdout.close()
        released.set()
    assert told == at
    assert bench.part.stat().st_size == at
    assert not bench.target.exists()
    assert bench.fetch().success
    assert bench.hub.ranges == [None, f"bytes={at}-"]
    assert bench.target.read_bytes() == bench.hub.body
    assert bench.names() == ["x.safetensors"]


@posix
@pytest.mark.parametrize("limit", [5_000, 1_500_000, 2_999_000])
def test_a_write_that_the_system_refuses_keeps_a_part_that_is_true(bench: Bench, limit: int) -> None:
    run = _start(bench, str(limit))
    output, _ = run.communicate(timeout=30)
    outcome = msgspec.json.decode(output.splitlines()[-1], type=Outcome)
    assert outcome.error is not None
    assert outcome.error.code == "disk-full"
    kept = bench.part.stat().st_size
    assert 0 < kept <= limit
    assert bench.part.read_bytes() == bench.hub.body[:kept]
    assert bench.fetch().success
    assert bench.hub.ranges[-1] == f"bytes={kept}-"


def _fault(dice: random.Random, bench: Bench) -> Answer:
    """One thing that goes wrong."""
    flipped = bytearray(bench.hub.body)
    flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
    size = len(bench.hub.body)
    return dice.choice(
        [
            serve(cut_after=dice.randrange(size)),
            serve(cut_after=dice.randrange(size), ranges=False),
            serve(shift=dice.choice([-3, -1, 1, 1000])),
            serve(length=dice.choice([None, dice.randrange(size), size + dice.randrange(1, 9999)])),
            serve(body=bytes(flipped)),
            serve(body=b"<html>Just a moment...</html>", content_type="text/html"),
            status(dice.choice([429, 500, 502, 503, 504])),
            status(416),
            status(403, b"Request has expired"),
            redirect(f"{bench.storage.url}/signed"),
        ]
    )


@pytest.mark.parametrize("seed", range(40))
def test_in_a_storm_of_faults_a_file_is_right_or_absent_with_a_reason(bench: Bench, seed: int) -> None:
    dice = random.Random(seed)
    bench.hub.body = bench.storage.body = safetensors(dice.choice([10, 5_000, 1_100_000, 2_500_000]))
    bench.hub.script = [_fault(dice, bench) for _ in range(dice.randrange(1, 8))]
    bench.storage.script = [_fault(dice, bench) for _ in range(dice.randrange(3))]
    outcomes = list(_until_success(bench))
    for outcome in outcomes[:-1]:
        assert outcome.error is not None
        assert outcome.error.code in ("hash-mismatch", "size-mismatch", "not-a-model-file", "download-interrupted")
    assert outcomes[-1].success, outcomes[-1].error
    assert bench.target.read_bytes() == bench.hub.body
    assert bench.names() == ["x.safetensors"]


def _until_success(bench: Bench) -> Iterator[Outcome]:
    """One run after the other, nine at most; whenever one fails, nothing has the real name."""
    for _ in range(9):
        outcome = bench.fetch(bench.candidate(), bench.candidate("huggingface"))
        yield outcome
        if outcome.success:
            return
        assert not bench.target.exists()
