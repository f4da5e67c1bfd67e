"""Bytes to the raw workflow in them, or the plain "no": cheap for the many JSON files that are none."""

import re
from typing import Any, Final

import msgspec

from comfyfixer.errors import WorkflowError
from comfyfixer.scan.api import is_prompt
from comfyfixer.scan.loose import CUT_OFF, tolerant
from comfyfixer.scan.raw import RawWorkflow, forgiving

MAX_BYTES: Final = 100 * 1024 * 1024
"""ComfyUI's server takes no larger upload by default (`--max-upload-size`), so it can have saved no larger workflow."""

MAX_PARTS: Final = 5_000_000
"""Commas, lists and objects in one text: each costs memory once it is decoded, however short it is."""

_UI: Final = msgspec.json.Decoder(RawWorkflow)
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)
_OBJECTS: Final = re.compile(rb"\[\s{0,62}\{")
"""How links that are objects begin."""

_STRINGS: Final = rb'"(?:[^"\\]|\\.)*+(?:"|\Z)'
_COMMENTS: Final = re.compile(_STRINGS + rb"|//[^\n]*+|/\*.*?(?:\*/|\Z)|,(?=\s*[}\]])", re.DOTALL)
"""What is never closed reaches to the end, so that no text is looked through twice."""

_BOMS: Final = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_MAX_WRAPPING: Final = 6
_MAX_WRAPPED: Final = 5_000
_UNREADABLE: Final = "Open it in ComfyUI and save it again, or remove it from the workflows folder"

Prompt = dict[str, Any]


def recognise(data: bytes) -> RawWorkflow | Prompt | None:
    """The UI workflow or API prompt that a JSON file holds; None where it is valid JSON of another kind.

    Raises:
        WorkflowError: It is no JSON, or looks like a workflow and can't be read.
    """
    if len(data) > MAX_BYTES:
        _refuse_huge_workflow(data, f"{MAX_BYTES} bytes")
        return None
    text = _utf8(data)
    if not text or text.isspace():
        raise WorkflowError("The file is empty", code="workflow-empty", hint=_UNREADABLE)
    if len(text) > MAX_PARTS and text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_PARTS:
        _refuse_huge_workflow(text, f"{MAX_PARTS} values")
        return None
    try:
        return _recognise(text)
    except RecursionError:
        raise WorkflowError("The file is nested too deeply", code="workflow-too-deep", hint=_UNREADABLE) from None
    except UnicodeDecodeError:
        raise not_utf8() from None
    except msgspec.DecodeError as error:
        why = f"is no valid JSON: {str(error)[:120]}" if str(error) != CUT_OFF else "ends too early (it was cut off)"
        raise WorkflowError(f"The file {why}", code="workflow-invalid-json", hint=_UNREADABLE) from None


def not_utf8() -> WorkflowError:
    """The error for a workflow in another encoding."""
    return WorkflowError("The file is no UTF-8 text", code="workflow-encoding", hint=_UNREADABLE)


def _names_nodes(text: bytes) -> bool:
    """Whether a workflow or prompt can be anywhere in the text; asked only of what is no plain UI workflow."""
    return b'"nodes' in text or b"class_type" in text or b'\\"nodes' in text


def _refuse_huge_workflow(data: bytes, bound: str) -> None:
    """A file above all sizes, of which only the beginning may be here: a workflow is told, anything else is not.

    Raises:
        WorkflowError: It has what only workflows have.
    """
    text = data.replace(b"\0", b"") if data.startswith(tuple(mark for mark, _ in _BOMS)) else data
    if b'class_type"' in text or b"widgets_values" in text:
        raise WorkflowError(
            f"The file has more than {bound}; ComfyUI itself saves no such workflow",
            code="workflow-too-large",
            hint=_UNREADABLE,
        )


def _utf8(data: bytes) -> bytes:
    if data.startswith(b"{"):
        return data
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:]
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(encoding).encode()
            except UnicodeError:
                raise not_utf8() from None
    return data


