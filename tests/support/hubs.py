"""What tests need around the embedded hub: plain requests without redirects, and small catalogues."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from comfyfixer.demo.catalogue import (
    Catalogue,
    CivitaiFile,
    CivitaiModel,
    CivitaiVersion,
    HuggingFaceRepo,
    RepoFile,
)
from comfyfixer.demo.content import Content, Plain, Weights

AGENT = {"User-Agent": "hub-test/1"}


class Reply(msgspec.Struct, frozen=True):
    """One answer, its redirect not followed."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        return self.headers["location"]


def ask(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    key: str | None = None,
    body: bytes = b"",
) -> Reply:
    """Ask one URL over a connection of its own; the body is read whole."""
    parts = urlsplit(url)
    sent = {**AGENT, **(headers or {}), **({"Authorization": f"Bearer {key}"} if key else {})}
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, body=body or None, headers=sent)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read())
    finally:
        connection.close()


def follow(url: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Ask, and go where redirects lead, without a key."""
    for _ in range(5):
        reply = ask(url, headers=headers)
        if reply.status not in (301, 302, 307):
            return reply
        base = f"http://{urlsplit(url).netloc}"
        url = reply.location if reply.location.startswith("http") else base + reply.location
    raise AssertionError(f"{url} redirects without end")


def weights(seed: str = "one", size_bytes: int = 16_384, kind: str = "lora") -> Weights:
    """A tiny safetensors file."""
    return Weights(kind=kind, seed=seed, size_bytes=size_bytes)


def civitai_model(number: int = 1, **changes: Any) -> CivitaiModel:
    """A model with one version (`number * 10`) and one file (`number * 100`).

    `content` and `file_name` go to the file, `access` and `version_name` to the version, the rest to the model.
    """
    content: Content = changes.pop("content", None) or weights(f"civitai {number}")
    file_name = changes.pop("file_name", f"file_{number}.safetensors")
    access = changes.pop("access", "open")
    version_name = changes.pop("version_name", "v1.0")
    storage = changes.pop("storage", "r2")
    file = CivitaiFile(id=number * 100, name=file_name, content=content, primary=True, storage=storage)
    version = CivitaiVersion(id=number * 10, name=version_name, files=(file,), access=access)
    known = {"id": number, "name": f"Model {number}", "type": "LORA", "versions": (version,)}
    return CivitaiModel(**{**known, **changes})


def repo(name: str = "owner/repo", files: Mapping[str, Content] | None = None, **changes: Any) -> HuggingFaceRepo:
    """A repository with a README of the files' names and, unless told, one LoRA `a/lora.safetensors`."""
    large = files if files is not None else {"a/lora.safetensors": weights(name)}
    readme = Plain(("# Card\n" + "\n".join(path.rpartition("/")[2] for path in large)).encode())
    rows = [RepoFile(path="README.md", content=readme, lfs=False)]
    rows += [RepoFile(path=path, content=content) for path, content in large.items()]
    return HuggingFaceRepo(id=name, files=tuple(rows), **changes)


def catalogue_of(*things: CivitaiModel | HuggingFaceRepo) -> Catalogue:
    """A catalogue of these models and repositories."""
    return Catalogue(
        civitai=tuple(thing for thing in things if isinstance(thing, CivitaiModel)),
        huggingface=tuple(thing for thing in things if isinstance(thing, HuggingFaceRepo)),
    )
