"""Disks of other kinds than the one that the tests lie on, mounted for one test. Only root may, and only on Linux."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

_PATIENCE_S = 20.0
_IMAGE_BYTES = 48 * 1024 * 1024


@contextlib.contextmanager
def mounted(kind: str, folder: Path, size: str = "16m") -> Iterator[Path]:
    """An empty disk at `folder`; the test is skipped, with the reason, where that can't be done here.

    Args:
        kind: `tmpfs`, `overlay`, `exfat` (takes upper and lower case for one, has no links of either kind) or `ntfs`
            (no names that Windows does not know).
        size: Of a `tmpfs`.
    """
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root may mount a disk, and only on Linux")
    folder.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        if kind == "tmpfs":
            _run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder))
        elif kind == "overlay":
            lower, upper, work = (folder.with_name(f"{folder.name}-{part}") for part in ("lower", "upper", "work"))
            for part in (lower, upper, work):
                part.mkdir()
            layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
            _run("mount", "-t", "overlay", "-o", layers, "none", str(folder))
        else:
            _mount_image(kind, folder, stack)
        stack.callback(_run, "umount", "-l", str(folder))
        yield folder


def read_only(folder: Path, size: str = "16m") -> None:
    """Let nobody write to a mounted `tmpfs` any more."""
    _run("mount", "-o", f"remount,ro,size={size}", "none", str(folder))


def _mount_image(kind: str, folder: Path, stack: contextlib.ExitStack) -> None:
    """A real file system of Windows in a file, by the programs that keep it in user space."""
    make, mount = {
        "exfat": (["mkfs.exfat"], ["mount.exfat-fuse"]),
        "ntfs": (["mkntfs", "-q", "-F", "-f"], ["lowntfs-3g", "-o", "windows_names"]),
    }[kind]
    for program in (make[0], mount[0]):
        if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            pytest.skip(f"`{program}` is not installed")
    image = folder.with_name(f"{folder.name}.img")
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    _run(*make, str(image))
    device = _run("losetup", "--find", "--show", str(image)).strip()
    stack.callback(_run, "losetup", "--detach", device)
    _run(*mount, device, str(folder))


def _run(*words: str) -> str:
    """What the command says; a system that does not allow it skips the test."""
    try:
        ran = subprocess.run(words, env=_environment(), capture_output=True, text=True, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"`{words[0]}` can't be run here: {error}")
    if ran.returncode:
        pytest.skip(f"`{' '.join(words)}` is refused here: {ran.stderr.strip()}")
    return ran.stdout


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}


def refusing(call: str, number: str) -> Sequence[str]:
    """Python's words for a `comfyfixer` in which one system call is refused, as some file systems refuse it.

    Args:
        call: Such as `os.link`; `fcntl.flock` is refused below a models folder only, `os.fsync` for folders only.
        number: Its name in `errno`.
    """
    return [sys.executable, "-c", _REFUSING, call, number]


_REFUSING = """
import errno, importlib, os, runpy, sys

call, number = sys.argv[1:3]
module, name = call.rsplit(".", 1)
real = getattr(importlib.import_module(module), name)


def refuse(*arguments, **options):
    path = os.readlink(f"/proc/self/fd/{arguments[0]}") if isinstance(arguments[0], int) else ""
    if call == "fcntl.flock" and "/models/" not in path or call == "os.fsync" and not os.path.isdir(path):
        return real(*arguments, **options)
    raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)))


setattr(sys.modules[module], name, refuse)
sys.argv[1:3] = []
runpy.run_module("comfyfixer", run_name="__main__", alter_sys=True)
"""
