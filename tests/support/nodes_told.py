"""What a ComfyUI says about its nodes (`/object_info`), asked about prompts in the API form."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_DYNAMIC: Final = "COMFY_DYNAMICCOMBO_V3"
_UPLOADS: Final = ("image_upload", "video_upload", "audio_upload", "file_upload", "upload_to")
_SUMMARY: Final = "prompt_outputs_failed_validation"
MODEL_FILE: Final = "model file:"
Input = tuple[Any, Mapping[str, Any]]
"""Its type or choices, and the rest that is said of it."""


class NodesTold:
    """All nodes of one server.

    Args:
        mark: File names that begin like this lie in the models folders and nowhere else.
    """

    def __init__(self, object_info: Mapping[str, Any], mark: str) -> None:
        self._nodes = object_info
        self._mark = mark

    def knows(self, node_type: str) -> bool:
        """Whether it has nodes of this type."""
        return node_type in self._nodes

    def knows_all(self, prompt: Mapping[str, Any]) -> bool:
        """Whether it has nodes of all types of a prompt."""
        return all(self.knows(node.get("class_type", "")) for node in prompt.values())

    def choices_anywhere(self, node_type: str, name: str) -> list[Any] | None:
        """All that an input may be, whatever is chosen in others; None for one that is not known or lists nothing."""
        groups = self._nodes[node_type]["input"] if node_type in self._nodes else {}
        found = [choices for field, told in _all(groups, "") if field == name and (choices := _choices(told))]
        return [choice for choices in found for choice in choices] or None

    def model_inputs(self, prompt: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, list[Any]]]:
        """Node id, node type, input, value and choices of each input that lists a models folder."""
        for node_id, node_type, name, told, value in self._given(prompt):
            choices = _choices(told) or []
            if any(isinstance(choice, str) and choice.startswith(self._mark) for choice in choices):
                yield node_id, node_type, name, value, choices

    def uploads(self, prompt: Mapping[str, Any]) -> Iterator[str]:
        """Names of the author's own files."""
        for _, _, _, told, value in self._given(prompt):
            if any(told[1].get(flag) for flag in _UPLOADS):
                yield value

    def reasons(self, prompt: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
        """Why a prompt was refused, in whole or in part; what is about a model file begins with `MODEL_FILE`."""
        models = {(node_id, name): value for node_id, _, name, value, _ in self.model_inputs(prompt)}
        error = answer.get("error")
        if error and error["type"] != _SUMMARY:
            yield error["type"]
        for node_id, node in answer.get("node_errors", {}).items():
            for one in node["errors"]:
                name = one["extra_info"].get("input_name")
                field = f"{node['class_type']}.{name}"
                file = models.get((node_id, name))
                yield f"{one['type']}: {field}" if file is None else f"{MODEL_FILE} {field}: {file}"

    def _given(self, prompt: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Input, str]]:
        """Each text that a prompt gives to an input that is known: node id, node type, name, what is told, text."""
        for node_id, node in prompt.items():
            node_type = node.get("class_type")
            groups = self._nodes[node_type]["input"] if node_type in self._nodes else {}
            for name, told in _live(groups, "", node["inputs"]):
                value = node["inputs"].get(name)
                if isinstance(value, str):
                    yield node_id, node_type, name, told, value


def _own(groups: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Input]]:
    for group in ("required", "optional"):
        for name, told in groups.get(group, {}).items():
            yield prefix + name, (told[0], told[1] if len(told) > 1 else {})


def _all(groups: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Input]]:
    """Every input, also those that only one choice of another brings."""
    for name, told in _own(groups, prefix):
        yield name, told
        for option in told[1].get("options", ()) if told[0] == _DYNAMIC else ():
            yield from _all(option["inputs"], f"{name}.")


def _live(groups: Mapping[str, Any], prefix: str, given: Mapping[str, Any]) -> Iterator[tuple[str, Input]]:
    """The inputs that there are with these values."""
    for name, told in _own(groups, prefix):
        yield name, told
        for option in told[1].get("options", ()) if told[0] == _DYNAMIC else ():
            if option["key"] == given.get(name):
                yield from _live(option["inputs"], f"{name}.", given)


def _choices(told: Input) -> list[Any] | None:
    kind, more = told
    if isinstance(kind, list):
        return kind
    return list(more.get("options", ())) if kind == "COMBO" else None
