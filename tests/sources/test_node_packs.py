"""The registry and ComfyUI-Manager's lists, asked at the embedded hub and at servers that answer badly."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from comfyfixer.demo.catalogue import Catalogue, NodePack
from comfyfixer.demo.hub import Hub
from comfyfixer.errors import SourceError
from comfyfixer.model.missing import PackReference
from comfyfixer.net.client import Timing, make_client
from comfyfixer.settings import Endpoints, Settings
from comfyfixer.sources.node_packs import ComfyRegistry, ManagerChannel, make_pack_sources
from tests.net.loopback import FakeTime, Given, Loopback, Seen, json

GRAIN = NodePack(
    id="film-grain",
    name="Film Grain",
    repository="https://github.com/g/film-grain",
    node_types=("Grain/Apply |x", "GrainLoader"),
    version="2.1",
    stars=7,
)
COPY = NodePack(id="copy", name="Copy", repository="https://github.com/c/copy", node_types=("GrainLoader",), stars=90)


@contextmanager
def asked_at(
    url: str, cache: Path | None = None, time: FakeTime | None = None
) -> Iterator[tuple[ComfyRegistry, ManagerChannel]]:
    settings = Settings(workdir="/", endpoints=Endpoints(registry=url, manager=url), timeout_seconds=5)
    time = time or FakeTime()
    timing = Timing(wall=time.read, clock=time.read, sleep=time.sleep)
    with make_client(settings, lambda action, **details: None, cache_path=cache, timing=timing) as client:
        yield ComfyRegistry(settings, client), ManagerChannel(settings, client)


def test_both_name_the_pack_of_a_type_with_any_signs_in_its_name() -> None:
    with Hub(Catalogue(packs=(GRAIN, COPY))) as hub:
        endpoints = Endpoints(registry=hub.endpoints.registry, manager=hub.endpoints.manager)
        settings = Settings(workdir="/", endpoints=endpoints)
        with make_client(settings, lambda action, **details: None, cache_path=None) as client:
            registry, manager = make_pack_sources(settings, client)
            (pack,) = registry.packs_with("Grain/Apply |x")
            assert (pack.id, pack.title, pack.latest, pack.downloads, pack.found_by) == (
                "film-grain", "Film Grain", "2.1", 70, "registry"
            )  # fmt: skip
            listed = manager.packs_with("GrainLoader")
            assert [(found.id, found.stars, found.found_by) for found in listed] == [
                ("copy", 90, "manager-list"),
                ("film-grain", 7, "manager-list"),
            ]
            assert registry.packs_with("Nobody's") == manager.packs_with("Nobody's") == ()
            about = registry.about(PackReference(id="FILM-grain"))
            assert about is not None
            assert about.repository == GRAIN.repository
            assert registry.about(PackReference(id="gone")) is None


def test_the_lists_are_fetched_once_and_asked_for_again_with_their_etag(tmp_path: Path) -> None:
    time = FakeTime()
    with Hub(Catalogue(packs=(GRAIN,))) as hub:
        for _ in range(2):
            with asked_at(hub.endpoints.manager, tmp_path / "answers.sqlite", time) as (_, manager):
                assert len(manager.packs_with("GrainLoader")) == len(manager.packs_with("Grain/Apply |x")) == 1
            time.sleep(25 * 3600)
        requests = hub.requests_to("manager")
    assert [request.status for request in requests] == [200] * 3 + [304] * 3
    assert all("if-none-match" in request.headers for request in requests[3:])


def test_fresh_lists_are_not_asked_for(tmp_path: Path) -> None:
    with Hub(Catalogue(packs=(GRAIN,))) as hub:
        for _ in range(2):
            with asked_at(hub.endpoints.manager, tmp_path / "answers.sqlite") as (_, manager):
                assert manager.packs_with("GrainLoader")
        assert len(hub.requests_to("manager")) == 3


def test_without_titles_and_stars_the_list_of_types_is_enough() -> None:
    def answer(seen: Seen) -> Given:
        whole = '{"https://github.com/g/a": [["A"], {"title_aux": "Pack A"}]}'
        return json(whole) if "extension-node-map" in seen.target else json("{}", 500)

    with Loopback(answer) as server, asked_at(server.url) as (_, manager):
        (pack,) = manager.packs_with("A")
        assert (pack.title, pack.id) == ("Pack A", None)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (json('{"error": "down"}', 500), "hub-error"),
        (Given(headers=(("Content-Type", "text/html"),), body=b"<html>log in</html>"), "hub-bad-answer"),
        (json("[1, 2]"), "hub-bad-answer"),
        (json('{"id": 7}'), "hub-bad-answer"),
        (json("{}", 403), "hub-refused"),
    ],
)
def test_no_answer_is_never_the_answer_that_there_is_no_pack(given: Given, code: str) -> None:
    with Loopback(lambda seen: given) as server, asked_at(server.url) as (registry, manager):
        with pytest.raises(SourceError) as raised:
            registry.packs_with("A")
        assert raised.value.code == code
        if code != "hub-bad-answer" or b"7" not in given.body:
            with pytest.raises(SourceError) as raised:
                manager.packs_with("A")
            assert raised.value.code == code


def test_what_is_gone_from_the_registry_or_hides_its_name_is_no_pack() -> None:
    rows = {
        "Banned": '{"id": "a", "status": "NodeStatusBanned"}',
        "Blank": '{"id": "\\u0007", "status": "NodeStatusActive"}',
        "Odd": '{"id": "b", "repository": "javascript:x", "downloads": -1, "latest_version": [], "name": 8}',
    }
    with Loopback(lambda seen: json(rows[seen.target.split("/")[2]])) as server, asked_at(server.url) as (registry, _):
        assert registry.packs_with("Banned") == registry.packs_with("Blank") == ()
        assert registry.packs_with("Odd") == (PackReference(id="b", found_by="registry"),)


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 5000])
def test_a_name_that_would_be_another_address_is_not_asked(name: str) -> None:
    with Loopback(lambda seen: json("{}")) as server, asked_at(server.url) as (registry, _):
        assert registry.packs_with(name) == ()
        assert registry.about(PackReference(id=name)) is None
        assert server.seen == []
