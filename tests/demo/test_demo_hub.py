"""The hub's ports, its registry and lists, and the hub as a process of its own."""

import http.client
import json
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from comfyfixer.demo.catalogue import CIVITAI_KEY, HUGGINGFACE_KEY, Catalogue, GitHubFile, NodePack, catalogue_from_urls
from comfyfixer.demo.content import Plain, gguf, whole
from comfyfixer.demo.faults import Faults, Hold, server_error
from comfyfixer.demo.hub import Hub
from tests.support.hubs import AGENT, ask, catalogue_of, civitai_model, follow, repo, weights

PACKS = Catalogue(
    packs=(
        NodePack(
            id="comfyui-film-grain",
            name="Film Grain",
            repository="https://github.com/g/film-grain",
            node_types=("FilmGrainLoader", "Grain/Apply |x"),
            archive=Plain(b"PK"),
        ),
    ),
    github=(GitHubFile(path="/o/r/releases/download/v1/up.pth", content=gguf("x")),),
)


def test_connections_are_kept_alive_and_each_role_has_an_origin_of_its_own() -> None:
    with Hub(catalogue_of(civitai_model())) as hub:
        connection = http.client.HTTPConnection(urlsplit(hub.civitai_endpoint).netloc, timeout=10)
        local = set()
        for _ in range(3):
            connection.request("GET", "/api/v1/models", headers=AGENT)
            assert len(connection.getresponse().read()) > 100
            local.add(connection.sock.getsockname())
        connection.close()
        origins = set(msgspec.structs.asdict(hub.endpoints).values())

    assert len(local) == 1
    assert len(origins) == 9


def test_after_the_end_nobody_listens() -> None:
    with Hub(Catalogue()) as hub:
        port = urlsplit(hub.civitai_endpoint).port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port or 0), timeout=5)


def test_leaving_the_hub_ends_idle_connections() -> None:
    with Hub(catalogue_of(civitai_model())) as hub:
        connection = http.client.HTTPConnection(urlsplit(hub.civitai_endpoint).netloc, timeout=10)
        connection.request("GET", "/api/v1/models", headers=AGENT)
        connection.getresponse().read()
        idle = connection.sock
    assert idle.recv(1) == b""
    connection.close()


def test_a_bug_of_the_hub_fails_the_test_that_met_it() -> None:
    hub = Hub(catalogue_of(civitai_model(content=weights(size_bytes=7))))
    with pytest.raises(ValueError, match="can't be made"), hub, pytest.raises(http.client.RemoteDisconnected):
        ask(f"{hub.civitai_endpoint}/api/v1/models/1")


def test_the_environment_leads_every_end_point_here() -> None:
    with Hub(Catalogue()) as hub:
        environment = hub.environment()
        assert hub.keys == {"civitai": (CIVITAI_KEY,), "huggingface": (HUGGINGFACE_KEY,)}

    assert sorted(environment) == [
        f"COMFYFIXER_{role}_ENDPOINT"
        for role in ("CIVITAI", "GITHUB", "HUGGINGFACE", "MANAGER", "MODELSCOPE", "OPENMODELDB", "REGISTRY")
    ]
    assert environment["COMFYFIXER_CIVITAI_ENDPOINT"] == hub.civitai_endpoint


def test_the_registry_knows_packs_by_class_and_by_id() -> None:
    with Hub(PACKS) as hub:
        base = hub.registry_endpoint

        assert ask(f"{base}/comfy-nodes/FilmGrainLoader/node").json["id"] == "comfyui-film-grain"
        assert ask(f"{base}/comfy-nodes/Grain%2FApply%20%7Cx/node").json["id"] == "comfyui-film-grain"
        assert ask(f"{base}/comfy-nodes/KSampler/node").json["message"] == "Node not found"
        assert ask(f"{base}/nodes/ComfyUI-Film-Grain").location == "/nodes/comfyui-film-grain"
        assert ask(f"{base}/nodes?search=nothing&limit=500").json["limit"] == 100
        assert ask(f"{base}/nodes?search=nothing").json["total"] == 1
        assert ask(f"{base}/nodes/search?search=nothing").json["total"] == 0
        install = ask(f"{base}/nodes/comfyui-film-grain/install").json
        assert ask(install["downloadUrl"]).body == b"PK"