def _check_json(text: bytes) -> None:
    """Valid JSON, also with the comments of configuration files, is passed over; anything else is an error."""
    try:
        _ANY.decode(text)
    except msgspec.DecodeError:
        tolerant(_plain(_plain(text)))  # a comma is known to be the last one when the comments behind it are gone


def _plain(text: bytes) -> bytes:
    return _COMMENTS.sub(lambda found: found[0] if found[0][:1] == b'"' else b"", text)


def _recognise(text: bytes) -> RawWorkflow | Prompt | None:
    first = text[:64].lstrip()[:1]
    if first != b"{":
        if first != b"[" or text[-64:].rstrip()[-1:] != b"]":  # a whole list is no workflow, whatever is in it
            _check_json(text)
        return None
    try:
        return _read(text)
    except msgspec.DecodeError as error:
        if str(error) == CUT_OFF:
            raise
        if _names_nodes(text):
            return _from_loose(tolerant(text))
        _check_json(text)
        return None


def _read(text: bytes) -> RawWorkflow | Prompt | None:
    try:
        workflow = _UI.decode(text)
    except msgspec.ValidationError:
        workflow = RawWorkflow()
    if workflow.nodes is not None:
        return workflow if _is_ui(workflow, text) else None
    return _from_loose(msgspec.json.decode(text)) if _names_nodes(text) else None


def _is_ui(workflow: RawWorkflow, text: bytes) -> bool:
    """Whether an object with `nodes` is ComfyUI's: other node editors have edges, connections, or foreign types."""
    if not workflow.links and b'"last_node_id"' not in text:
        return False
    if _OBJECTS.match(workflow.links) and b'"origin_id"' not in bytes(workflow.links):
        return False
    nodes = workflow.nodes or []
    if not nodes:
        return True
    for node in nodes:  # mostly the first tells: no `any`, which starts a generator
        if _is_comfyui_type(node.type):
            return True
    return b"Node name for S&R" in text and any(type(node.type) is str for node in nodes)


def _is_comfyui_type(node_type: Any) -> bool:
    """LiteGraph's own types are `category/name`, in lower case."""
    if type(node_type) is not str:
        return False
    return "/" not in node_type or not node_type.islower() or node_type.startswith("workflow/")


def _from_loose(value: Any) -> RawWorkflow | Prompt | None:
    if not isinstance(value, dict) or isinstance(value.get("templates"), list):
        return None
    found = [_as_workflow(part) for part in _candidates(value)]
    workflows = [part for part in found if isinstance(part, RawWorkflow)]
    prompts = [part for part in found if isinstance(part, dict)]
    if workflows:
        return max(workflows, key=lambda workflow: len(workflow.nodes or ()))
    return max(prompts, key=len, default=None)


def _as_workflow(value: Any) -> RawWorkflow | Prompt | None:
    if is_prompt(value):
        return dict(value)
    if isinstance(value.get("nodes"), list):
        text = msgspec.json.encode(value)
        workflow = forgiving(value, RawWorkflow)
        lost = value["nodes"] and not workflow.nodes
        return workflow if workflow.nodes is not None and not lost and _is_ui(workflow, text) else None
    return None


def _candidates(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The object itself and those inside it that may be a workflow, also as JSON in a text."""
    found: list[dict[str, Any]] = []
    level: list[Any] = [value]
    for _ in range(_MAX_WRAPPING):
        inside: list[Any] = []
        for part in map(_unpacked, level[:_MAX_WRAPPED]):
            if isinstance(part, dict) and (is_prompt(part) or isinstance(part.get("nodes"), list)):
                found.append(part)
            elif isinstance(part, dict | list):
                inside += part.values() if isinstance(part, dict) else part
        level = inside
    return found


def _unpacked(value: Any) -> Any:
    if isinstance(value, str) and value[:1] == "{" and ("class_type" in value or '"nodes"' in value):
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    return value
