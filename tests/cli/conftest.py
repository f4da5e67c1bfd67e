"""The command line called in this process, at an empty place, with no settings of whoever runs the tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from comfyfixer.cli.main import main
from comfyfixer.demo.sample import build_installation
from tests.support.product import Ran, nowhere

Call = Callable[..., Ran]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: empty, and no installation is near unless a test builds one."""
    for name in ("CIVITAI_API_KEY", "HF_TOKEN", "HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in nowhere().items():
        monkeypatch.setenv(name, value)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample installation, named by the environment."""
    built = build_installation(tmp_path / "sample")
    monkeypatch.setenv("COMFYUI_PATH", str(built))
    return built


@pytest.fixture
def call(place: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """`comfyfixer ARGUMENTS`, to its end."""

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ran(code, said.out, said.err)

    return run
