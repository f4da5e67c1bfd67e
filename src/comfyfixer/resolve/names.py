"""File names of models: the extension, and whether a name identifies anything at all."""

import re
from typing import Final

MODEL_EXTENSIONS: Final = (
    ".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl", ".gguf", ".onnx",
)  # fmt: skip

_GENERIC_STEMS: Final = frozenset(
    {
        "ae", "adapter_model", "clip", "config", "control", "controlnet", "decoder", "diffusion_model",
        "diffusion_pytorch_model", "diffusion_pytorch_model.fp16", "encoder", "flow", "image_encoder",
        "ip-adapter", "ip_adapter", "learned_embeds", "lora", "model", "model.fp16", "model_fp16",
        "open_clip_pytorch_model", "optimizer", "pytorch_lora_weights", "pytorch_model", "pytorch_model.fp16",
        "scheduler", "text_encoder", "tokenizer", "unet", "unnamed", "vae", "vocoder", "weights",
    }
)  # fmt: skip


_PRECISION_WORDS: Final = re.compile(
    r"(?<![a-z0-9])(?:fp32|fp16|bf16|fp8|fp4|nf4|int8|int4|nvfp4|mxfp8|e4m3fn|e5m2|scaled|fast|gguf"
    r"|i?q\d(?:_[0-9k])?(?:_[a-z]{1,3})?)(?![a-z0-9])"
)
_SEPARATORS: Final = str.maketrans(". -", "___")
_NO_LETTERS: Final = re.compile(r"[\W_]+")


def split_extension(filename: str) -> tuple[str, str]:
    """Stem and lower-case model extension; a dot that begins no model extension stays in the stem."""
    lowered = filename.lower()
    for extension in MODEL_EXTENSIONS:
        if lowered.endswith(extension):
            return filename[: -len(extension)], extension
    return filename, ""


def is_generic(filename: str) -> bool:
    """True for names that thousands of different files carry: such a name identifies nothing."""
    stem = re.sub(r"-?\d{5}-of-\d{5}$", "", split_extension(filename)[0].lower())
    return stem in _GENERIC_STEMS or len(stem) < 3 or not any(map(str.isalpha, stem))


def without_precision(filename: str) -> str:
    """The name's letters and digits, lower-case, without those that tell precision, quantisation or format."""
    stem = split_extension(filename)[0].lower().translate(_SEPARATORS)
    return letters_of(_PRECISION_WORDS.sub("", stem))


def letters_of(text: str) -> str:
    """Its letters and digits alone."""
    return _NO_LETTERS.sub("", text)
