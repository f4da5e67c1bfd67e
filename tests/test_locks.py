"""One lock for everything that only one process may do at a time."""

import errno
import os
import sys
from pathlib import Path

import pytest

from comfyfixer.download.lock import held as target_held
from comfyfixer.errors import DownloadError, UsageError
from comfyfixer.journal.runlock import held, is_held
from comfyfixer.locks import is_at, try_lock

flock_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has locks of its own kind")


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT)


def test_a_lock_is_one_handles_until_it_is_closed(tmp_path: Path) -> None:
    first, second = _open(tmp_path / "lock"), _open(tmp_path / "lock")
    assert try_lock(first)
    assert not try_lock(second)
    os.close(first)
    assert try_lock(second)
    os.close(second)


def test_a_lock_file_that_was_removed_and_made_anew_is_another_one(tmp_path: Path) -> None:
    handle = _open(tmp_path / "lock")
    assert is_at(handle, tmp_path / "lock")
    (tmp_path / "lock").rename(tmp_path / "moved")
    assert not is_at(handle, tmp_path / "lock")
    (tmp_path / "lock").touch()
    assert not is_at(handle, tmp_path / "lock")
    os.close(handle)


@flock_only
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL])
def test_a_file_system_without_locks_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(_handle: int, _how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with (
        pytest.raises(DownloadError, match="refuses locks") as caught,
        target_held(tmp_path / "x.lock", lambda: False, keep=lambda: 0),
    ):
        pass
    assert caught.value.code == "target-unwritable"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="refuses locks") as refused, held(tmp_path / "run.lock"):
        pass
    assert refused.value.code == "workdir-unwritable"
    assert not is_held(tmp_path / "run.lock")
