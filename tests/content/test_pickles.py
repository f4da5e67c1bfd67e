"""Pickles are read, never loaded: what is not surely weights alone is refused."""

import builtins
import collections
import contextlib
import io
import os
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.content.pickles import check_pickle
from comfyfixer.content.weight_globals import WEIGHT_GLOBALS
from comfyfixer.errors import DownloadError
from tests.content.files import LEGACY, RAN, STATE_DICT, Evil, safetensors, saved


def _refused(folder: Path, data: bytes) -> str:
    path = folder / "x.pt"
    path.write_bytes(data)
    with pytest.raises(DownloadError) as caught:
        check_pickle(path)
    assert caught.value.code == "unsafe-file"
    assert RAN == []
    return caught.value.message


def _passes(folder: Path, data: bytes) -> None:
    path = folder / "x.pt"
    path.write_bytes(data)
    check_pickle(path)


def test_the_hand_made_state_dict_is_what_a_loader_would_read() -> None:
    """Keeps the fixture honest: the standard library loads it, with stand-ins for the two names of torch."""

    class Loader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            return collections.OrderedDict if name == "OrderedDict" else lambda *arguments: (name, arguments)

        def persistent_load(self, pid: Any) -> Any:
            return pid[0]

    loaded = Loader(io.BytesIO(STATE_DICT)).load()
    assert loaded["w"][0] == "_rebuild_tensor_v2"
    assert loaded["w"][1][:4] == ("storage", 0, (2,), (1,))


def test_saved_weights_pass_in_both_formats(tmp_path: Path) -> None:
    _passes(tmp_path, saved())
    _passes(tmp_path, LEGACY)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_pass_in_each_protocol(tmp_path: Path, protocol: int) -> None:
    value = {
        "names": ["a", "b", "a"],
        "n": (1, 2.5, None, True, 1 << 80),
        "x": b"bytes",
        "y": collections.OrderedDict(),
    }
    if protocol >= 2:
        _passes(tmp_path, pickle.dumps(value, protocol))
    _passes(tmp_path, pickle.dumps([1, "text", {"a": 2.0}], protocol))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("target", [os.system, builtins.eval, builtins.exec, getattr, __import__, io.open])
def test_a_call_is_refused_in_each_protocol_and_named(tmp_path: Path, protocol: int, target: Any) -> None:
    class Call:
        def __reduce__(self) -> Any:
            return target, ("x",)

    pickled = pickle.dumps({"w": Call()}, protocol)
    for data in (pickled, saved(pickled), LEGACY.replace(STATE_DICT, pickled)):
        assert target.__name__ in _refused(tmp_path, data)


def test_a_loader_that_unpickles_again_is_refused(tmp_path: Path) -> None:
    assert "_load_from_bytes" in _refused(tmp_path, b"\x80\x02ctorch.storage\n_load_from_bytes\nC\x01.\x85R.")


def test_a_class_of_another_library_is_refused_and_named(tmp_path: Path) -> None:
    pickled = STATE_DICT.replace(b"ccollections\nOrderedDict\n", b"cpytorch_lightning.callbacks\nModelCheckpoint\n")
    assert "pytorch_lightning.callbacks.ModelCheckpoint" in _refused(tmp_path, saved(pickled))


def test_names_that_come_out_of_the_memo_are_followed(tmp_path: Path) -> None:
    def stack_global(module: bytes, name: bytes) -> bytes:
        pushed = b"\x8c" + bytes([len(module)]) + module + b"\x940\x8c" + bytes([len(name)]) + name + b"\x940"
        return b"\x80\x04" + pushed + b"h\x00h\x01\x93."

    _passes(tmp_path, stack_global(b"torch", b"Size"))
    assert "posix.system" in _refused(tmp_path, stack_global(b"posix", b"system"))


