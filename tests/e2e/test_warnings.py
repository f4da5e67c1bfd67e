"""What a run says beforehand, and what it warns of without ending otherwise: through the command."""

import json
from pathlib import Path

import pytest

from tests.support.product import Product

MISSPELLED = {"download": {"limit_rat": "5M", "windw": "8-9"}, "sorces": {}}


def configured(product: Product, document: object) -> None:
    (product.workdir / "config.json").write_text(json.dumps(document), "utf-8")


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
