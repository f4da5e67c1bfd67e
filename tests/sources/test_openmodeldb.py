"""OpenModelDB: upscalers by hash and by the names that their addresses have."""

import json

import pytest

from comfyfixer.demo.catalogue import Catalogue, Upscaler
from comfyfixer.demo.content import Weights, sha256_of, size_of
from comfyfixer.demo.hub import Hub
from comfyfixer.errors import SourceError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.missing import MissingModel
from tests.net.loopback import Given, Loopback
from tests.sources.bench import all_sources, kinds, wanted

ONE, TWO = Weights(kind="upscaler", seed="one"), Weights(kind="upscaler", seed="two")
RELEASE = "https://github.com/o/r/releases/download/v1/4x-River.safetensors"
LOCKER = "https://drive.google.com/file/d/1abc/view"
ALL = Catalogue(
    upscalers=(
        Upscaler(id="4x-River", name="River", urls=(LOCKER, RELEASE), content=ONE),
        Upscaler(id="4x-Brook", name="Brook", urls=(LOCKER,), content=TWO),
    )
)


def searched(hub: Hub, missing: MissingModel) -> list[Candidate]:
    with all_sources(hub) as sources:
        return list(sources["openmodeldb"].search(missing))


def test_a_file_is_found_by_the_name_that_its_address_has() -> None:
    with Hub(ALL) as hub:
        (found,) = searched(hub, wanted("4x-River.safetensors", "upscale_models"))
        assert found.download_url == f"{hub.endpoints.github}/o/r/releases/download/v1/4x-River.safetensors"
        assert found.page_url == f"{hub.endpoints.openmodeldb}/models/4x-River"
    assert (found.source, found.filename, found.found_by) == ("url", "4x-River.safetensors", "openmodeldb")
    assert (found.sha256, found.size_bytes, found.folders) == (sha256_of(ONE), size_of(ONE), ("upscale_models",))
    assert kinds(found) == {"listed", "licence"}


def test_a_file_is_found_by_its_hash_whatever_its_name() -> None:
    with Hub(ALL) as hub:
        (found,) = searched(hub, wanted("mine.safetensors", "upscale_models", hashes={"sha256": sha256_of(ONE)}))
    assert found.sha256 == sha256_of(ONE)


def test_a_file_that_lies_only_where_nothing_is_fetched_is_shown_with_the_reason() -> None:
    with Hub(ALL) as hub:
        found = searched(hub, wanted("4x-Brook.pth", "upscale_models"))[0]
    assert found.download_url == LOCKER
    assert "not-allowed-host" in kinds(found)


def test_another_kind_of_file_is_not_asked_for() -> None:
    with Hub(ALL) as hub:
        assert searched(hub, wanted("4x-River.safetensors", "loras")) == []
        assert hub.requests == ()


def test_the_document_is_asked_for_once() -> None:
    with Hub(ALL) as hub, all_sources(hub) as sources:
        for name in ("4x-River.safetensors", "4x-Brook.pth", "nothing.pth"):
            list(sources["openmodeldb"].search(wanted(name, "upscale_models")))
        assert len(hub.requests) == 1


def test_a_row_in_another_form_leaves_the_others_and_is_not_forgotten() -> None:
    good = {"name": "River", "resources": [{"type": "pth", "size": 5, "sha256": "a" * 64, "urls": [RELEASE]}]}
    odd = {"name": 7, "resources": "4x-river"}
    body = json.dumps({"4x-River": good, "odd": odd}).encode()
    with Loopback(lambda seen: Given(body=body)) as server, Hub(ALL) as hub:
        hub.endpoints = type(hub.endpoints)(**{**_fields(hub), "openmodeldb": server.url})
        with all_sources(hub) as sources:
            searching = sources["openmodeldb"].search(wanted("4x-River.safetensors", "upscale_models"))
            assert next(searching).sha256 == "a" * 64
            with pytest.raises(SourceError, match="not known"):
                next(searching)


def test_it_is_not_asked_where_the_hubs_are_mirrors_and_it_is_not() -> None:
    with Hub(ALL) as hub:
        hub.endpoints = type(hub.endpoints)(**{**_fields(hub), "openmodeldb": "https://openmodeldb.info"})
        with all_sources(hub) as sources:
            assert "openmodeldb" not in sources
        with all_sources(hub, sources_enabled=("openmodeldb",)) as sources:
            assert "openmodeldb" in sources


def _fields(hub: Hub) -> dict[str, str]:
    return {name: getattr(hub.endpoints, name) for name in hub.endpoints.__struct_fields__}
