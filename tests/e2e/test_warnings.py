"""What a run says before anybody is asked, and what it warns of without ending otherwise: through the command."""

import json
from pathlib import Path

import pytest

from comfyfixer.demo.hub import Hub
from tests.support.product import Product

BEFOREHAND = {
    "downloader-missing": (("--downloader", "wget"), {}),
    "config-invalid": (("--downloader", "hf", "--limit-rate", "5M"), {}),
    "store-unusable": (("--store", "file"), {}),
    "root-not-searched": ((), {"download": {"folders": {"loras": "elsewhere"}}}),
}
MISSPELLED = {"download": {"limit_rat": "5M", "windw": "8-9"}, "sorces": {}}


def configured(product: Product, document: object) -> None:
    (product.workdir / "config.json").write_text(json.dumps(document), "utf-8")


@pytest.mark.parametrize("code", BEFOREHAND)
@pytest.mark.parametrize("command", ["auto", "download", "sync", "resume"])
def test_what_this_machine_can_not_do_is_said_before_anything_is_asked_or_written(
    product: Product, hub: Hub, tmp_path: Path, command: str, code: str
) -> None:
    (product.workdir / "file").write_bytes(b"")
    (tmp_path / "l.json").write_text('{"models": []}')
    options, document = BEFOREHAND[code]
    if command == "resume":  # a run that was killed in its last step
        product.run("scan")
        record = product.workdir / ".comfyfixer" / "run.json"
        killed = {"steps": ["scan", "download"], "done": ["scan"], "exit_code": None}
        record.write_text(json.dumps(json.loads(record.read_bytes()) | killed))
    configured(product, document)
    before = {path: path.stat().st_mtime_ns for path in product.workdir.rglob("*")}
    words = [command, str(tmp_path / "l.json")] if command == "sync" else [command]
    ran = product.json(*words, *options, env={"PATH": str(tmp_path)})

    assert (ran.code, ran.codes) == (2, {code}), ran.out
    assert hub.requests == ()
    assert {path: path.stat().st_mtime_ns for path in product.workdir.rglob("*")} == before


def test_a_place_that_is_not_searched_is_told_with_who_wanted_it(product: Product, tmp_path: Path) -> None:
    to = product.json("auto", "--to", str(tmp_path)[:-1]).envelope["errors"][0]["message"]
    assert "(`--to`)" in to
    configured(product, {"download": {"folders": {"clip": "elsewhere"}}})
    own = product.json("auto").envelope["errors"][0]["message"]
    assert "for `text_encoders` (`download.folders.clip` in config.json)" in own
    configured(product, {"download": {"to": str(tmp_path)[:-1]}})
    assert "(`download.to` in config.json)" in product.json("auto").envelope["errors"][0]["message"]


@pytest.mark.parametrize("command", [["scan"], ["auto", "--dry-run"]], ids=" ".join)
def test_a_misspelled_setting_is_a_warning_of_each_run(product: Product, command: list[str]) -> None:
    plain = product.run(*command)
    configured(product, MISSPELLED)
    ran = product.run(*command)

    assert ran.code == plain.code
    assert ran.out == plain.out
    assert "warning: `download.windw` in config.json is no setting (did you mean `download.window`?)" in ran.err
    assert [error["code"] for error in product.json(*command).envelope["errors"]].count("config-unknown") == 3
    assert [error["code"] for error in product.status_file()["errors"]].count("config-unknown") == 3
    assert "warning" not in product.run(*command, "--quiet").err


def test_a_misspelled_setting_is_a_warning_of_sync_and_leaves_nothing_outstanding(
    product: Product, tmp_path: Path
) -> None:
    configured(product, MISSPELLED)
    (tmp_path / "l.json").write_text('{"models": []}')
    for option in ((), ("--dry-run",)):
        ran = product.json("sync", str(tmp_path / "l.json"), *option)
        assert (ran.code, ran.codes) == (0, {"config-unknown"})


def test_doctor_names_a_misspelled_setting_and_ends_as_without_it(product: Product) -> None:
    plain = product.run("doctor")
    configured(product, MISSPELLED)
    ran = product.run("doctor")

    assert ran.code == plain.code == 0
    assert (
        "warn config file: `sorces` in config.json is no setting (did you mean `sources`?) [config-unknown]" in ran.out
    )
    assert product.json("doctor").codes == {"config-unknown"}


def test_a_pickle_that_is_allowed_by_a_name_that_no_file_has_is_a_warning(product: Product, tmp_path: Path) -> None:
    product.run("scan")
    product.run("resolve")
    name = product.output("resolutions.json")[0]["filename"]
    ran = product.run("download", "--allow-pickle", "nonsense.pth", "--allow-pickle", name)
    told = [line for line in ran.err.splitlines() if line.startswith("warning:")]
    assert told == [
        "warning: `--allow-pickle nonsense.pth` has no effect: no file of this run has that name [option-unused]"
    ]
    lock = tmp_path / "l.json"
    lock.write_text('{"models": []}')
    synced = product.json("sync", str(lock), "--allow-pickle", "nonsense.pth")
    assert (synced.code, synced.codes) == (0, {"option-unused"})
    configured(product, {"download": {"allow_pickle": ["nonsense.pth"]}})
    assert product.json("sync", str(lock)).codes == set()
