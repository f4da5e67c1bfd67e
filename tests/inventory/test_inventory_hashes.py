"""The cache of hashes: never wrong about a file that changed, never in the way when its own file is damaged."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.inventory.hashes import FileStamp, HashCache

LONG_AGO_NS = 1_700_000_000_000_000_000


class Told:
    """Hears events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, action: str, **details: Any) -> None:
        self.events.append((action, details))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def cache(tmp_path: Path, told: Told) -> Iterator[HashCache]:
    with HashCache(tmp_path / ".comfyfixer" / "hashes.sqlite", told) as opened:
        yield opened


def model(path: Path, data: bytes, mtime_ns: int = LONG_AGO_NS) -> str:
    path.write_bytes(data)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return str(path)


def hashes(data: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(data).hexdigest()}


def test_what_was_remembered_is_known_to_the_next_run(tmp_path: Path, cache: HashCache, told: Told) -> None:
    path = model(tmp_path / "a.safetensors", b"abc")
    cache.remember(path, hashes(b"abc"))
    cache.close()
    with HashCache(tmp_path / ".comfyfixer" / "hashes.sqlite", told) as later:
        assert later.known(path) == hashes(b"abc")
        assert later.paths_with(hashes(b"abc")["sha256"].upper()) == (path,)
    assert told.events == []


@pytest.mark.parametrize("change", ["size", "time", "inode", "gone"])
def test_a_file_that_changed_is_not_known(tmp_path: Path, cache: HashCache, change: str) -> None:
    file = tmp_path / "a.safetensors"
    cache.remember(model(file, b"abc"), hashes(b"abc"))
    if change == "size":
        model(file, b"abcd")
    elif change == "time":
        model(file, b"abd", LONG_AGO_NS + 1)
    elif change == "inode":
        model(tmp_path / "other", b"abd")
        os.replace(tmp_path / "other", file)
    else:
        file.unlink()
    assert cache.known(str(file)) == {}
    assert cache.paths_with(hashes(b"abc")["sha256"]) == ()
    assert cache.known_of({str(file): stamp} if (stamp := FileStamp.of(str(file))) else {}) == {}


def test_a_file_that_was_changed_just_now_is_not_remembered(tmp_path: Path, cache: HashCache) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(b"abc")
    cache.remember(str(file), hashes(b"abc"))
    assert cache.known(str(file)) == {}


def test_a_file_that_changed_while_it_was_read_is_not_remembered(tmp_path: Path, cache: HashCache) -> None:
    path = model(tmp_path / "a.safetensors", b"abc")
    before = FileStamp.of(path)
    model(tmp_path / "a.safetensors", b"abd", LONG_AGO_NS + 1)
    cache.remember(path, hashes(b"abc"), before)
    assert cache.known(path) == {}


def test_kinds_of_hash_are_gathered_as_long_as_the_bytes_are_the_same(tmp_path: Path, cache: HashCache) -> None:
    path = model(tmp_path / "a.safetensors", b"abc")
    cache.remember(path, {**hashes(b"abc"), "crc32": "352441c2"})
    cache.remember(path, hashes(b"abc"))
    assert cache.known(path) == {**hashes(b"abc"), "crc32": "352441c2"}
    cache.remember(path, hashes(b"abd"))
    assert cache.known(path) == hashes(b"abd")


def test_a_file_that_was_just_placed_by_us_is_known_at_once(tmp_path: Path, cache: HashCache) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(b"abc")
    cache.record_placed(str(file), hashes(b"abc")["sha256"])
    assert cache.known(str(file)) == hashes(b"abc")
    record = cache.records()[str(file)]
    assert (record.sha256, record.size_bytes, record.told_by) == (hashes(b"abc")["sha256"], 3, "download")


def test_a_record_outlives_the_change_of_its_file_until_it_is_declared_anew(tmp_path: Path, cache: HashCache) -> None:
    path = model(tmp_path / "a.safetensors", b"abc")
    cache.record_first(path, hashes(b"abc")["sha256"], 3, "verify")
    cache.record_first(path, hashes(b"abd")["sha256"], 3, "inventory")
    cache.remember(path, hashes(b"abd"))
    assert cache.records()[path].sha256 == hashes(b"abc")["sha256"]
    cache.record(path, hashes(b"abd")["sha256"], 3, "accept")
    assert cache.records()[path].sha256 == hashes(b"abd")["sha256"]
    cache.forget([path])
    assert cache.records() == {}


@pytest.mark.parametrize("damage", ["text", "cut", "tables"])
def test_a_damaged_file_is_put_aside_and_a_new_one_begun(
    tmp_path: Path, cache: HashCache, told: Told, damage: str
) -> None:
    path = model(tmp_path / "a.safetensors", b"abc")
    place = tmp_path / ".comfyfixer" / "hashes.sqlite"
    for number in range(300):  # several pages, so that a cut one is not whole
        cache.record(f"/models/{number}", hashes(b"abc")["sha256"], 3, "verify")
    cache.close()
    if damage == "tables":
        place.unlink()
        with sqlite3.connect(place) as other:
            other.execute("CREATE TABLE hash (other TEXT)")
        other.close()
    else:
        whole = place.read_bytes()
        place.write_bytes(b"no data base, but long enough to be one " * 40 if damage == "text" else whole[:5000])
    before = place.read_bytes()

    cache.remember(path, hashes(b"abc"))
    assert cache.records() == {}
    assert cache.known(path) == hashes(b"abc")
    aside = place.with_name("hashes.sqlite.broken").read_bytes()
    assert (aside[:16], len(aside)) == (before[:16], len(before))
    ((action, details),) = told.events
    assert (action, details["code"]) == ("problem.found", "state-unreadable")
    assert "hashes.sqlite.broken" in details["message"]


def test_where_no_file_can_be_made_the_run_goes_on_without(tmp_path: Path, told: Told) -> None:
    (tmp_path / "file").write_text("in the way")
    path = model(tmp_path / "a.safetensors", b"abc")
    with HashCache(tmp_path / "file" / "hashes.sqlite", told) as cache:
        cache.remember(path, hashes(b"abc"))
        assert cache.known(path) == hashes(b"abc")
    assert [details["code"] for _, details in told.events] == ["state-unreadable"]


@pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 there")
def test_a_name_that_is_no_utf8_is_known_under_what_is_shown_of_it(tmp_path: Path, cache: HashCache) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.safetensors"))
    try:
        model(file, b"abc")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    cache.remember(str(file), hashes(b"abc"))
    shown = f"{tmp_path}/caf\\xe9.safetensors"
    assert cache.known(shown) == hashes(b"abc")
    assert cache.paths_with(hashes(b"abc")["sha256"]) == (shown,)


WRITER = """
import sys
from pathlib import Path
from comfyfixer.inventory.hashes import HashCache
with HashCache(Path(sys.argv[1]), lambda action, **details: sys.exit(str(details))) as cache:
    for number in range(100):
        cache.record(f"/models/{sys.argv[2]}/{number}", "0" * 64, number, "verify")
"""


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    place = tmp_path / "new" / "hashes.sqlite"
    words = [sys.executable, "-c", WRITER, str(place)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [subprocess.Popen([*words, name], env=environment) for name in "ab"]
    assert [process.wait(60) for process in running] == [0, 0]
    with HashCache(place, Told()) as cache:
        assert len(cache.records()) == 200
