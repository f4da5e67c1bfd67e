"""What a widget's value can be: a model file's name, no file at all, or something else."""

from typing import Any, Final

MODEL_EXTENSIONS: Final = (
    ".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".ggml", ".onnx", ".pkl", ".engine",
    ".trt", ".plan", ".torchscript", ".patch", ".h5", ".msgpack",
)  # fmt: skip
"""Of ComfyUI itself, and those that popular packs list from models folders."""

NO_FILE: Final = frozenset(
    {
        "", "none", "[none]", "(none)", "<none>", "null", "undefined", "off", "disabled", "disable", "default",
        "auto", "automatic", "baked vae", "baked_vae", "baked", "baked-in", "use same", "(use same)", "same",
        "unset", "-", "--", "---", "...", "no model", "no models found", "not found", "n/a", "empty", "select",
        "use default", "use checkpoint", "same as checkpoint", "built-in", "builtin", "internal", "random", "false",
        "true", "choose", "choose a model", "pixel_space",
    }
)  # fmt: skip
"""Lower-case entries that loaders list beside the files, and which stand for no file."""

_MAX_NAME: Final = 400


def names_model_file(value: Any) -> bool:
    """Whether a value is, by its form, the name of a model file: one line, a model's extension, no URL, no prompt."""
    return (
        type(value) is str
        and value[-12:].rstrip().lower().endswith(MODEL_EXTENSIONS)
        and len(value) <= _MAX_NAME
        and "\n" not in value
        and "://" not in value
        and "embedding:" not in value
        and not value.startswith(".")
        and not value.startswith(("%", "{{", "${"))
    )


def stands_for_no_file(value: str) -> bool:
    """Whether an entry of a loader's list means that nothing is loaded."""
    return len(value) <= 24 and (value.strip().lower() in NO_FILE or value.strip().lower().startswith(".none"))


def placeholder(value: str) -> bool:
    """Whether a template's own variable still stands where the name belongs."""
    return value.startswith(("%", "{{", "${", "<", "__")) and value.endswith(("%", "}}", "}", ">", "__"))
