"""What a run would meet: settings with their origins, the installation, keys, hubs, disk and permissions."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from comfyfixer.errors import ComfyFixerError, NotThere, SourceError, UsageError
from comfyfixer.inventory.locate import workflow_folders
from comfyfixer.model.inventory import Installation
from comfyfixer.model.secret import Secret
from comfyfixer.paths import Workdir, printable
from comfyfixer.pipeline.hours import Hours
from comfyfixer.pipeline.installation import find_places, installation_of
from comfyfixer.pipeline.roots import Roots
from comfyfixer.pipeline.session import Session, silent
from comfyfixer.report.words import plural
from comfyfixer.settings import TABLE, Settings

if TYPE_CHECKING:
    from comfyfixer.net.client import Client


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the examination.

    Attributes:
        group: `settings`, `installation`, `disk` or `hubs`.
        ok: False where something has to be mended.
        code: The error's code where it is not; or a warning's.
        origin: Where a setting comes from.
        hint: How to mend it.
    """

    group: str
    name: str
    ok: bool
    detail: str
    origin: str | None = None
    code: str | None = None
    hint: str | None = None


def examine(settings: Settings, *, network: bool) -> Iterator[Check]:
    """Every check, in order; the hubs are only asked with `network`, and not offline."""
    from comfyfixer.net.stored_keys import with_stored_keys

    settings = with_stored_keys(settings)
    yield from _settings(settings)
    yield from _downloader(settings)
    try:
        installation = installation_of(settings)
    except ComfyFixerError as error:
        yield _bad("installation", "ComfyUI", error)
    else:
        yield from _installation(installation, settings)
        yield from _disk(settings)
    yield _writable("disk", "workdir", Path(settings.workdir))
    if network and not settings.offline:
        yield from _hubs(settings)


def _settings(settings: Settings) -> Iterator[Check]:
    file = printable(settings.config_file or f"none ({Workdir(Path(settings.workdir)).config} is not there)")
    yield Check(group="settings", name="config file", ok=True, detail=file)
    for problem in settings.problems:
        yield Check(
            group="settings", name="config file", ok=True, detail=problem.message, code=problem.code,
            hint="Mend its name, or remove it; below are all settings",
        )  # fmt: skip
    for row in TABLE:
        value: object = settings
        for part in row.field.split("."):
            value = getattr(value, part)
        yield Check(
            group="settings",
            name=row.key,
            ok=True,
            detail=_shown(Hours(settings.window) if value and row.field == "window" else value),
            origin=settings.origins.get(row.key, "default"),
        )


def _downloader(settings: Settings) -> Iterator[Check]:
    """The program that fetches, where it is not ours."""
    if settings.downloader == "builtin":
        return
    from comfyfixer.download.program import executable

    try:
        found = executable(settings.downloader)
    except ComfyFixerError as error:
        yield _bad("settings", settings.downloader, error)
    else:
        yield Check(group="settings", name=settings.downloader, ok=True, detail=printable(found))


def _shown(value: object) -> str:
    if isinstance(value, Secret):
        return "set"
    if value in (None, (), {}):
        return "not set"
    if isinstance(value, dict):
        value = tuple(f"{name}: {one}" for name, one in value.items())
    return printable(", ".join(map(str, value)) if isinstance(value, tuple) else str(value))


def _installation(installation: Installation, settings: Settings) -> Iterator[Check]:
    found = f"{printable(installation.base_dir)} ({installation.found_by})"
    yield Check(group="installation", name="ComfyUI", ok=True, detail=found)
    folders = settings.workflow_directories or tuple(str(folder) for folder in workflow_folders(installation))
    for folder in folders:
        there = os.path.isdir(folder)
        hint = None if there else "Check `workflow_directories` in config.json, or `--workflows`"
        code = None if there else "folder-missing"
        detail = printable(folder) if there else f"{printable(folder)} is not there"
        yield Check(group="installation", name="workflows", ok=there, detail=detail, code=code, hint=hint)
    if not folders:
        hint = "Save a workflow in ComfyUI, or name a folder with `--workflows DIR`"
        detail = "no folder with workflows"
        yield Check(group="installation", name="workflows", ok=False, detail=detail, code="folder-missing", hint=hint)


def _disk(settings: Settings) -> Iterator[Check]:
    session = Session(settings, silent, lambda: False)
    places = find_places(session)
    for problem in session.problems:
        yield Check(
            group="disk", name="folders", ok=False, detail=problem.message, code=problem.code, hint=problem.hint
        )
    roots = Roots(places, settings)
    for folder in ("checkpoints", "diffusion_models", "loras"):
        try:
            yield _writable("disk", folder, roots.root(folder))
        except UsageError as error:
            yield _bad("disk", folder, error)
    if settings.store:
        yield _writable("disk", "store", Path(settings.store))


