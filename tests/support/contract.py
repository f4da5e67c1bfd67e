"""The fields that people, agents and outside checks rely on: `output/`, `status.json`, the log, the envelope."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

Fields = Mapping[str, Any]
"""Name to None for any value, to fields for an object, to a list of one element for a list of objects."""

EVIDENCE: Final = {"kind": None, "detail": None}
ERROR: Final = {"code": None, "message": None, "hint": None}
FILES: Final[dict[str, Fields]] = {
    "missing_models.json": {
        **dict.fromkeys(("filename", "value", "folder", "expected_type", "workflow", "workflows", "node_type")),
        **dict.fromkeys(("node_id", "urls", "hashes")),
        "references": [dict.fromkeys(("path", "node_id", "node_type", "input", "active"))],
        "local_matches": [dict.fromkeys(("path", "why"))],
    },
    "missing_nodes.json": {
        **dict.fromkeys(("node_type", "workflows", "alternatives")),
        "pack": dict.fromkeys(("id", "title", "repository", "version", "found_by")),
    },
    "resolutions.json": {
        **dict.fromkeys(("filename", "folder", "expected_type", "source", "decision", "confidence", "download_url")),
        **dict.fromkeys(("size_bytes", "sha256", "model_id", "model_name", "version_id", "version_name", "file_id")),
        **dict.fromkeys(("repo_id", "revision", "repo_path", "candidates")),
        "evidence": [EVIDENCE],
    },
    "downloads.json": {
        **dict.fromkeys(("filename", "source", "success", "path", "size_bytes", "sha256", "verified", "seconds")),
        "error": ERROR,
    },
}
STATUS: Final[Fields] = {
    **dict.fromkeys(("schema_version", "timestamp", "phase", "run_id", "pid", "command", "started", "updated")),
    "exit_code": None,
    "progress": dict.fromkeys(("current", "total", "percent")),
    "data": dict.fromkeys(
        (
            *("workflows_scanned", "missing_models", "missing_nodes", "civitai_matches", "huggingface_matches"),
            *("downloads_successful", "downloads_failed", "current_download"),
        )
    ),
    "errors": [ERROR],
    "downloads": [dict.fromkeys(("filename", "bytes_done", "bytes_total", "bytes_per_second", "eta_seconds"))],
}
EVENT: Final[Fields] = dict.fromkeys(("timestamp", "run_id", "action", "details"))
ENVELOPE: Final[Fields] = {**dict.fromkeys(("schema_version", "command", "ok", "exit_code", "data")), "errors": [ERROR]}

_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def lacking(value: Any, fields: Fields, at: str = "") -> list[str]:
    """The promised fields that are not there; null in place of an object or an empty list is complete."""
    found = [] if isinstance(value, dict) else [f"{at}: {type(value).__name__} instead of an object"]
    for name, inner in fields.items() if isinstance(value, dict) else ():
        place = f"{at}.{name}"
        if name not in value:
            found.append(place)
        elif isinstance(inner, list):
            found += [problem for item in value[name] for problem in lacking(item, inner[0], f"{place}[]")]
        elif inner is not None and value[name] is not None:
            found += lacking(value[name], inner, place)
    return found


def violations(value: Any, schema: Any, whole: Any = None, at: str = "$") -> list[str]:
    """Where a value is not as a JSON Schema says: the keywords that our schemas use, and a failure on any other."""
    whole = whole or schema
    known = {"$ref", "$defs", "anyOf", "allOf", "type", "enum", "const", "properties", "required", "items", "title"}
    known |= {"description", "default", "additionalProperties", "minimum", "maximum", "discriminator", "prefixItems"}
    assert not set(schema) - known, set(schema) - known
    if "$ref" in schema:
        return violations(value, _target(whole, schema["$ref"]), whole, at)
    if "anyOf" in schema:
        tried = [violations(value, choice, whole, at) for choice in schema["anyOf"]]
        return [] if [] in tried else [f"{at}: fits none of {len(tried)}", *tried[0]]
    return [*_wrong_type(value, schema, at), *_inside(value, schema, whole, at)]


def _target(whole: Any, reference: str) -> Any:
    node = whole
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def _wrong_type(value: Any, schema: Any, at: str) -> Iterable[str]:
    kind = schema.get("type")
    if kind is not None and not _TYPES[kind](value):
        yield f"{at}: {value!r} is no {kind}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not one of {schema['enum']}"


def _inside(value: Any, schema: Any, whole: Any, at: str) -> Iterable[str]:
    if isinstance(value, dict):
        yield from (f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        others = schema.get("additionalProperties", True)
        for name, inner in value.items():
            part = schema.get("properties", {}).get(name, others)
            if isinstance(part, dict):
                yield from violations(inner, part, whole, f"{at}.{name}")
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, inner in enumerate(value):
            yield from violations(inner, schema["items"], whole, f"{at}[{index}]")
