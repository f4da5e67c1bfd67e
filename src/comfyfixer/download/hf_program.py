"""`hf download`: Hugging Face's own program. Its key comes in the environment of that one process."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from comfyfixer.download.attempt import Means
from comfyfixer.download.child import Errand
from comfyfixer.download.expected import Expected
from comfyfixer.download.program import failed, tell_start, without_keys
from comfyfixer.model.candidate import Candidate
from comfyfixer.paths import inside


class Hub(msgspec.Struct, frozen=True, kw_only=True):
    """What `hf` is told of its hub."""

    endpoint: str
    key: str | None

    def __repr__(self) -> str:
        return f"Hub({self.endpoint})"


class HuggingFaceCli:
    """`hf download`: Hugging Face's own program, with Xet where it is installed; files of other hubs we fetch."""

    name: Final = "hf"

    def __init__(self, program: str, hub: Hub, hide: Callable[[str], str]) -> None:
        self._program = program
        self._hub = hub
        self._hide = hide

    def takes(self, candidate: Candidate) -> bool:
        return candidate.source == "huggingface" and bool(candidate.repo_id and candidate.repo_path)

    def bring(self, candidate: Candidate, expected: Expected, file: Path, means: Means) -> None:
        """It keeps the repository's folders and its own notes: all of that happens in a folder of its own."""
        folder = file.with_name(f"{file.name}.hf")
        came = inside(folder, candidate.repo_path or "")
        kind, repo_id = _kind_and_id(candidate.repo_id or "")
        words = [
            self._program, "download", "--repo-type", kind, "--revision", candidate.revision or "main",
            "--local-dir", os.fspath(folder), "--quiet", "--", repo_id, candidate.repo_path or "",
        ]  # fmt: skip
        tell_start(means, expected, self.name)
        errand = Errand(expected, folder, means)
        code = errand.run(words, "", self._environment(), self._hide)
        if code or not came.is_file():
            raise failed(self.name, code, expected, errand.said)
        came.replace(file)
        shutil.rmtree(folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        told = {
            "HF_ENDPOINT": self._hub.endpoint,
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        }
        key = {"HF_TOKEN": self._hub.key} if self._hub.key else {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
        return {**without_keys(os.environ), **told, **key}


def _kind_and_id(repo_id: str) -> tuple[str, str]:
    prefix, _, rest = repo_id.partition("/")
    return (prefix[:-1], rest) if prefix in ("datasets", "spaces") else ("model", repo_id)