@pytest.mark.parametrize(
    "hidden",
    [
        b"\x80\x04\x8c\x05posix\x8c\x06system\x8c\x01x0\x93.",  # what is on top is not what was pushed last
        b"\x80\x04\x8c\x05torch\x8c\x04Sizeq\x00q\x010\x8c\x05posixq\x000\x8c\x05torchh\x05\x93.",
        b"\x80\x04U\x05posixU\x06system\x93.",
        b"(S'x'\niposix\nsystem\n.",
        b"\x80\x02\x82\x01.",
        b"\x80\x04\x8c\x05torch\x8c\x0aSize.wrong\x93.",
        b"\x80\x02ctorch Size\nx\n.",
    ],
)
def test_a_hidden_name_is_refused(tmp_path: Path, hidden: bytes) -> None:
    _refused(tmp_path, hidden)


NUMPY = (
    b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01cnumpy._core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85q\x04"
    b"c_codecs\nencode\nq\x05X\x01\x00\x00\x00bq\x06X\x06\x00\x00\x00latin1q\x07\x86q\x08Rq\t\x87q\nRq\x0b(K\x01K\x02\x85q\x0c"
    b"cnumpy\ndtype\nq\rX\x02\x00\x00\x00f4q\x0e\x89\x88\x87q\x0fRq\x10(K\x03X\x01\x00\x00\x00<q\x11NNNJ\xff\xff\xff\xff"
    b"J\xff\xff\xff\xffK\x00tq\x12b\x89h\x05X\t\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc2\x80?q\x13h\x07\x86q\x14Rq\x15tq\x16b"
    b"X\x01\x00\x00\x00bq\x17cnumpy._core.multiarray\nscalar\nq\x18h\rX\x02\x00\x00\x00f8q\x19\x89\x88\x87q\x1aRq\x1b(K\x03h\x11NNN"
    b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x1cbh\x05X\t\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc3\xb0?q\x1dh\x07\x86q\x1e"
    b"Rq\x1f\x86q Rq!u."
)
"""What numpy writes for `{"a": array([0, 1], "f4"), "b": float64(1)}`."""
OBJECTS = (
    b"\x80\x04\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93\x8c\x05numpy\x8c\x07ndarray\x93K\x00\x85C\x01b\x87R"
    b"(K\x01K\x02\x85\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02O8\x89\x88\x87R(K\x03\x8c\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
    b"\x89](K\x01Netb."
)
"""The same for an array of objects."""


def _type(name: bytes = b"V8") -> bytes:
    return b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x93\x8c" + bytes([len(name)]) + name


def test_what_numpy_writes_passes(tmp_path: Path) -> None:
    _passes(tmp_path, NUMPY)
    _passes(tmp_path, OBJECTS)
    old = NUMPY.replace(b"X\x02\x00\x00\x00f4", b"U\x02f4").replace(b"X\x01\x00\x00\x00<", b"U\x01<")
    _passes(tmp_path, old)


@pytest.mark.parametrize(
    "data",
    [
        OBJECTS.replace(b"K?tb", b"K\x00tb"),  # an array of objects that says it holds none: its bytes are addresses
        OBJECTS.replace(b"NNNJ", b"N\x8c\x01f\x85}J"),
        NUMPY.replace(b"K\x00tq\x12", b"K\x1btq\x12"),
        _type() + b"\x89\x88\x87R.",
        _type() + b"\x85\x81.",
        _type() + b"\x85}\x92.",
        _type(b"f4,O") + b"\x85R.",
        b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x93\x940h\x00\x8c\x02V8\x85R.",
        b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x932\x8c\x02V8\x85R.",
        b"\x80\x04(\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02V8o.",
        b"\x80\x04\x8c\x0bcollections\x8c\x0bdefaultdict\x93\x8c\x05numpy\x8c\x05dtype\x93\x85R.",
        b"\x80\x04\x8c\x0dtorch._tensor\x8c\x15_rebuild_from_type_v2\x93(\x8c\x05numpy\x8c\x07ndarray\x93N)Nt\x85R.",
        b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93K\x01\x85\x8c\x01OC\x08AAAAAAAA\x87R.",
        b"\x80\x04\x8c\x15numpy.core.multiarray\x8c\x06scalar\x93NN\x86RNb.",
        b"\x80\x04}N\x85R.",
    ],
)
def test_what_only_looks_like_numpys_is_refused(tmp_path: Path, data: bytes) -> None:
    _refused(tmp_path, data)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80", STATE_DICT[:-1], STATE_DICT + b"x", STATE_DICT + pickle.dumps(Evil()), b"GGUF\x03\x00\x00\x00",
     safetensors(["weight"]),
     b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.", b"\x80\x02\x8b\xff\xff\xff\x7f.",
     b"I" + b"9" * 10_000 + b"\n.", LEGACY[:40]],
)  # fmt: skip
def test_what_cannot_be_read_to_its_end_is_not_proven(tmp_path: Path, data: bytes) -> None:
    _refused(tmp_path, data)


