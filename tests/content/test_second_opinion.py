"""picklescan beside our own proof: asked where it is installed, and never the reason for a failure."""

import pickle
import sys
from pathlib import Path

import pytest

from comfyfixer.content.pickles import check_pickle
from comfyfixer.content.second_opinion import dangerous_names
from comfyfixer.errors import DownloadError
from tests.content.files import LEGACY, RAN, STATE_DICT, Evil, saved


def write(folder: Path, data: bytes) -> Path:
    path = folder / ".x.comfyfixer.part"
    path.write_bytes(data)
    return path


def test_without_the_package_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert dangerous_names(write(tmp_path, pickle.dumps(Evil()))) == ()


def test_what_it_knows_as_dangerous_is_named_and_nothing_runs(tmp_path: Path) -> None:
    pytest.importorskip("picklescan")
    code = b"\x80\x02cposix\nsystem\nX\x05\x00\x00\x00touch\x85R."
    for data in (code, saved(code), LEGACY.replace(STATE_DICT, code)):
        assert dangerous_names(write(tmp_path, data)) == ("posix.system",)
    assert RAN == []


def test_weights_are_clean_and_damaged_bytes_are_left_to_our_own_proof(tmp_path: Path) -> None:
    pytest.importorskip("picklescan")
    for data in (saved(), LEGACY, b"", b"PK\x03\x04", b"\x80\x02", b"\x00" * 1000):
        assert dangerous_names(write(tmp_path, data)) == ()


def test_its_verdict_refuses_what_ours_lets_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_pickle(write(tmp_path, saved()))
    monkeypatch.setattr("comfyfixer.content.pickles.dangerous_names", lambda _path: ("torch.hub.load",))
    with pytest.raises(DownloadError, match=r"torch\.hub\.load as dangerous"):
        check_pickle(write(tmp_path, saved()))
