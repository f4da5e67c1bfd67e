"""Hours, lanes and roots: when files are fetched, which first, and where to."""

import hashlib
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from comfyfixer.errors import Interrupted, UsageError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.download import FetchRequest
from comfyfixer.model.inventory import Installation, ModelFolder
from comfyfixer.model.resolution import Resolution
from comfyfixer.net.client import make_client
from comfyfixer.pipeline import fetching
from comfyfixer.pipeline.hours import Hours, wait_until_open
from comfyfixer.pipeline.installation import Places
from comfyfixer.pipeline.parallel import Lanes, in_parallel
from comfyfixer.pipeline.placing import Order
from comfyfixer.pipeline.roots import Roots
from comfyfixer.pipeline.session import Session, silent
from comfyfixer.settings import Endpoints, Settings, load
from tests.download.conftest import safetensors
from tests.download.origin import Origin, serve


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-05T{text}").replace(tzinfo=UTC)


NIGHT = Hours((23 * 60, 7 * 60))
DAY = Hours((9 * 60, 17 * 60 + 30))


@pytest.mark.parametrize(
    ("hours", "now", "opens", "closes"),
    [
        (NIGHT, "22:59", "2026-03-05 23:00", None),
        (NIGHT, "23:00", None, "2026-03-06 07:00"),
        (NIGHT, "03:00", None, "2026-03-05 07:00"),
        (NIGHT, "07:00", "2026-03-05 23:00", None),
        (DAY, "08:00", "2026-03-05 09:00", None),
        (DAY, "17:29:59", None, "2026-03-05 17:30"),
        (DAY, "17:30", "2026-03-06 09:00", None),
        (Hours(None), "12:00", None, None),
    ],
)
def test_hours_open_and_close_also_over_midnight(hours: Hours, now: str, opens: str | None, closes: str | None) -> None:
    told = [moment and f"{moment:%Y-%m-%d %H:%M}" for moment in (hours.opens(_at(now)), hours.closes(_at(now)))]
    assert told == [opens, closes]


def test_outside_the_hours_it_waits_with_a_word_and_can_be_stopped(tmp_path: Path) -> None:
    now = datetime.now().astimezone()
    minute = now.hour * 60 + now.minute
    hours = Hours(((minute + 120) % 1440, (minute + 180) % 1440))
    told: list[tuple[str, dict[str, Any]]] = []
    session = Session(
        Settings(workdir=str(tmp_path)), lambda action, **details: told.append((action, details)), lambda: bool(told)
    )
    with pytest.raises(Interrupted):
        wait_until_open(session, hours)
    assert [action for action, _ in told] == ["download.waiting"]
    assert str(hours).startswith(f"between {told[0][1]['until']} and")


def test_within_the_hours_it_does_not_wait(tmp_path: Path) -> None:
    session = Session(Settings(workdir=str(tmp_path)), silent, lambda: False)
    assert wait_until_open(session, Hours(None)) == float("inf")


