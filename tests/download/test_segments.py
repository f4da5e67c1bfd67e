"""One file over several connections: the same bytes, whatever each of them does, and never too many of them."""

import hashlib
import random
import re
import threading
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from comfyfixer.download import stretches
from comfyfixer.download.beside import PartPaths
from comfyfixer.download.growth import Trial
from comfyfixer.download.pace import Pace
from comfyfixer.download.segments import Segments
from comfyfixer.download.sharing import Connections, Sharing
from comfyfixer.errors import Interrupted
from tests.download.conftest import Bench, safetensors
from tests.download.origin import Answer, Exchange, serve, status

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
SIZE = 12 * MIB
EAGER = Trial(window_s=0.001, enough=float("inf"), worth_s=0.0, gain=-9.0, full_gain=9.0, again_s=0.01)


@pytest.fixture
def many(bench: Bench) -> Bench:
    """A file of 12 MiB, of which each further connection is wanted as soon as there is one."""
    bench.hub.body = safetensors(SIZE)
    bench.sharing = Sharing(per_file=4, trial=EAGER)
    bench.pace = Pace(first_wait_s=0.001, longest_wait_s=0.002)
    return bench


class Turnstile:
    """Answers that only drip after some bytes until so many requests are here."""

    def __init__(self, requests: int) -> None:
        self._requests = requests
        self._arrived = 0
        self._changed = threading.Condition()

    def at(self, hold_at: int, then: Answer | None = None) -> Answer:
        """Send so many bytes, then drip until the others are here."""

        def answer(exchange: Exchange) -> None:
            with self._changed:
                self._arrived += 1
                self._changed.notify_all()
            released = threading.Event()
            threading.Thread(target=self._release, args=(released,), daemon=True).start()
            (then or serve(hold_at=hold_at, until=released, drips=True))(exchange)

        return answer

    def _release(self, released: threading.Event) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._arrived >= self._requests, 20)
        released.set()


def _succeeds(bench: Bench) -> None:
    outcome = bench.fetch()
    assert outcome.success, outcome.error
    assert outcome.verified
    assert bench.target.read_bytes() == bench.hub.body
    assert bench.names() == ["x.safetensors"]


def _asked(bench: Bench) -> list[tuple[int, int]]:
    """The ranges that were asked for, the whole file where none was."""
    size = len(bench.hub.body)
    found = (re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "bytes=0-") for asked in bench.hub.ranges)
    return [(int(one[1]), int(one[2]) + 1 if one[2] else size) for one in found if one]


def test_a_file_comes_over_four_connections_and_is_proven(many: Bench) -> None:
    turn = Turnstile(4)
    many.hub.script = [turn.at(MIB), turn.at(0), turn.at(0), turn.at(0)]
    _succeeds(many)
    assert len(many.hub.requests) >= 4
    assert all(many.hub.ranges[1:])


def test_a_hub_that_gives_one_file_in_one_piece_only_is_asked_for_one(many: Bench) -> None:
    many.sharing = Sharing(per_file=1, trial=EAGER)
    _succeeds(many)
    assert many.hub.ranges == [None]


@pytest.mark.parametrize(
    "second",
    [serve(ranges=False), serve(shift=3), serve(shift=-3), status(416), status(403), status(429), status(503)],
    ids=["ignored", "behind", "before", "416", "403", "429", "503"],
)
def test_a_further_connection_that_is_refused_or_wrong_costs_nothing(many: Bench, second: Answer) -> None:
    turn = Turnstile(2)
    many.hub.script = [turn.at(MIB), turn.at(0, then=second)]
    _succeeds(many)
    assert many.told("download.retried") == []


def test_without_a_hash_and_an_etag_there_is_one_connection(many: Bench) -> None:
    many.hub.etag = None
    assert many.fetch(many.candidate(hashes={})).success
    assert many.hub.ranges == [None]


def test_without_a_hash_a_stretch_of_another_version_is_not_mixed_in(many: Bench) -> None:
    def changed(exchange: Exchange) -> None:
        many.hub.etag = '"v2"'
        serve(body=bytes(len(many.hub.body)))(exchange)

    turn = Turnstile(2)
    many.hub.script = [turn.at(MIB), turn.at(0, then=changed)]
    assert many.fetch(many.candidate(hashes={})).success
    assert many.target.read_bytes() == many.hub.body


