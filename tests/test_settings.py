"""Settings: which value wins, and what a bad one says."""

import json
import os
from pathlib import Path

import pytest

from comfyfixer.errors import UsageError
from comfyfixer.model.secret import Secret
from comfyfixer.settings import load


def write_config(folder: Path, document: object) -> None:
    (folder / "config.json").write_text(json.dumps(document), "utf-8")


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load({}, {}, tmp_path)
    assert settings.endpoints.civitai == "https://civitai.com"
    assert settings.max_concurrent == 3
    assert settings.config_file is None
    assert settings.origins["download.max_concurrent"] == "default"


def test_flag_beats_environment_beats_file(tmp_path: Path) -> None:
    write_config(tmp_path, {"comfyui_root": "/from/file"})
    from_file = load({}, {}, tmp_path)
    from_environment = load({}, {"COMFYUI_PATH": "/from/environment"}, tmp_path)
    from_flag = load({"comfyui_root": "/from/flag"}, {"COMFYUI_PATH": "/from/environment"}, tmp_path)
    found = [settings.comfyui_root for settings in (from_file, from_environment, from_flag)]
    assert found == [os.path.abspath(path) for path in ("/from/file", "/from/environment", "/from/flag")]
    origins = [settings.origins["comfyui_root"] for settings in (from_file, from_environment, from_flag)]
    assert origins == ["config.json", "environment COMFYUI_PATH", "flag"]


@pytest.mark.parametrize(
    ("document", "key", "meant"),
    [
        ({"download": {"limit_rat": "5M"}}, "download.limit_rat", "download.limit_rate"),
        ({"download": {"max_concurent": 1}}, "download.max_concurent", "download.max_concurrent"),
        ({"download": {"windw": "8-9"}}, "download.windw", "download.window"),
        ({"sorces": {"disabled": []}}, "sorces", "sources"),
        ({"comfy_root": "/c"}, "comfy_root", "comfyui_root"),
        ({"limit_rate": "5M"}, "limit_rate", "download.limit_rate"),
        ({"search": {"max_concurrent": 1}}, "search.max_concurrent", "download.max_concurrent"),
        ({"download": {"colour": 1}}, "download.colour", None),
    ],
)
def test_a_key_that_is_no_setting_is_told_with_the_one_that_is_meant(
    tmp_path: Path, document: object, key: str, meant: str | None
) -> None:
    write_config(tmp_path, document)
    (problem,) = load({}, {}, tmp_path).problems
    assert problem.code == "config-unknown"
    told = f"`{key}` in config.json is no setting" + (f" (did you mean `{meant}`?)" if meant else "")
    assert problem.message == told


def test_what_is_no_misspelling_is_not_told(tmp_path: Path) -> None:
    """A setting's own object, every group, and what people write for a comment."""
    folders = {"loras": "/big/loras", "windw": "/w"}
    write_config(
        tmp_path,
        {"$schema": "x", "_why": "slow line", "download": {"//": "by night", "folders": folders}, "sources": {}},
    )
    assert load({}, {}, tmp_path).problems == ()


def test_a_variable_in_the_file_is_expanded(tmp_path: Path) -> None:
    write_config(tmp_path, {"api_keys": {"civitai": "${MY_KEY}"}, "workflow_directories": ["${PLACE}/a", "/b"]})
    settings = load({}, {"MY_KEY": "abc", "PLACE": "/p"}, tmp_path)
    assert settings.civitai_key == Secret("abc")
    assert settings.workflow_directories == (os.path.abspath("/p/a"), os.path.abspath("/b"))


def test_a_variable_that_is_not_set_leaves_the_setting_unset_and_says_so(tmp_path: Path) -> None:
    write_config(tmp_path, {"api_keys": {"civitai": "${CIVITAI_API_KEY}"}})
    settings = load({}, {}, tmp_path)
    assert settings.civitai_key is None
    assert "${CIVITAI_API_KEY}, which is not set" in settings.origins["api_keys.civitai"]


def test_the_first_plans_file_is_understood(tmp_path: Path) -> None:
    write_config(
        tmp_path,
        {
            "comfyui_root": "/c",
            "workflow_directories": ["/w"],
            "api_keys": {"civitai": "k1", "huggingface": "k2"},
            "download": {"max_concurrent": 5, "timeout_seconds": 300, "verify_hashes": False},
            "search": {"fuzzy_threshold": 70, "max_results": 9},
        },
    )
    settings = load({}, {}, tmp_path)
    assert settings.problems == ()
    assert (settings.max_concurrent, settings.timeout_seconds, settings.verify_hashes) == (5, 300.0, False)
    assert (settings.fuzzy_threshold, settings.max_results) == (0.7, 9)


def test_hugging_faces_own_variable_moves_its_end_point_after_ours(tmp_path: Path) -> None:
    theirs = {"HF_ENDPOINT": "https://mirror.example/"}
    assert load({}, theirs, tmp_path).endpoints.huggingface == "https://mirror.example"
    both = {**theirs, "COMFYFIXER_HUGGINGFACE_ENDPOINT": "http://127.0.0.1:9"}
    assert load({}, both, tmp_path).endpoints.huggingface == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "document",
    [
        {"download": {"max_concurrent": 0}},
        {"download": {"max_concurrent": True}},
        {"download": {"timeout_seconds": "soon"}},
        {"endpoints": {"civitai": "ftp://x"}},
        {"endpoints": {"civitai": "https://key@host"}},
        {"workflow_directories": 5},
        {"api_keys": {"civitai": "two words"}},
        {"search": {"fuzzy_threshold": 101}},
    ],
)
def test_a_value_that_cannot_be_used_is_a_usage_error_that_names_it(tmp_path: Path, document: object) -> None:
    write_config(tmp_path, document)
    with pytest.raises(UsageError) as caught:
        load({}, {}, tmp_path)
    assert caught.value.code == "config-invalid"
    assert "config.json" in caught.value.message
    assert "two words" not in caught.value.message


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_object_is_a_usage_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load({}, {}, tmp_path)
    assert caught.value.code == "config-unreadable"


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b'\xef\xbb\xbf{"search": {"max_results": 7}}')
    assert load({}, {}, tmp_path).max_results == 7