def test_the_managers_lists_and_githubs_files_are_there() -> None:
    with Hub(PACKS) as hub:
        packs = ask(f"{hub.endpoints.manager}/extension-node-map.json").json
        rows = ask(f"{hub.endpoints.manager}/custom-node-list.json").json["custom_nodes"]
        release = follow(f"{hub.endpoints.github}/o/r/releases/download/v1/up.pth")

        assert packs["https://github.com/g/film-grain"][0] == ["FilmGrainLoader", "Grain/Apply |x"]
        assert rows[0]["id"] == "comfyui-film-grain"
        assert release.body == whole(gguf("x"))
        assert ask(f"{hub.endpoints.github}/o/r/releases/download/v1/no.pth").status == 404
        assert ask(f"{hub.endpoints.manager}/no.json").status == 404


def test_urls_out_of_workflows_become_stand_ins() -> None:
    base = "https://huggingface.co/Comfy-Org/flux/resolve"
    rows = [
        ("a.safetensors", f"{base}/main/split_files/vae/a.safetensors?download=true", "vae"),
        ("b%20c.gguf", f"{base}/refs/b%20c.gguf", "unet_gguf"),
        ("saved_under_another.safetensors", "https://civitai.com/api/download/models/77?type=Model", "loras"),
        ("elsewhere.pth", "https://example.org/elsewhere.pth", "upscale_models"),
    ]
    catalogue = catalogue_from_urls(rows, size_bytes=8192)

    assert catalogue == catalogue_from_urls(rows, size_bytes=8192)
    assert len(catalogue.huggingface) == 1
    with Hub(catalogue) as hub:
        site = f"{hub.huggingface_endpoint}/Comfy-Org/flux/resolve"
        file = follow(f"{site}/main/split_files/vae/a.safetensors")
        assert len(file.body) == 8192
        assert b"decoder.conv_in.weight" in file.body
        assert follow(f"{site}/refs/b%20c.gguf").body[:4] == b"GGUF"
        version = ask(f"{hub.civitai_endpoint}/api/v1/model-versions/77").json
        assert version["files"][0]["name"] == "saved_under_another.safetensors"
        assert len(follow(f"{hub.civitai_endpoint}/api/download/models/77").body) == 8192


def test_a_catalogue_is_written_and_read_as_json() -> None:
    catalogue = catalogue_of(civitai_model(), repo())

    assert msgspec.json.decode(msgspec.json.encode(catalogue), type=Catalogue) == catalogue


def test_the_hub_serves_as_a_process_of_its_own_until_its_input_ends(tmp_path: Path) -> None:
    (tmp_path / "catalogue.json").write_bytes(msgspec.json.encode(catalogue_of(civitai_model())))
    faults = Faults((Hold(role="storage", after_bytes=0), server_error(role="huggingface", times=None)))
    (tmp_path / "faults.json").write_bytes(msgspec.json.encode(faults))
    command = [sys.executable, "-m", "comfyfixer.demo.hub", "--catalogue", "catalogue.json", "--faults", "faults.json"]

    with subprocess.Popen(command, cwd=tmp_path, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert ask(f"{told['huggingface']}/api/models").status == 502
        signed = ask(f"{told['civitai']}/api/download/models/10").location
        process.stdin.write("open\n")
        process.stdin.flush()
        assert ask(signed).body == whole(weights("civitai 1"))
        process.stdin.write("requests\n")
        process.stdin.flush()
        roles = [row["role"] for row in json.loads(process.stdout.readline())]
        process.stdin.close()
        process.wait(20)

    assert roles == ["huggingface", "civitai", "storage"]
    assert process.returncode == 0
    assert told["environment"]["COMFYFIXER_CIVITAI_ENDPOINT"] == told["civitai"]
