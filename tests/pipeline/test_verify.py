"""Files against their records: what changed, moved, is gone or is new; and no record changes in silence."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comfyfixer.errors import Interrupted, UsageError
from comfyfixer.inventory.hashes import HashCache
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.verification import Verification, VerifiedFile
from comfyfixer.pipeline.session import Session
from comfyfixer.pipeline.verify import verify
from comfyfixer.report.verification import lines
from comfyfixer.settings import load

LONG_AGO_NS = 1_700_000_000_000_000_000


class Place:
    """An installation, and a working folder to look at it from."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "ComfyUI"
        self.models = self.root / "models"
        for name in ("checkpoints", "loras"):
            (self.models / name).mkdir(parents=True)
        (self.root / "user").mkdir()
        self.workdir = folder / "work"
        self.stopped = False

    def put(self, name: str, data: bytes, mtime_ns: int = LONG_AGO_NS) -> str:
        path = self.models / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(mtime_ns, mtime_ns))
        return str(path)

    def session(self) -> Session:
        def emit(_action: str, **_details: Any) -> None:
            pass

        settings = load({"comfyui_root": str(self.root)}, {}, self.workdir)
        return Session(settings, emit, lambda: self.stopped)

    def verify(self, *names: str, accept: bool = False, quick: bool = False) -> dict[str, VerifiedFile]:
        return by_name(self.result(names, accept=accept, quick=quick))

    def result(self, names: Sequence[str] = (), *, accept: bool = False, quick: bool = False) -> Verification:
        return verify(self.session(), names, accept=accept, quick=quick)

    def states(self, *names: str, **options: bool) -> dict[str, str]:
        return {name: row.state for name, row in self.verify(*names, **options).items()}


def by_name(result: Verification) -> dict[str, VerifiedFile]:
    return {os.path.basename(row.path): row for row in result.files}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_file_without_a_record_is_recorded_and_compared_from_then_on(place: Place) -> None:
    place.put("checkpoints/a.safetensors", b"abc")
    assert place.states() == {"a.safetensors": "recorded"}
    row = place.verify()["a.safetensors"]
    assert (row.state, row.recorded_by, row.sha256) == ("unchanged", "verify", sha256(b"abc"))


def test_a_changed_file_is_told_each_time_until_it_is_accepted(place: Place) -> None:
    place.put("checkpoints/a.safetensors", b"abc")
    place.verify()
    place.put("checkpoints/a.safetensors", b"abd", LONG_AGO_NS + 1)
    for quick in (False, True, False):
        row = place.verify(quick=quick)["a.safetensors"]
        assert (row.state, row.recorded_sha256, row.sha256) == ("changed", sha256(b"abc"), sha256(b"abd"))
        assert row.problem
        assert (row.problem.code, row.unnoticed) == ("file-changed", False)
    assert place.verify(accept=True)["a.safetensors"].accepted
    assert place.verify()["a.safetensors"].recorded_by == "accept"