@pytest.mark.parametrize("seed", range(12))
def test_whatever_becomes_of_the_connections_the_file_is_right(many: Bench, seed: int) -> None:
    """Cuts, ignored ranges and refusals in any order; the seed is the test's own."""
    dice = random.Random(seed)
    faults: list[Callable[[], Answer]] = [
        lambda: serve(cut_after=dice.randrange(4 * MIB)),
        lambda: serve(cut_after=dice.randrange(MIB), ranges=False),
        lambda: serve(shift=dice.choice([-1, 1, 4096])),
        lambda: status(dice.choice([429, 500, 502, 503])),
        lambda: status(403, b"Request has expired"),
        serve,
    ]
    many.hub.script = [dice.choice(faults)() for _ in range(10)]
    many.hub.script.insert(0, serve(cut_after=3 * MIB))
    for _ in range(9):
        outcome = many.fetch()
        if outcome.success:
            break
        assert outcome.error is not None
        assert not many.target.exists()
    _succeeds(many)


def _stop_in_the_middle(bench: Bench, at: int) -> int:
    """Stop a run over several connections when so many bytes are here; gives how many the next run finds."""
    turn = Turnstile(3)
    bench.hub.script = [turn.at(MIB), turn.at(0), turn.at(0)]
    paths = PartPaths(bench.target)
    bench.cancelled = lambda: paths.bytes_here() >= at
    with pytest.raises(Interrupted):
        bench.fetch()
    bench.cancelled = lambda: False
    bench.hub.requests.clear()
    bench.hub.script.clear()
    return paths.bytes_here()


def test_what_is_here_between_gaps_is_not_fetched_again(many: Bench) -> None:
    here = _stop_in_the_middle(many, 5 * MIB)
    many.sharing = Sharing(per_file=1)
    _succeeds(many)
    asked = _asked(many)
    assert sum(end - start for start, end in asked) == len(many.hub.body) - here
    assert many.told("download.resumed")[-1]["bytes_done"] == here


def test_a_killed_run_knows_all_but_the_last_chunk_of_each_connection(many: Bench) -> None:
    """The journal as a killed process leaves it: lines were appended since the record was written, the last is torn."""
    _stop_in_the_middle(many, 5 * MIB)
    paths = PartPaths(many.target)
    record = paths.record()
    assert record is not None
    assert record.front is not None
    lines = b"".join(b"\n[%d,%d]" % extent for extent in record.ahead)
    whole = msgspec.json.encode(msgspec.structs.replace(record, ahead=(), ahead_flushed=()))
    paths.journal.write_bytes(whole + lines + b"\n[99,1")
    assert paths.record() == msgspec.structs.replace(record, ahead_flushed=())
    here = paths.bytes_here()
    many.sharing = Sharing(per_file=1)
    _succeeds(many)
    assert sum(end - start for start, end in _asked(many)) == len(many.hub.body) - here