def test_a_pickle_with_too_many_steps_is_not_proven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comfyfixer.content.pickles._MAX_OPCODES", 1000)
    assert "too many steps" in _refused(tmp_path, b"N0" * 2000 + b"N.")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (saved(**{"code/a.py": b"import os"}), "code/a.py"),
        (saved(**{"other.pkl": pickle.dumps(1)}), "other.pkl"),
        (saved(**{"DATA.pkl": pickle.dumps(1)}), "two of one name"),
        (saved(STATE_DICT + b"more"), "follow"),
        (saved() + b"PK", "end"),
        (b"PK\x03\x04" + b"\x00" * 60, "end"),
        (b"PKxx" + saved(), "around"),
        (saved().replace(b"x/data.pkl", b"y/data.pkl"), "laid out"),
        (saved().replace(b"x/data.pkl", b"x/data.pk1"), "no part of saved weights"),
        (saved().replace(b"x/data.pkl", b"x/DATA.pkl", 1), "can't be read"),
    ],
)
def test_an_archive_that_is_not_laid_out_as_saved_weights_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in _refused(tmp_path, data)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    _refused(tmp_path, saved().replace(b"FloatStorage", b"ByteStorage!"))


def test_a_tar_archive_that_is_a_pickle_too_is_refused(tmp_path: Path) -> None:
    """`torch.load` tries tar before it looks for pickles, so a clean pickle in front would prove nothing."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("N."))
    data = buffer.getvalue()
    assert data.startswith(b"N.")
    assert "tar" in _refused(tmp_path, data)


class Recorder(pickle._Unpickler):  # the one in Python: the other trusts its memo's size
    """A real unpickler that writes down what it is asked to import, and imports nothing."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.found: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> Any:
        self.found.append((module, name))
        return _Stand

    def persistent_load(self, pid: Any) -> Any:
        return None


class _Stand:
    def __init__(self, *arguments: Any) -> None:
        """Take anything."""


def _globals_asked_for(data: bytes) -> list[tuple[str, str]]:
    recorder = Recorder(io.BytesIO(data))
    with contextlib.suppress(Exception):
        recorder.load()
    return recorder.found


SEEDS = [STATE_DICT, pickle.dumps({"a": Evil(), "b": Evil()}, 4), pickle.dumps([Evil(), Evil()], 2)]
EDITS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 2), st.binary(max_size=3)), max_size=4)


@given(st.sampled_from(SEEDS), EDITS)
def test_of_what_passes_a_real_unpickler_asks_for_names_on_the_list_only(
    tmp_path_factory: pytest.TempPathFactory, seed: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    data = seed
    for at, removed, added in edits:
        data = data[:at] + added + data[at + removed :]
    path = tmp_path_factory.getbasetemp() / "any.pt"
    path.write_bytes(data)
    with contextlib.suppress(DownloadError):
        check_pickle(path)
        assert all(name in WEIGHT_GLOBALS[module] for module, name in _globals_asked_for(data))


def test_the_recorder_sees_what_a_pickle_would_call() -> None:
    assert ("builtins", "getattr") in _globals_asked_for(SEEDS[1])
    assert len(_globals_asked_for(STATE_DICT)) == 3


@given(st.binary(max_size=300))
def test_any_bytes_pass_or_are_refused_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.pt"
    path.write_bytes(data)
    with contextlib.suppress(DownloadError):
        check_pickle(path)
