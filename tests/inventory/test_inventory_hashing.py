"""Hashing many files: right, each once, remembered when it is done, and stopped when it is asked."""

import hashlib
import os
import struct
import threading
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.digests import computable
from comfyfixer.errors import Interrupted, UsageError
from comfyfixer.inventory.hashes import HashCache
from comfyfixer.inventory.hashing import HashedFile, hash_files

LONG_AGO_NS = 1_700_000_000_000_000_000


class Told:
    """Hears events, from any thread."""

    def __init__(self, on: Callable[[str], None] = lambda _action: None) -> None:
        self.actions: list[str] = []
        self._on = on

    def __call__(self, action: str, **_details: Any) -> None:
        self.actions.append(action)
        self._on(action)


def model(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    return str(path)


def hashed(
    paths: Collection[str],
    cache: HashCache,
    *,
    algorithms: Collection[str] = ("sha256",),
    told: Told | None = None,
    reread: bool = False,
) -> dict[str, HashedFile]:
    done = hash_files(
        paths,
        algorithms=algorithms,
        cache=cache,
        cancelled=lambda: False,
        emit=told or Told(),
        workers=2,
        reread=reread,
    )
    return {file.path: file for file in done}


@pytest.fixture
def cache(tmp_path: Path) -> HashCache:
    return HashCache(None, Told())


def test_every_kind_is_taken_in_one_reading(tmp_path: Path, cache: HashCache) -> None:
    data = os.urandom(2_500_000)
    safetensors = struct.pack("<Q", 2) + b"{}" + data
    path = model(tmp_path / "a.safetensors", safetensors)
    other = model(tmp_path / "b.ckpt", data)
    told = Told()
    rows = hashed([path, other], cache, algorithms=("autov2", "autov3", "crc32"), told=told)
    sha256 = hashlib.sha256(safetensors).hexdigest()
    assert rows[path].hashes == {
        "sha256": sha256,
        "autov2": sha256[:10],
        "autov3": hashlib.sha256(data).hexdigest()[:12],
        "crc32": f"{zlib.crc32(safetensors):08x}",
    }
    assert rows[other].hashes.keys() == {"sha256", "autov2", "crc32"}
    assert sorted(told.actions) == ["hash.finished", "hash.finished", "hash.started", "hash.started", "hashing.started"]


def test_what_is_known_is_not_read_again_unless_it_is_asked_for(tmp_path: Path, cache: HashCache) -> None:
    path = model(tmp_path / "a.safetensors", b"abc")
    assert hashed([path], cache)[path].read
    told = Told()
    again = hashed([path], cache, told=told)[path]
    assert (again.read, again.hashes["sha256"]) == (False, hashlib.sha256(b"abc").hexdigest())
    assert told.actions == []
    assert hashed([path], cache, algorithms=("crc32",))[path].read
    assert hashed([path], cache, reread=True)[path].read


def test_a_file_with_several_names_is_read_once_and_known_under_each(tmp_path: Path, cache: HashCache) -> None:
    path = model(tmp_path / "a.safetensors", b"abc")
    linked, pointed = str(tmp_path / "hard.safetensors"), str(tmp_path / "soft.safetensors")
    os.link(path, linked)
    try:
        os.symlink(path, pointed)
    except OSError:
        pytest.skip("no right to make symbolic links")
    told = Told()
    rows = hashed([path, linked, pointed, path], cache, told=told)
    assert told.actions.count("hash.started") == 1
    assert [file.read for file in rows.values()].count(True) == 1
    assert {cache.known(name)["sha256"] for name in (path, linked, pointed)} == {hashlib.sha256(b"abc").hexdigest()}


def test_what_can_not_be_read_is_told_and_the_others_are_hashed(tmp_path: Path, cache: HashCache) -> None:
    path = model(tmp_path / "a.safetensors", b"abc")
    (tmp_path / "folder.safetensors").mkdir()
    rows = hashed([str(tmp_path / "absent.safetensors"), str(tmp_path / "folder.safetensors"), path, "a\0b"], cache)
    assert rows[path].hashes
    problems = [row.problem for row in rows.values() if row.problem]
    assert [problem.code for problem in problems] == ["file-unreadable"] * 3


def test_a_file_that_changes_while_it_is_read_is_not_taken_for_either(tmp_path: Path, cache: HashCache) -> None:
    path = model(tmp_path / "a.safetensors", b"abc")

    def changed(action: str) -> None:
        if action == "hash.started":
            (tmp_path / "a.safetensors").write_bytes(b"more")

    told = Told(changed)
    row = hashed([path], cache, told=told)[path]
    assert row.problem
    assert "changed while it was read" in row.problem.message
    assert "hash.failed" in told.actions
    assert cache.known(path) == {}


def test_a_file_that_was_changed_just_now_is_hashed_and_not_remembered(tmp_path: Path, cache: HashCache) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(b"abc")
    assert hashed([str(file)], cache)[str(file)].hashes["sha256"] == hashlib.sha256(b"abc").hexdigest()
    assert cache.known(str(file)) == {}


def test_a_stop_keeps_what_is_done_and_leaves_no_thread_behind(tmp_path: Path, cache: HashCache) -> None:
    large = model(tmp_path / "large.safetensors", bytes(3_000_000))
    small = model(tmp_path / "small.safetensors", b"abc")
    stop = threading.Event()
    files = hash_files([small, large], cache=cache, cancelled=stop.is_set, emit=Told(), workers=1)
    assert next(files).path == large
    stop.set()
    with pytest.raises(Interrupted):
        list(files)
    assert cache.known(large)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hash-")]


def test_a_caller_that_goes_away_leaves_no_thread_behind(tmp_path: Path, cache: HashCache) -> None:
    files = hash_files(
        [model(tmp_path / f"{number}.pt", bytes(number)) for number in range(20)],
        cache=cache,
        cancelled=lambda: False,
        emit=Told(),
    )
    next(files)
    files.close()  # type: ignore[attr-defined]  # a generator
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hash-")]


def test_a_kind_that_can_not_be_computed_is_refused_before_anything_is_read(cache: HashCache) -> None:
    with pytest.raises(UsageError) as unknown:
        hashed([], cache, algorithms=("md5",))
    assert unknown.value.code == "hash-unknown"


@pytest.mark.skipif(computable("blake3", ".pt"), reason="the package is here")
def test_blake3_without_its_package_says_how_to_get_it(cache: HashCache) -> None:
    with pytest.raises(UsageError) as absent:
        hashed([], cache, algorithms=("blake3",))
    assert "comfyfixer[hashes]" in (absent.value.hint or "")
