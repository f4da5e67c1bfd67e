"""Drives the product as users do: the command as a process of its own, in a clean environment, on real files."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

import comfyfixer
from comfyfixer.demo.catalogue import Catalogue, CivitaiVersion
from comfyfixer.demo.content import Content, whole
from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import build_installation

SOURCE = Path(comfyfixer.__file__).parents[1]
NEEDED_BY_THE_SYSTEM = ("PATH", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMPDIR")
PATIENCE_S = 60.0


class Ran(msgspec.Struct, frozen=True):
    """What a finished command said."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)

    @property
    def data(self) -> Any:
        """The envelope's data."""
        return self.envelope["data"]

    @property
    def codes(self) -> set[str]:
        """The codes of the envelope's errors."""
        return {error["code"] for error in self.envelope["errors"]}


class Product:
    """One working folder and one installation of one user who has nothing else."""

    def __init__(self, folder: Path, hub: Hub | None = None, *, root: Path | None = None, **environment: str) -> None:
        self.workdir = folder / "work"
        self.home = folder / "home"
        self.root = root or build_installation(folder)
        self.models = self.root / "models"
        self.workflows = self.root / "user" / "default" / "workflows"
        self._environment = {**(hub.environment() if hub else nowhere()), **environment}
        for place in (self.workdir, self.home):
            place.mkdir(parents=True, exist_ok=True)

    def environment(self) -> dict[str, str]:
        """No keys, no proxies, no settings of whoever runs the tests."""
        kept = {name: os.environ[name] for name in NEEDED_BY_THE_SYSTEM if name in os.environ}
        path = os.pathsep.join(part for part in (str(SOURCE), kept.get("PYTHONPATH", "")) if part)
        home = {"HOME": str(self.home), "USERPROFILE": str(self.home), "APPDATA": str(self.home / "roaming")}
        return {**kept, "PYTHONPATH": path, **home, "COMFYUI_PATH": str(self.root), **self._environment}

    def start(self, *arguments: str, cwd: Path | None = None, **more: Any) -> "subprocess.Popen[str]":
        """`comfyfixer ...` in the working folder, not waited for."""
        return self.launch([sys.executable, "-m", "comfyfixer", *arguments], cwd, **more)

    def launch(self, words: Sequence[str], cwd: Path | None = None, **more: Any) -> "subprocess.Popen[str]":
        """Any command in the same environment."""
        return subprocess.Popen(
            words,
            cwd=cwd or self.workdir,
            env={**self.environment(), **more.pop("env", {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **more,
        )

    def run(self, *arguments: str, cwd: Path | None = None, **more: Any) -> Ran:
        """`comfyfixer ...` in the working folder, to its end."""
        return finished(self.start(*arguments, cwd=cwd, **more))

    def json(self, *arguments: str, **more: Any) -> Ran:
        """`comfyfixer ... --json`."""
        return self.run(*arguments, "--json", **more)

    def output(self, name: str) -> Any:
        """A file of `output/`."""
        return json.loads((self.workdir / "output" / name).read_bytes())

    def rows(self, name: str) -> dict[str, Any]:
        """The rows of a file of `output/`, by file name."""
        return {row["filename"]: row for row in self.output(name)}

    def status_file(self) -> Any:
        """`status.json` as it lies there; None where there is none yet."""
        try:
            return json.loads((self.workdir / "status.json").read_bytes())
        except FileNotFoundError:
            return None

    def events(self) -> list[Any]:
        """Every event of every run, oldest run first; of a run at work those whose line is whole."""
        logs = sorted((self.workdir / "log").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(line) for log in logs for line in log.read_text("utf-8").split("\n")[:-1]]

    def digests(self) -> dict[str, str]:
        """SHA-256 of each file below `models`, by its path there."""
        return digests(self.models)

    def save(self, name: str, data: bytes) -> Path:
        """Put a file into the workflows folder."""
        path = self.workflows / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def clear_workflows(self) -> None:
        """Take the sample's workflows away."""
        for path in sorted(self.workflows.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


def nowhere() -> dict[str, str]:
    """End points at which nobody listens, so that no test ever leaves this machine."""
    roles = ("CIVITAI", "HUGGINGFACE", "REGISTRY", "MANAGER", "GITHUB")
    return {f"COMFYFIXER_{role}_ENDPOINT": "http://127.0.0.1:9" for role in roles}


def finished(process: "subprocess.Popen[str]") -> Ran:
    """Wait for a command's end."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return Ran(process.returncode, out, err)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder, by its path there with forward slashes."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def until(condition: Callable[[], object], what: str, patience_s: float = 20.0) -> None:
    """Look again and again until it is so, for a limited time."""
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, f"after {patience_s} s still not so: {what}"
        time.sleep(0.005)


def file_of(catalogue: Catalogue, repo_id: str, path: str) -> Content:
    """A file of a Hugging Face repository."""
    files = next(repo.files for repo in catalogue.huggingface if repo.id == repo_id)
    return next(file.content for file in files if file.path == path)


def file_of_version(catalogue: Catalogue, version_id: int) -> Content:
    """The first file of a version on Civitai."""
    versions: Iterable[CivitaiVersion] = (version for model in catalogue.civitai for version in model.versions)
    return next(version.files[0].content for version in versions if version.id == version_id)


def digest_of(content: Content) -> str:
    """SHA-256 of a file of the hub."""
    return sha256(whole(content)).hexdigest()


def checkpoint_workflow(*names: str, models: Sequence[Mapping[str, str]] = ()) -> bytes:
    """A workflow of one checkpoint loader for each name; `models` stands at the first."""
    graph = Graph()
    for number, name in enumerate(names):
        graph.add("CheckpointLoaderSimple", name, models=models if number == 0 else ())
    return graph.to_json()


def lora_workflow(*names: str) -> bytes:
    """A workflow of one LoRA loader for each name."""
    graph = Graph()
    for name in names:
        graph.add("LoraLoader", name, 1.0, 1.0)
    return graph.to_json()


def declared(repo: str, path: str, directory: str) -> dict[str, str]:
    """An entry of a node's `properties.models`."""
    url = f"https://huggingface.co/{repo}/resolve/main/{path}"
    return {"name": path.rpartition("/")[2], "url": url, "directory": directory}
