"""What a run was told, each value with where it came from: flag > environment > `config.json` > default."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from comfyfixer import setting_values as values
from comfyfixer.config_file import Unset, expanded, read_config, unknown_keys
from comfyfixer.errors import UsageError
from comfyfixer.hf_login import login
from comfyfixer.model.problem import Problem
from comfyfixer.model.secret import Secret

OPT_IN: Final = frozenset({"modelscope"})
"""Sources that are asked only when `sources.enabled` names them."""


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hubs are asked; no trailing slash."""

    civitai: str = "https://civitai.com"
    huggingface: str = "https://huggingface.co"
    registry: str = "https://api.comfy.org"
    manager: str = "https://raw.githubusercontent.com/Comfy-Org/ComfyUI-Manager/main"
    github: str = "https://github.com"
    openmodeldb: str = "https://openmodeldb.info"
    modelscope: str = "https://modelscope.cn"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run was told.

    Attributes:
        workdir: Absolute folder of `config.json`, `status.json`, `log/`, `output/`.
        comfyui_root: As configured; None means "find it".
        workflow_directories: As configured; empty means the installation's own.
        comfyui_url: Address of a running ComfyUI that may be asked what it has; None: none is asked.
        fuzzy_threshold: 0 to 1: names less alike are not even shown as candidates. Never a licence to fetch.
        allowed_hosts: Further hosts that files may come from when a workflow names them.
        sources_disabled: Names of sources that are not asked.
        sources_enabled: Names of sources that are asked only when they are named here.
        offline: Nothing is asked of anybody: indexes that are here and kept answers, whatever their age, have to do.
        refresh: Kept answers are asked for anew, whatever their age.
        use_keyring: A key that nothing else names is looked for in the system's keyring (`net/stored_keys.py`).
        allow_pickle: File names that may be placed although loading them could run code.
        downloader: Which program fetches: one of `DOWNLOADERS`.
        sidecars: Write what other tools read beside each placed file.
        connections: To one file at once at most; further ones help where one is slow, as long as they pay.
        connections_per_host: To one host at once at most, all files together.
        max_requests: So many questions to hubs in one step of a run, files not counted.
        max_minutes: Questions are sent so long in one step of a run; None: as long as it takes.
        limit_rate: Bytes a second of all transfers together; None: as fast as they come.
        window: Minutes of the day between which files are fetched, may reach over midnight; None: at any time.
        ignore_window: Fetch now all the same.
        folders: ComfyUI's folder name to the root of it that takes new files.
        to: Folder below which all new files go, in roots that ComfyUI searches; None: as ComfyUI chooses.
        store: Folder of a content-addressed store that machines share; None: each file is in its place alone.
        origins: For each setting by its dotted name: `flag`, `environment NAME`, `config.json` or `default`.
        problems: What the configuration file says that is no setting; nothing stops because of it.
    """

    workdir: str
    config_file: str | None = None
    comfyui_root: str | None = None
    workflow_directories: tuple[str, ...] = ()
    comfyui_url: str | None = None
    civitai_key: Secret | None = None
    huggingface_key: Secret | None = None
    endpoints: Endpoints = Endpoints()
    max_concurrent: int = 3
    timeout_seconds: float = 60.0
    verify_hashes: bool = True
    fuzzy_threshold: float = 0.6
    max_results: int = 5
    cache_max_age_hours: float = 24.0
    max_requests: int = 10_000
    max_minutes: float | None = None
    allowed_hosts: tuple[str, ...] = ()
    sources_disabled: tuple[str, ...] = ()
    sources_enabled: tuple[str, ...] = ()
    offline: bool = False
    refresh: bool = False
    use_keyring: bool = True
    allow_pickle: tuple[str, ...] = ()
    downloader: str = "builtin"
    sidecars: bool = False
    store: str | None = None
    connections: int = 4
    connections_per_host: int = 8
    limit_rate: int | None = None
    window: tuple[int, int] | None = None
    ignore_window: bool = False
    folders: dict[str, str] = {}
    to: str | None = None
    origins: dict[str, str] = {}
    problems: tuple[Problem, ...] = ()

    def asks(self, source: str) -> bool:
        """Whether a source is asked.

        Some are asked only when they are enabled by name. Where both large hubs are moved, to mirrors or into a closed
        network, a further place is asked only when it is moved or enabled too.
        """
        if source in self.sources_disabled or source in self.sources_enabled:
            return source not in self.sources_disabled
        usual, ours = Endpoints(), self.endpoints
        closed = ours.civitai != usual.civitai and ours.huggingface != usual.huggingface
        stays = closed and getattr(ours, source, None) == getattr(usual, source, "")
        return source not in OPT_IN and not stays


class _Setting(msgspec.Struct, frozen=True):
    """One row of the table below.

    Attributes:
        key: Dotted name in `config.json`.
        field: Field of `Settings`, or of `Endpoints` after `endpoints.`.
        environment: Variables, first one set wins.
        parse: Foreign value to ours; raises `ValueError` with what is wrong.
    """

    key: str
    field: str
    parse: Callable[[Any], Any]
    environment: tuple[str, ...] = ()


TABLE: Final = (
    _Setting("comfyui_root", "comfyui_root", values.path, ("COMFYUI_PATH",)),
    _Setting("workflow_directories", "workflow_directories", values.paths),
    _Setting("comfyui_url", "comfyui_url", values.endpoint, ("COMFYFIXER_COMFYUI_URL",)),
    _Setting("api_keys.civitai", "civitai_key", values.secret, ("CIVITAI_API_KEY",)),
    _Setting("api_keys.huggingface", "huggingface_key", values.secret, ("HF_TOKEN",)),
    _Setting("api_keys.keyring", "use_keyring", values.switch_or_word, ("COMFYFIXER_KEYRING",)),
    _Setting("endpoints.civitai", "endpoints.civitai", values.endpoint, ("COMFYFIXER_CIVITAI_ENDPOINT",)),
    _Setting(
        "endpoints.huggingface",
        "endpoints.huggingface",
        values.endpoint,
        ("COMFYFIXER_HUGGINGFACE_ENDPOINT", "HF_ENDPOINT"),
    ),
    _Setting("endpoints.registry", "endpoints.registry", values.endpoint, ("COMFYFIXER_REGISTRY_ENDPOINT",)),
    _Setting("endpoints.manager", "endpoints.manager", values.endpoint, ("COMFYFIXER_MANAGER_ENDPOINT",)),
    _Setting("endpoints.github", "endpoints.github", values.endpoint, ("COMFYFIXER_GITHUB_ENDPOINT",)),
    _Setting("endpoints.openmodeldb", "endpoints.openmodeldb", values.endpoint, ("COMFYFIXER_OPENMODELDB_ENDPOINT",)),
    _Setting("endpoints.modelscope", "endpoints.modelscope", values.endpoint, ("COMFYFIXER_MODELSCOPE_ENDPOINT",)),
    _Setting("download.max_concurrent", "max_concurrent", values.count(1, 16)),
    _Setting("download.timeout_seconds", "timeout_seconds", values.number(1, 3600)),
    _Setting("download.verify_hashes", "verify_hashes", values.switch),
    _Setting("download.allowed_hosts", "allowed_hosts", values.texts),
    _Setting("download.allow_pickle", "allow_pickle", values.texts),
    _Setting("download.downloader", "downloader", values.downloader, ("COMFYFIXER_DOWNLOADER",)),
    _Setting("download.sidecars", "sidecars", values.switch),
    _Setting("download.store", "store", values.path, ("COMFYFIXER_STORE",)),
    _Setting("download.connections", "connections", values.count(1, 16)),
    _Setting("download.connections_per_host", "connections_per_host", values.count(1, 32)),
    _Setting("download.limit_rate", "limit_rate", values.rate, ("COMFYFIXER_LIMIT_RATE",)),
    _Setting("download.window", "window", values.hours),
    _Setting("download.ignore_window", "ignore_window", values.switch),
    _Setting("download.folders", "folders", values.folders),
    _Setting("download.to", "to", values.path),
    _Setting("search.fuzzy_threshold", "fuzzy_threshold", values.share),
    _Setting("search.max_results", "max_results", values.count(1, 100)),
    _Setting("search.cache_max_age_hours", "cache_max_age_hours", values.number(0, 24 * 365)),
    _Setting("search.max_requests", "max_requests", values.count(1, 1_000_000)),
    _Setting("search.max_minutes", "max_minutes", values.number(0, 24 * 60)),
    _Setting("sources.disabled", "sources_disabled", values.texts),
    _Setting("sources.enabled", "sources_enabled", values.texts),
    _Setting("offline", "offline", values.switch_or_word, ("COMFYFIXER_OFFLINE",)),
    _Setting("refresh", "refresh", values.switch_or_word, ("COMFYFIXER_REFRESH",)),
)

_DOCTOR: Final = "`comfyfixer doctor` shows all settings"


def load(flags: Mapping[str, Any], environ: Mapping[str, str], workdir: Path, config: Path | None = None) -> Settings:
    """Put the settings together.

    Args:
        flags: Dotted name to value, only what was given on the command line.
        environ: The process's environment.
        workdir: Folder of `config.json`; made absolute.
        config: File named on the command line: must exist.

    Raises:
        UsageError: `config-unreadable` or `config-invalid`.
    """
    workdir = Path(os.path.abspath(workdir))
    file = config or workdir / "config.json"
    document = read_config(file, must_exist=config is not None)
    fields: dict[str, Any] = {}
    endpoints: dict[str, str] = {}
    origins: dict[str, str] = {}
    for setting in TABLE:
        value, origin = _lookup(setting, flags, environ, document or {}, file.name)
        origins[setting.key] = origin
        if value is None:
            continue
        place, name = (
            (endpoints, setting.field[10:]) if setting.field.startswith("endpoints.") else (fields, setting.field)
        )
        place[name] = _parsed(setting, value, origin)
    if "huggingface_key" not in fields:
        fields["huggingface_key"], origins["api_keys.huggingface"] = login(environ, origins["api_keys.huggingface"])
    if fields.get("offline") and fields.get("refresh"):
        hint = "Refresh with a network, or work offline with what is kept"
        raise UsageError("`offline` and `refresh` are both on", code="config-invalid", hint=hint)
    return Settings(
        workdir=str(workdir),
        config_file=str(file) if document is not None else None,
        endpoints=Endpoints(**endpoints),
        origins=origins,
        problems=tuple(_unknown(document or {}, file)),
        **fields,
    )


def _unknown(document: Mapping[str, Any], file: Path) -> Iterator[Problem]:
    for key, meant in unknown_keys(document, [setting.key for setting in TABLE]):
        told = f" (did you mean `{meant}`?)" if meant else ""
        name = file.name.encode("utf-8", "backslashreplace").decode()
        message = f"`{key}` in {name} is no setting{told}"
        yield Problem(code="config-unknown", message=message, hint=_DOCTOR, where=name)


def _lookup(
    setting: _Setting, flags: Mapping[str, Any], environ: Mapping[str, str], document: Mapping[str, Any], file_name: str
) -> tuple[Any, str]:
    """The strongest value of one setting and its origin; (None, "default") where nothing was said."""
    if setting.key in flags:
        return flags[setting.key], "flag"
    for name in setting.environment:
        if environ.get(name):
            return environ[name], f"environment {name}"
    value: Any = document
    for part in setting.key.split("."):
        if not isinstance(value, dict):
            group = setting.key.partition(".")[0]
            raise UsageError(f"`{group}` ({file_name}) must be an object", code="config-invalid", hint=_DOCTOR)
        value = value.get(part, None if setting.key.endswith(part) else {})
    if value is None:
        return None, "default"
    try:
        return expanded(value, environ), file_name
    except Unset as unset:
        return None, f"default ({file_name} names ${{{unset}}}, which is not set)"


def _parsed(setting: _Setting, value: Any, origin: str) -> Any:
    try:
        return setting.parse(value)
    except ValueError as error:
        raise UsageError(f"`{setting.key}` ({origin}) {error}", code="config-invalid", hint=_DOCTOR) from error