def test_what_is_under_way_when_the_hours_end_waits_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock strikes when the first bytes have come; the wait for the next evening ends at once."""
    told: list[str] = []
    came = threading.Event()

    def emit(action: str, **details: Any) -> None:
        told.append(action)
        if action == "download.progressed" and details["bytes_done"] > 1000:
            came.set()

    def waited(session: Session, hours: Hours) -> float:
        evenings.append(came.is_set())
        return 50.0 if len(evenings) == 1 else float("inf")

    evenings: list[bool] = []
    monkeypatch.setattr(fetching, "wait_until_open", waited)
    monkeypatch.setattr(fetching, "time", SimpleNamespace(time=lambda: 100.0 if came.is_set() else 0.0))
    with Origin(safetensors()) as hub:
        hub.script = [serve(hold_at=100_000, until=came, drips=True)]
        settings = Settings(workdir=str(tmp_path), endpoints=Endpoints(civitai=hub.url), window=(0, 60), connections=1)
        order = _order(hub, tmp_path)
        session = Session(settings, emit, lambda: False)
        outcomes = list(fetching.fetched(session, [order], lambda: make_client(settings, emit, cache_path=None)))
        assert [outcome.verified for _, outcome in outcomes] == [True]
        kept = int((hub.ranges[1] or "")[len("bytes=") :].rstrip("-"))
    assert evenings == [False, True]
    assert told.count("download.resumed") == 1
    assert 1000 < kept < len(hub.body)
    assert Path(order.request.target).read_bytes() == hub.body


def _order(hub: Origin, folder: Path) -> Order:
    digest, size = hashlib.sha256(hub.body).hexdigest(), len(hub.body)
    candidate = Candidate(
        source="civitai", filename="x.safetensors", download_url=f"{hub.url}/x", size_bytes=size,
        hashes={"sha256": digest}, model_id=1, version_id=3, file_id=5,
    )  # fmt: skip
    request = FetchRequest(
        filename="x.safetensors", target=str(folder / "models" / "x.safetensors"), root=str(folder / "models"),
        candidates=(candidate,), folder="loras",
    )  # fmt: skip
    row = Resolution(
        filename="x.safetensors", value="x.safetensors", folder="loras", expected_type="lora", source="civitai",
        decision="accepted", confidence=1.0, because="A test says so", candidates=(candidate,),
    )  # fmt: skip
    return Order(row, request)


# --- lanes -----------------------------------------------------------------------------------------------------------


def test_big_ones_leave_one_place_for_the_small() -> None:
    lanes = Lanes([False, False, False, True, True], at_once=3)
    assert [lanes.begin() for _ in range(3)] == [0, 1, 3]
    lanes.end(3)
    assert lanes.begin() == 4
    lanes.end(4)
    assert lanes.begin() == 2, "no small one waits: the place is not left empty"


def test_one_at_a_time_goes_in_order() -> None:
    lanes = Lanes([False, True, False], at_once=1)
    order = []
    for _ in range(3):
        order.append(lanes.begin())
        lanes.end(order[-1])
    assert order == [0, 1, 2]


def test_a_piece_that_fails_ends_what_the_others_wait_for(tmp_path: Path) -> None:
    session = Session(Settings(workdir=str(tmp_path)), silent, lambda: False)
    ended = threading.Event()

    def fail() -> bool:
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        for _ in in_parallel(session, [fail, lambda: ended.wait(10)], at_once=2, on_stop=ended.set):
            pass
    assert ended.is_set()


# --- roots -----------------------------------------------------------------------------------------------------------


def _roots(tmp_path: Path, **said: Any) -> Roots:
    base = tmp_path / "ComfyUI"
    fast, big = tmp_path / "fast" / "loras", tmp_path / "big" / "loras"
    for folder in (base, fast, big):
        folder.mkdir(parents=True)
    known = ModelFolder(name="loras", roots=(str(fast), str(big)), extensions=frozenset())
    installation = Installation(code_dir=None, base_dir=str(base), kind="data", found_by="")
    return Roots(Places(installation, {"loras": known}), load(said, {}, tmp_path))


def test_without_a_wish_the_first_root_takes_it_as_in_comfyui(tmp_path: Path) -> None:
    assert _roots(tmp_path).root("loras") == tmp_path / "fast" / "loras"


def test_to_chooses_the_root_below_a_folder(tmp_path: Path) -> None:
    roots = _roots(tmp_path, **{"download.to": str(tmp_path / "big")})
    assert roots.root("loras") == tmp_path / "big" / "loras"
    assert roots.root("pack_models") == tmp_path / "ComfyUI" / "models" / "pack_models"


def test_a_folders_own_choice_weighs_more(tmp_path: Path) -> None:
    said = {"download.to": str(tmp_path / "fast"), "download.folders": {"loras": str(tmp_path / "big" / "loras")}}
    assert _roots(tmp_path, **said).root("loras") == tmp_path / "big" / "loras"


@pytest.mark.parametrize(
    "said", [{"download.to": "elsewhere"}, {"download.folders": {"loras": "big"}}], ids=["to", "folders"]
)
def test_a_place_that_comfyui_does_not_search_is_refused_with_those_that_it_does(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    with pytest.raises(UsageError) as caught:
        _roots(tmp_path, **said).root("loras")
    assert caught.value.code == "root-not-searched"
    assert str(tmp_path / "fast" / "loras") in (caught.value.hint or "")


@pytest.mark.parametrize(
    "said", [{"download.to": "elsewhere"}, {"download.folders": {"lora": "x"}}, {"download.folders": {"loras": "big"}}]
)
def test_what_can_not_be_is_told_before_a_file_is_known(tmp_path: Path, said: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        _roots(tmp_path, **said).check()
    assert caught.value.code == "root-not-searched"


def test_a_wish_that_can_be_passes(tmp_path: Path) -> None:
    said = {"download.to": str(tmp_path / "big"), "download.folders": {"loras": str(tmp_path / "big" / "loras")}}
    _roots(tmp_path, **said).check()


def test_a_folders_old_name_is_the_same_folder(tmp_path: Path) -> None:
    roots = tuple(str(tmp_path / name) for name in ("fast", "big"))
    known = ModelFolder(name="diffusion_models", roots=roots, extensions=frozenset())
    installation = Installation(code_dir=None, base_dir=str(tmp_path), kind="data", found_by="")
    settings = load({"download.folders": {"unet": roots[1]}}, {}, tmp_path)
    places = Roots(Places(installation, {"diffusion_models": known}), settings)
    places.check()
    assert places.root("diffusion_models") == tmp_path / "big"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_a_searched_root_is_that_root(tmp_path: Path) -> None:
    os.symlink(tmp_path / "big", tmp_path / "link")
    assert _roots(tmp_path, **{"download.to": str(tmp_path / "link")}).root("loras") == tmp_path / "big" / "loras"
