"""Links, moves and corrected copies on the disk: nothing is replaced, and nothing is lost."""

import os
import sys
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp

import msgspec
import pytest

from comfyfixer.errors import Interrupted, UsageError
from comfyfixer.pipeline.copies import Copy, write_copy
from comfyfixer.pipeline.mending import hardlink, link, move
from comfyfixer.pipeline.relink_record import RelinkRecord
from comfyfixer.pipeline.session import Session, silent
from comfyfixer.settings import load

BYTES = bytes(range(256)) * 5000


def never() -> bool:
    return False


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "here.pt"
    path.write_bytes(BYTES)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another volume than the temporary files."""
    shared = Path("/dev/shm")
    if sys.platform != "linux" or not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second volume here")
    folder = Path(mkdtemp(dir=shared))
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_leads_to_the_file_and_the_folders_for_it_are_made(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "x.pt"
    assert link(str(file), target) == "link"
    assert target.is_symlink()
    assert target.samefile(file)


def test_a_hard_link_is_the_file_itself(file: Path, tmp_path: Path) -> None:
    assert hardlink(str(file), tmp_path / "x.pt") == "hardlink"
    assert (tmp_path / "x.pt").samefile(file)
    assert not (tmp_path / "x.pt").is_symlink()


def test_a_move_leaves_one_file(file: Path, tmp_path: Path) -> None:
    move(str(file), tmp_path / "x.pt", never)
    assert (tmp_path / "x.pt").read_bytes() == BYTES
    assert not file.exists()


def test_nothing_is_replaced(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.pt"
    target.write_bytes(b"the user's own")
    for act in (link, hardlink, lambda source, place: move(source, place, never)):
        with pytest.raises(FileExistsError):
            act(str(file), target)
    with pytest.raises(FileExistsError):
        write_copy(Copy(workflow="w", path=str(target), data=b"{}"))
    assert (target.read_bytes(), file.read_bytes()) == (b"the user's own", BYTES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.pt", "x.pt"]


def test_a_move_to_another_volume_is_a_compared_copy(file: Path, elsewhere: Path) -> None:
    modified = file.stat().st_mtime_ns
    move(str(file), elsewhere / "x.pt", never)
    assert (elsewhere / "x.pt").read_bytes() == BYTES
    assert (elsewhere / "x.pt").stat().st_mtime_ns == modified
    assert not file.exists()


def test_a_stopped_move_leaves_the_file_where_it_was_and_nothing_elsewhere(file: Path, elsewhere: Path) -> None:
    with pytest.raises(Interrupted):
        move(str(file), elsewhere / "x.pt", lambda: True)
    assert file.read_bytes() == BYTES
    assert list(elsewhere.iterdir()) == []


def session(folder: Path) -> Session:
    session = Session(load({}, {}, folder), silent, never)
    session.workdir.state_dir.mkdir(parents=True, exist_ok=True)
    return session


def lines(folder: Path) -> list[dict[str, str]]:
    data = session(folder).workdir.relinks.read_bytes()
    return [msgspec.json.decode(line) for line in data.splitlines()]


def test_each_act_is_recorded_before_and_after(tmp_path: Path) -> None:
    record = RelinkRecord(session(tmp_path))
    act = {"way": "link", "source": "/a", "target": "/b"}

    def work() -> str:
        assert [line["state"] for line in lines(tmp_path)] == ["begun"]
        return "hardlink"

    assert record.doing(act, partial(work)) is None
    assert [line["state"] for line in lines(tmp_path)] == ["begun", "done"]
    assert lines(tmp_path)[1] == {**lines(tmp_path)[0], "state": "done", "way": "hardlink"}


def test_what_the_disk_refuses_is_a_problem_and_recorded(tmp_path: Path, file: Path) -> None:
    record = RelinkRecord(session(tmp_path))
    problem = record.doing({"way": "link", "source": "/a", "target": "/b"}, partial(hardlink, str(file), file))
    assert problem is not None
    assert problem.code == "relink-failed"
    assert [line["state"] for line in lines(tmp_path)] == ["begun", "failed"]


def test_what_can_t_be_recorded_is_not_done(tmp_path: Path) -> None:
    at = session(tmp_path)
    at.workdir.relinks.mkdir()
    with pytest.raises(UsageError):
        RelinkRecord(at).doing({"way": "link", "source": "/a", "target": "/b"}, partial(pytest.fail, "was done"))


def test_the_newest_copy_that_is_still_there_stands_for_its_workflow(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in ("a.json", "b.json", "c.json")]
    at = session(tmp_path)
    done = [
        {"id": "1", "state": "done", "way": "copy-workflow", "source": one, "target": other}
        for one, other in pairwise(names)
    ]
    at.workdir.relinks.write_bytes(b"\n".join(map(msgspec.json.encode, done)) + b'\n{"cut of')
    for name in names:
        Path(name).touch()
    assert RelinkRecord(at).newest_copy(names[0]) == names[2]
    Path(names[2]).unlink()
    assert RelinkRecord(at).newest_copy(names[0]) == names[1]
    assert RelinkRecord(at).newest_copy("other") == "other"