def test_a_named_file_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load({}, {}, tmp_path, tmp_path / "other.json")
    assert caught.value.code == "config-unreadable"


def test_a_secret_is_not_shown() -> None:
    secret = Secret("abc")
    assert "abc" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "abc"


@pytest.mark.parametrize(
    "document",
    [{"download": []}, {"api_keys": "x"}, {"endpoints": {"civitai": "http://x:99999999"}},
     {"endpoints": {"huggingface": "http://[::1"}}],
)  # fmt: skip
def test_a_group_or_address_of_the_wrong_form_is_told(tmp_path: Path, document: object) -> None:
    write_config(tmp_path, document)
    with pytest.raises(UsageError) as caught:
        load({}, {}, tmp_path)
    assert caught.value.code == "config-invalid"


@pytest.mark.parametrize(
    ("said", "rate"), [("5M", 5 << 20), ("500k", 500 << 10), ("1.5G", 3 << 29), (2048, 2048), ("10MiB/s", 10 << 20)]
)
def test_a_rate_is_understood_as_other_programs_write_it(tmp_path: Path, said: object, rate: int) -> None:
    assert load({"download.limit_rate": said}, {}, tmp_path).limit_rate == rate


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("download.limit_rate", "fast"),
        ("download.limit_rate", "0"),
        ("download.limit_rate", True),
        ("download.window", "23-7"),
        ("download.window", "25:00-07:00"),
        ("download.window", "07:00-07:00"),
        ("download.folders", ["loras"]),
        ("download.folders", {"loras": 1}),
        ("download.connections", 17),
    ],
)
def test_a_download_setting_that_makes_no_sense_is_refused(tmp_path: Path, key: str, value: object) -> None:
    with pytest.raises(UsageError) as caught:
        load({key: value}, {}, tmp_path)
    assert key in caught.value.message


def test_hours_and_folders_come_out_of_the_file(tmp_path: Path) -> None:
    write_config(tmp_path, {"download": {"window": "23:00-07:30", "folders": {"loras": "${BIG}/loras"}}})
    settings = load({}, {"BIG": "/big"}, tmp_path)
    assert settings.window == (23 * 60, 7 * 60 + 30)
    assert settings.folders == {"loras": os.path.abspath("/big/loras")}


@pytest.mark.parametrize(("text", "value"), [("1", True), ("true", True), ("On", True), ("0", False), ("no", False)])
def test_a_switch_in_the_environment_is_a_word(tmp_path: Path, text: str, value: bool) -> None:
    assert load({}, {"COMFYFIXER_OFFLINE": text}, tmp_path).offline is value
    assert load({}, {"COMFYFIXER_REFRESH": text}, tmp_path).refresh is value


def test_a_word_that_is_no_switch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"`offline` \(environment COMFYFIXER_OFFLINE\) must be true or false"):
        load({}, {"COMFYFIXER_OFFLINE": "perhaps"}, tmp_path)


def test_offline_and_refresh_together_are_refused(tmp_path: Path) -> None:
    write_config(tmp_path, {"offline": True})
    with pytest.raises(UsageError) as caught:
        load({"refresh": True}, {}, tmp_path)
    assert caught.value.code == "config-invalid"


def test_a_source_is_asked_as_the_settings_say(tmp_path: Path) -> None:
    usual = load({}, {}, tmp_path)
    asked = [name for name in ("civitai", "openmodeldb", "modelscope", "anothers") if usual.asks(name)]
    assert asked == ["civitai", "openmodeldb", "anothers"]
    write_config(tmp_path, {"sources": {"disabled": ["openmodeldb", "modelscope"], "enabled": ["modelscope"]}})
    chosen = load({}, {}, tmp_path)
    assert not chosen.asks("openmodeldb")
    assert not chosen.asks("modelscope")


def test_between_mirrors_a_further_place_is_asked_only_when_it_is_moved_or_enabled(tmp_path: Path) -> None:
    mirrors = {"COMFYFIXER_CIVITAI_ENDPOINT": "https://a.example", "HF_ENDPOINT": "https://b.example"}
    moved = {**mirrors, "COMFYFIXER_OPENMODELDB_ENDPOINT": "https://c.example"}
    assert load({}, {"HF_ENDPOINT": "https://b.example"}, tmp_path).asks("openmodeldb")
    assert not load({}, mirrors, tmp_path).asks("openmodeldb")
    assert not load({}, mirrors, tmp_path).asks("manager")
    assert load({}, mirrors, tmp_path).asks("indexes")
    assert load({}, moved, tmp_path).asks("openmodeldb")
    write_config(tmp_path, {"sources": {"enabled": ["openmodeldb"]}})
    assert load({}, mirrors, tmp_path).asks("openmodeldb")
