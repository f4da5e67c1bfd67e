"""The plan as other programs read it: whatever a name holds, it is one word, one line, one file."""

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.model.export import ExportedFile, ExportedSource
from comfyfixer.model.lock import Synced, SyncedModel, SyncedPack
from comfyfixer.report.exports import WRITERS, left_out, sh, shell
from comfyfixer.report.synced import lines, only_remote, outstanding
from tests.download.origin import Origin, serve

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "a';touch pwned;'",
    '"; touch pwned; "',
    "-rf",
    "a\nb",
    "ü #x",
    "%s",
    "\\",
]


def one(target: str, **more: Any) -> ExportedFile:
    source = ExportedSource(source="huggingface", url="https://huggingface.co/o/r/resolve/main/x", repo_id="o/r",
                            repo_path="x", **more)  # fmt: skip
    return ExportedFile(target=target, base="/c", relative=None, sources=(source,), sha256="a" * 64, size_bytes=1)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_a_word_for_the_shell_is_that_word(text: str) -> None:
    assert shlex.split(shell(text)) == [text]


@pytest.mark.skipif(shutil.which("sh") is None or shutil.which("curl") is None, reason="no sh, no curl")
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", ["sh", "hf", "comfy-cli"])
def test_a_hostile_name_runs_nothing(tmp_path: Path, form: str, name: str) -> None:
    """Everything is in its place already, so that no program is called."""
    import hashlib

    folder = tmp_path / "models"
    folder.mkdir()
    target = folder / name
    target.write_bytes(b"x")
    digest = hashlib.sha256(b"x").hexdigest()
    source = ExportedSource(source="huggingface", url=f"https://x/{name!a}", repo_id="o/r", repo_path=name)
    file = ExportedFile(target=str(target), base=str(tmp_path), relative=f"models/{name}", sources=(source,),
                        sha256=digest, size_bytes=1)  # fmt: skip
    script = WRITERS[form]([file])
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "comfy").write_text("#!/bin/sh\nexit 0\n")
    (tools / "comfy").chmod(0o755)
    path = f"{tools}:/usr/local/bin:/usr/bin:/bin"
    ran = subprocess.run(["sh", "-c", script], cwd=tmp_path, env={"PATH": path}, capture_output=True, timeout=30)
    assert ran.returncode == 0, ran.stderr
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["models", "tools"]
    assert [entry.name for entry in folder.iterdir()] == [name]


@pytest.mark.skipif(shutil.which("sh") is None or shutil.which("curl") is None, reason="no sh, no curl")
@pytest.mark.parametrize("size", [None, 5000], ids=["nothing", "size"])
def test_a_file_that_was_cut_gets_no_name_whatever_is_promised(tmp_path: Path, size: int | None) -> None:
    target = tmp_path / "models" / "x.onnx"
    with Origin(b"m" * 5000) as origin:
        source = ExportedSource(source="url", url=f"{origin.url}/x")
        script = sh([ExportedFile(target=str(target), base=str(tmp_path), sources=(source,), size_bytes=size)])
        impatient = script.replace("--retry 5", "--retry 0")
        for _ in range(2):
            origin.script = [serve(cut_after=1000)]
            ran = subprocess.run(["sh", "-c", impatient], capture_output=True, timeout=30)
            assert ran.returncode == 1
            assert not target.exists()
        ran = subprocess.run(["sh", "-c", script], capture_output=True, timeout=30)
        assert (ran.returncode, target.read_bytes()) == (0, origin.body)


def test_aria2_is_told_to_follow_no_list_of_further_files() -> None:
    lines = WRITERS["aria2"]([one("/models/a.safetensors")]).splitlines()
    assert {"  follow-metalink=false", "  follow-torrent=false"} <= set(lines)


def test_a_line_of_aria2_is_never_ended_by_a_name() -> None:
    text = WRITERS["aria2"]([one("/models/a\n  out=/etc/passwd\nb.safetensors")])
    assert "/etc/passwd" not in [line.strip().removeprefix("out=") for line in text.splitlines()]
    assert left_out("aria2", [one("/models/a\nb")]) == {
        "/models/a\nb": "Its folder has a name that can't stand in one line"
    }


def test_no_format_holds_a_key_and_scripts_name_its_variable() -> None:
    file = one("/m/x", key_variable="HF_TOKEN", needs_key=True)
    assert '"${HF_TOKEN-}"' in sh([file])
    assert "# needs HF_TOKEN" in WRITERS["aria2"]([file])
    assert "Authorization" not in WRITERS["aria2"]([file])


