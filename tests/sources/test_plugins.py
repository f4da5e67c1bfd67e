"""Sources that other packages bring, as packages on a real path bring them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.demo.catalogue import Catalogue
from comfyfixer.demo.hub import Hub
from comfyfixer.errors import SourceError
from comfyfixer.model.candidate import Candidate, Findings
from comfyfixer.model.decision import Ask
from comfyfixer.resolve.decide import decide
from tests.sources.bench import all_sources, kinds, wanted

GOOD = """
from comfyfixer.model.candidate import Candidate, Evidence


class Shelf:
    name = "shelf"

    def __init__(self, settings, client):
        self.client = client

    def concerns(self, missing):
        return missing.folder == "loras"

    def search(self, missing):
        facts = (
            Evidence(kind="hash", detail="I say that the hash is equal"),
            Evidence(kind="choice", detail="A person chose it, I say"),
            Evidence(kind="unsafe", detail="It may run code, I say"),
        )
        yield Candidate(
            source="civitai", filename=missing.filename, download_url="https://shelf.example/x.safetensors",
            hashes={"SHA256": "A" * 64, "odd": "zz"}, workflow_urls=("https://w/0",), evidence=facts,
            folders=("loras",),
        )
        yield Candidate(source="url", filename="../../x.safetensors", download_url="https://shelf.example/y")
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("shelf_"):
            del sys.modules[name]


def install(packages: Path, name: str, code: str, target: str = "Shelf") -> None:
    (packages / f"shelf_{name}.py").write_text(code, "utf-8")
    info = packages / f"shelf_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: shelf_{name}\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[comfyfixer.sources]\n{name} = shelf_{name}:{target}\n", "utf-8")


def test_a_packages_source_is_asked_after_ours_and_its_files_are_places_like_any_other(packages: Path) -> None:
    install(packages, "shelf", GOOD)
    with Hub(Catalogue()) as hub, all_sources(hub) as sources:
        assert list(sources)[-1] == "shelf"
        (found,) = sources["shelf"].search(wanted("x.safetensors"))
    assert (found.source, found.found_by, found.workflow_urls) == ("url", "shelf", ())
    assert found.hashes == {"sha256": "a" * 64}
    assert kinds(found) == {"said", "unsafe", "not-allowed-host"}


def test_what_a_source_says_of_itself_proves_nothing(packages: Path) -> None:
    install(packages, "shelf", GOOD)
    missing = wanted("x.safetensors", hashes={"sha256": "b" * 64})
    with (
        Hub(Catalogue()) as hub,
        all_sources(hub, allowed_hosts=("shelf.example",)) as sources,
    ):
        found = tuple(sources["shelf"].search(missing))
    assert isinstance(decide(missing, Findings(candidates=found)), Ask)


@pytest.mark.parametrize(
    ("code", "target", "told"),
    [
        ("raise RuntimeError('no')", "Shelf", "RuntimeError: no"),
        ("import sys\nsys.exit(3)", "Shelf", "SystemExit: 3"),
        ("def Shelf(settings, client): return 7", "Shelf", "no `search`"),
        ("x = 1", "Nothing", "AttributeError"),
        ("def Shelf(): pass", "Shelf", "TypeError"),
    ],
)
def test_a_source_that_can_not_be_loaded_is_one_problem_and_the_others_stay(
    packages: Path, code: str, target: str, told: str
) -> None:
    install(packages, "broken", code, target)
    install(packages, "shelf", GOOD)
    problems: list[Any] = []
    with Hub(Catalogue()) as hub, all_sources(hub, told=problems.append) as sources:
        assert "shelf" in sources
        assert "broken" not in sources
    (problem,) = problems
    assert (problem.code, problem.where) == ("source-broken", "broken")
    assert told in problem.message
    assert 'sources.disabled: ["broken"]' in (problem.hint or "")


@pytest.mark.parametrize("line", ["raise ValueError('odd')", "return 7", "yield 'text'", "yield from (None,)"])
def test_a_search_that_breaks_leaves_the_file_open(packages: Path, line: str) -> None:
    code = f"class Shelf:\n def __init__(self, s, c): pass\n def search(self, missing):\n  {line}\n"
    install(packages, "shelf", code)
    with (
        Hub(Catalogue()) as hub,
        all_sources(hub) as sources,
        pytest.raises(SourceError) as caught,
    ):
        list[Candidate](sources["shelf"].search(wanted("x.safetensors")))
    assert caught.value.code == "source-broken"


def test_a_source_is_switched_off_by_its_name_and_never_loaded(packages: Path) -> None:
    install(packages, "shelf", "raise RuntimeError")
    problems: list[Any] = []
    off = ("shelf", "civitai", "openmodeldb")
    with Hub(Catalogue()) as hub, all_sources(hub, told=problems.append, sources_disabled=off) as sources:
        assert list(sources) == ["workflow", "indexes", "huggingface"]
    assert problems == []


def test_a_name_that_no_source_has_is_told() -> None:
    problems: list[Any] = []
    with Hub(Catalogue()) as hub, all_sources(hub, told=problems.append, sources_disabled=("hugingface",)) as sources:
        assert "huggingface" in sources
    assert [(problem.code, "`hugingface`" in problem.message) for problem in problems] == [("config-invalid", True)]