def test_after_a_start_of_the_machine_only_what_reached_the_disk_counts(many: Bench) -> None:
    _stop_in_the_middle(many, 5 * MIB)
    paths = PartPaths(many.target)
    record = paths.record()
    assert record is not None
    other = msgspec.structs.replace(record, boot="another start", ahead_flushed=(), bytes_flushed=MIB // 2)
    paths.journal.write_bytes(msgspec.json.encode(other))
    many.sharing = Sharing(per_file=1)
    _succeeds(many)
    if record.boot is not None:
        assert many.hub.ranges == [f"bytes={MIB // 2}-"]


def test_gaps_at_a_server_that_ignores_ranges_start_over(many: Bench) -> None:
    _stop_in_the_middle(many, 5 * MIB)
    many.hub.script = [serve(ranges=False), serve(ranges=False)]
    _succeeds(many)


def test_a_byte_that_changed_behind_a_gap_is_noticed(many: Bench) -> None:
    _stop_in_the_middle(many, 5 * MIB)
    record = PartPaths(many.target).record()
    assert record is not None
    with many.part.open("rb+") as part:
        part.seek(record.ahead[-1][0] if record.ahead else 10)
        part.write(b"?!")
    _succeeds(many)
    assert len(many.told("download.retried")) == 1


def test_a_disk_that_fills_up_keeps_what_is_true(many: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from comfyfixer.download.part import Writer

    real, left = Writer.write, [6 * MIB]

    def write(self: Writer, at: int, chunk: memoryview) -> None:
        left[0] -= len(chunk)
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        real(self, at, chunk)

    turn = Turnstile(3)
    many.hub.script = [turn.at(MIB), turn.at(0), turn.at(0)]
    monkeypatch.setattr(Writer, "write", write)
    many.fails("disk-full")
    monkeypatch.undo()
    _succeeds(many)


class Giver:
    """The first connection's answer, in the test's hands: some bytes, then drops until it is told to go on."""

    def __init__(self, body: bytes, *stations: tuple[int, threading.Event]) -> None:
        self._body = body
        self._stations = stations
        self.gave_up = False

    def __call__(self, exchange: Exchange) -> None:
        exchange.head(200, Content_Length=len(self._body))
        at = 0
        for end, go_on in self._stations:
            at = self._give(exchange, at, end)
            drops = 0
            while not go_on.wait(0.01):
                at = self._give(exchange, at, at + 1)
                drops += 1
                if drops == 2000:
                    self.gave_up = True
                    break
        self._give(exchange, at, len(self._body))

    def _give(self, exchange: Exchange, at: int, end: int) -> int:
        exchange.wfile.write(self._body[at:end])
        exchange.wfile.flush()
        return end


def test_a_late_connection_does_not_write_over_what_another_brought_and_hashed(many: Bench) -> None:
    """Its first bytes are wrong ones: they would stand in the file after the right ones were hashed."""
    asked, came = threading.Event(), threading.Event()

    def late(exchange: Exchange) -> None:
        start = int(exchange.headers["Range"].removeprefix("bytes=").partition("-")[0])
        asked.set()
        while PartPaths(many.target).bytes_here() < start + 100_000:
            time.sleep(0.001)
        body = bytearray(many.hub.body)
        body[start : start + 64] = bytes(64)
        serve(body=bytes(body))(exchange)
        came.set()

    many.sharing = Sharing(per_file=2, trial=EAGER)
    many.hub.script = [Giver(many.hub.body, (MIB, asked), (9 * MIB, came)), late]
    _succeeds(many)
    assert many.told("download.retried") == []


def test_a_file_that_is_here_does_not_wait_for_a_connection_that_never_answers(many: Bench) -> None:
    asked, ended = threading.Event(), threading.Event()
    waited: list[bool] = []

    def silent(exchange: Exchange) -> None:
        asked.set()
        waited.append(ended.wait(4))  # less than the client has patience

    many.sharing = Sharing(per_file=2, trial=EAGER)
    many.hub.script = [Giver(many.hub.body, (MIB, asked)), silent]
    try:
        _succeeds(many)
        assert waited == []
    finally:
        ended.set()


def test_the_rest_of_a_connection_that_hardly_gives_any_more_is_brought_by_another(
    many: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretches, "_PATIENCE_S", 0.05)
    ended = threading.Event()
    slow = Giver(many.hub.body, (9 * MIB, ended))
    many.sharing = Sharing(per_file=2, trial=EAGER)
    many.hub.script = [slow]
    try:
        _succeeds(many)
        assert not slow.gave_up
    finally:
        ended.set()


def test_a_server_that_ends_each_connection_after_a_little_is_asked_more_and_more_seldom(
    many: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[int] = []
    real = Segments._rest

    def rest(self: Segments, ended_early: int) -> None:
        rests.append(ended_early)
        real(self, ended_early)

    monkeypatch.setattr(Segments, "_rest", rest)
    many.sharing = Sharing(per_file=2, trial=EAGER)
    many.hub.script = [serve(hold_at=2 * MIB, until=threading.Event(), drips=True), *[serve(cut_after=300_000)] * 8]
    _succeeds(many)
    assert max(rests) >= 2


def test_what_is_held_counts_whatever_the_limit_says() -> None:
    connections = Connections(per_host=1)
    with connections.first("host", lambda: False):
        connections.hold("host")
    assert not connections.take("host")
    connections.release("host")
    assert connections.take("host")


def test_a_host_never_sees_more_connections_than_its_limit() -> None:
    connections = Connections(per_host=2)
    with connections.first("h", lambda: False):
        assert connections.take("h")
        assert not connections.take("h")
        assert connections.take("other")
        connections.release("h")
        assert connections.take("h")
        connections.allow_no_more("h")
        connections.release("h")
        assert not connections.take("h")


def test_a_file_that_waits_gets_its_connection_before_another_gets_a_second() -> None:
    connections = Connections(per_host=1)
    waiting = threading.Event()
    entered = threading.Event()

    def wait() -> bool:
        waiting.set()
        return False

    def second() -> None:
        with connections.first("h", wait):
            entered.set()

    with connections.first("h", lambda: False):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        assert connections.are_wanted("h")
        assert not connections.take("h")
    thread.join(10)
    assert entered.is_set()


def test_a_file_that_waits_for_a_connection_can_be_stopped() -> None:
    connections = Connections(per_host=1)
    with connections.first("h", lambda: False), pytest.raises(Interrupted), connections.first("h", lambda: True):
        pass


def test_the_hash_is_of_the_bytes_in_their_order(many: Bench) -> None:
    turn = Turnstile(4)
    many.hub.script = [turn.at(MIB), turn.at(0), turn.at(0), turn.at(0)]
    outcome = many.fetch(many.candidate(hashes={"sha256": hashlib.sha256(many.hub.body).hexdigest()}))
    assert outcome.sha256 == hashlib.sha256(many.hub.body).hexdigest()