@pytest.mark.parametrize("form", ["sh", "comfy-cli", "hf"])
def test_what_a_person_has_to_do_first_stands_beside_the_file(form: str) -> None:
    def text(**more: Any) -> str:
        file = one("/c/m/x", key_variable="HF_TOKEN", page_url="https://h/o/r\nrm", needs_key=True, **more)
        return WRITERS[form]([msgspec.structs.replace(file, relative="m/x")])

    page = "https://h/o/r\ufffdrm"
    assert f"\n# needs HF_TOKEN, and its licence accepted at {page}\n" in text(access="gated")
    assert f"\n# needs HF_TOKEN, and early access, which is bought at {page}\n" in text(access="early-access")
    assert "\n# needs HF_TOKEN\n" in text(access="login-required")
    assert "# needs" not in WRITERS[form]([one("/c/m/x", key_variable="HF_TOKEN")])


def test_a_source_that_is_open_to_all_needs_no_remark_and_is_what_comfy_cli_gets() -> None:
    gated = one("/c/m/x", access="gated", needs_key=True)
    both = (*gated.sources, ExportedSource(source="civitai", url="https://c/open"))
    file = msgspec.structs.replace(gated, sources=both, relative="m/x")
    assert "# needs" not in sh([file])
    assert "--url 'https://c/open'" in WRITERS["comfy-cli"]([file])
    assert "# needs" not in WRITERS["comfy-cli"]([file])


@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh")
@pytest.mark.parametrize(("came", "kept"), [("", False), ("the first part", True)], ids=["nothing", "a part"])
def test_of_hf_nothing_stays_behind_where_nothing_came_and_a_part_is_kept(
    tmp_path: Path, came: str, *, kept: bool
) -> None:
    """A program of the name that leaves what the real one does."""
    tools = tmp_path / "tools"
    tools.mkdir()
    cache = ".cache/huggingface"
    (tools / "hf").write_text(
        '#!/bin/sh\nwhile [ "$1" != --local-dir ]; do shift; done\n'
        f'mkdir -p "$2/a/b" "$2/{cache}/download/a/b"; printf "*" > "$2/{cache}/.gitignore"\n'
        f'printf "%s" "{came}" > "$2/{cache}/download/a/b/x.incomplete"; exit 1\n'
    )
    (tools / "hf").chmod(0o755)
    target = tmp_path / "models" / "x.safetensors"
    source = ExportedSource(source="huggingface", url="https://x", repo_id="o/r", repo_path="a/b/x.safetensors")
    file = ExportedFile(target=str(target), base=str(tmp_path), sources=(source,), sha256="a" * 64, size_bytes=1)
    path = f"{tools}:/usr/local/bin:/usr/bin:/bin"
    ran = subprocess.run(["sh", "-c", WRITERS["hf"]([file])], env={"PATH": path}, capture_output=True, timeout=30)
    assert ran.returncode == 1
    assert [entry.name for entry in target.parent.iterdir()] == (["x.safetensors.hf"] if kept else [])


def test_a_comment_ends_where_its_line_ends() -> None:
    file = ExportedFile(target="/m/a\ntouch pwned", base="/c", sources=(ExportedSource(source="url", url="https://x"),))
    for form in ("hf", "comfy-cli", "aria2"):
        assert "touch pwned" not in WRITERS[form]([file]).splitlines()


def synced(*models: SyncedModel, packs: tuple[SyncedPack, ...] = ()) -> Synced:
    return Synced(lock="l", dry_run=False, bytes_to_fetch=0, models=models, node_packs=packs)


def failed(code: str) -> SyncedModel:
    return SyncedModel(name="a", folder="loras", state="failed", code=code, why="Because", hint="Do")


def test_what_only_a_hub_stands_in_the_way_of_is_told_apart() -> None:
    assert only_remote(synced(failed("hub-unreachable")))
    assert not only_remote(synced(failed("hub-unreachable"), failed("hash-mismatch")))
    assert not only_remote(synced(failed("hub-unreachable"), packs=(SyncedPack(name="p", state="missing"),)))
    assert not outstanding(synced(SyncedModel(name="a", folder="loras", state="linked")))


def test_each_failure_says_what_to_do() -> None:
    text = "\n".join(lines(synced(failed("hash-mismatch"))))
    assert "Because [hash-mismatch]" in text
    assert "-> Do" in text
    assert "0 of 1 model in place, 1 failed." in text