def _writable(group: str, name: str, folder: Path) -> Check:
    """Whether a file could be written there, and how much fits; a folder that is not there yet is made when needed."""
    existing = next((parent for parent in (folder, *folder.parents) if parent.is_dir()), Path("/"))
    shown = printable(folder)
    if not os.access(existing, os.W_OK):
        hint = f"Give yourself the right to write into {printable(existing)}"
        detail = f"{shown} can't be written"
        return Check(group=group, name=name, ok=False, detail=detail, code="target-unwritable", hint=hint)
    free = shutil.disk_usage(existing).free / 1e9
    return Check(group=group, name=name, ok=True, detail=f"{shown}, {free:.1f} GB free")


def _hubs(settings: Settings) -> Iterator[Check]:
    from comfyfixer.net.client import make_client

    with make_client(settings, silent, cache_path=None) as client:
        for name, ask in _questions(settings):
            try:
                yield Check(group="hubs", name=name, ok=True, detail=ask(client))
            except ComfyFixerError as error:
                yield _bad("hubs", name, error)


def _questions(settings: Settings) -> Iterator[tuple[str, "Callable[[Client], str]"]]:
    """Who is asked, by name."""
    ends = settings.endpoints
    yield "Civitai", partial(_with_key, settings, ends.civitai, "api/v1/me", "api/v1/models")
    yield "Hugging Face", partial(_with_key, settings, ends.huggingface, "api/whoami-v2", "api/models")
    yield "Comfy Registry", partial(_registry, settings)
    yield "ComfyUI-Manager's lists", partial(_manager, settings)
    if settings.asks("openmodeldb"):
        yield "OpenModelDB", partial(_further, f"{ends.openmodeldb}/api/v1/models.json", "openmodeldb")
    if settings.asks("modelscope"):
        yield "ModelScope", partial(_further, ends.modelscope, "modelscope")
    if settings.comfyui_url:
        yield "running ComfyUI", partial(_running, settings.comfyui_url)


def _with_key(settings: Settings, endpoint: str, account: str, listing: str, client: "Client") -> str:
    """Whether a hub accepts the key, where it gets one: lists are given to everybody, whatever key comes along.

    Args:
        account: What only a key that is accepted is told.
        listing: What everybody is told.
    """
    from comfyfixer.net.credentials import Credentials
    from comfyfixer.net.url import Url

    url, said = Url.parse(endpoint), "answers, without a key"
    if url is not None and Credentials(settings).variable(url):
        try:
            client.get(f"{endpoint}/{account}")
            return "answers, the key is accepted"
        except NotThere:  # a mirror that knows no accounts
            said = "answers, and does not say whether the key is accepted"
    client.get(f"{endpoint}/{listing}", params=(("limit", "1"),))
    return said


def _registry(settings: Settings, client: "Client") -> str:
    client.get(f"{settings.endpoints.registry}/nodes", params=(("limit", "1"),))
    return "answers"


def _manager(settings: Settings, client: "Client") -> str:
    status = _first_byte(client, f"{settings.endpoints.manager}/extension-node-map.json")
    if status not in (200, 206):
        hint = "Check `endpoints.manager`; ComfyUI-Manager's repository has to be behind it"
        raise SourceError(f"There is no list of node types (HTTP {status})", code="hub-refused", hint=hint)
    return "answers"


def _further(url: str, source: str, client: "Client") -> str:
    """Whether somebody answers there, whatever it is."""
    status = _first_byte(client, url)
    if status >= 500:
        hint = f'Try again later, or switch it off: `sources.disabled: ["{source}"]` in config.json'
        raise SourceError(f"It has a fault of its own (HTTP {status})", code="hub-error", hint=hint)
    return "answers"


def _first_byte(client: "Client", url: str) -> int:
    """The status of an answer of which the rest is not wanted."""
    with client.open(url, headers={"Range": "bytes=0-0"}, origin_trusted=True) as answer:
        return answer.status


def _running(url: str, client: "Client") -> str:
    from comfyfixer.inventory.running import ask_running

    running = ask_running(client, url)
    packs = plural(len(running.pack_types), "node pack")
    version = f"ComfyUI {running.version}" if running.version else "a ComfyUI of unknown version"
    return f"{url} answers: {version} with {len(running.builtin_types)} node types of its own, and {packs}"


def _bad(group: str, name: str, error: ComfyFixerError) -> Check:
    return Check(group=group, name=name, ok=False, detail=error.message, code=error.code, hint=error.hint)