def test_bytes_that_change_behind_the_systems_back_are_found(place: Place) -> None:
    path = place.put("checkpoints/a.safetensors", b"abc")
    place.verify()
    with open(path, "r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    assert place.states(quick=True) == {"a.safetensors": "unchanged"}
    result = place.result()
    assert [(row.state, row.unnoticed) for row in result.files] == [("changed", True)]
    assert any("the disk may be failing" in line for line in lines(result))


def test_a_file_that_is_gone_is_told_until_that_is_accepted(place: Place) -> None:
    path = place.put("checkpoints/a.safetensors", b"abc")
    place.put("loras/same.safetensors", b"abc")
    place.verify()
    os.unlink(path)
    row = place.verify()["a.safetensors"]
    assert row.state == "gone"
    assert row.other_path == str(place.models / "loras" / "same.safetensors")
    assert place.states(path) == {"a.safetensors": "gone"}
    assert place.verify(path, accept=True)["a.safetensors"].accepted
    assert place.states() == {"same.safetensors": "unchanged"}


def test_a_moved_file_keeps_its_record(place: Place) -> None:
    path = place.put("checkpoints/a.safetensors", b"abc")
    place.verify()
    os.rename(path, place.models / "loras" / "b.safetensors")
    row = place.verify()["b.safetensors"]
    assert (row.state, row.other_path, row.problem) == ("moved", path, None)
    assert place.states() == {"b.safetensors": "unchanged"}


def test_what_an_earlier_download_proved_is_the_record(place: Place) -> None:
    path = place.put("checkpoints/a.safetensors", b"abd")
    done = Outcome(
        filename="a.safetensors", source="civitai", success=True, path=path, size_bytes=3, sha256=sha256(b"abc")
    )
    place.session().write(place.session().workdir.downloads, [done])
    row = place.verify()["a.safetensors"]
    assert (row.state, row.recorded_by) == ("changed", "download")


def test_only_what_is_named_is_read(place: Place) -> None:
    for name in ("checkpoints/a.safetensors", "checkpoints/sub/b.gguf.safetensors", "loras/c.safetensors"):
        place.put(name, name.encode())
    assert place.states("loras") == {"c.safetensors": "recorded"}
    assert place.states("sub/b.gguf.safetensors") == {"b.gguf.safetensors": "recorded"}
    assert place.states(str(place.models / "checkpoints")).keys() == {"a.safetensors", "b.gguf.safetensors"}
    assert place.states("*.gguf.*", "a.safetensors").keys() == {"a.safetensors", "b.gguf.safetensors"}
    with pytest.raises(UsageError) as unknown:
        place.verify("absent.safetensors")
    assert unknown.value.code == "path-not-found"


def test_a_quick_look_reads_nothing_that_did_not_change(place: Place) -> None:
    place.put("checkpoints/a.safetensors", b"abc")
    assert place.result().bytes_read == 3
    assert place.result(quick=True).bytes_read == 0
    assert place.result().bytes_read == 3


def test_a_stopped_look_says_how_to_go_on(place: Place) -> None:
    place.put("checkpoints/a.safetensors", b"abc")
    place.stopped = True
    with pytest.raises(Interrupted) as stopped:
        place.verify()
    assert "verify --quick" in (stopped.value.hint or "")


def test_a_link_that_leads_nowhere_is_told_as_such(place: Place) -> None:
    try:
        (place.models / "loras" / "a.safetensors").symlink_to(place.root / "nowhere")
    except OSError:
        pytest.skip("no right to make symbolic links")
    row = place.verify()["a.safetensors"]
    assert row.state == "unreadable"
    assert row.problem
    assert "leads nowhere" in row.problem.message


def test_a_diffusers_model_is_every_file_in_its_folder(place: Place) -> None:
    place.put("diffusers/sd/model_index.json", b"{}")
    place.put("diffusers/sd/unet/weights.safetensors", b"abc")
    assert place.states().keys() == {"model_index.json", "weights.safetensors"}


def test_a_damaged_record_is_told_and_begun_anew(place: Place) -> None:
    place.put("checkpoints/a.safetensors", b"abc")
    place.verify()
    session = place.session()
    session.workdir.hashes.write_bytes(b"no data base" * 500)
    result = verify(session, ())
    assert [problem.code for problem in session.problems] == ["state-unreadable"]
    assert result.counts["recorded"] == 1


def test_the_page_is_short_however_many_files_there_are(place: Place) -> None:
    rows = tuple(VerifiedFile(path=f"/models/loras/{number:06}.pt", state="recorded") for number in range(100_000))
    counts = {"recorded": len(rows), "changed": 0}
    told = list(lines(Verification(counts=counts, bytes_read=0, seconds=1.0, files=rows)))
    assert len(told) < 20
    assert told[-1] == "  ... and 99988 more; `--json` has all"
    assert max(map(len, told)) <= 90


def test_the_answer_can_be_written_as_json(place: Place) -> None:
    place.put("checkpoints/a.safetensors", b"abc")
    assert b'"state":"recorded"' in msgspec.json.encode(place.result())
    with HashCache(place.session().workdir.hashes, lambda *_a, **_d: None) as cache:
        assert len(cache.records()) == 1
