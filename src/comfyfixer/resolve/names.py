"""File names of models: their words, what those words say, and how alike two names are."""

import re
from functools import lru_cache
from typing import Final

import msgspec

MODEL_EXTENSIONS: Final = (
    ".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl", ".gguf", ".onnx",
)  # fmt: skip
PICKLE_EXTENSIONS: Final = (".ckpt", ".pt", ".pth", ".bin", ".pkl")

_GENERIC_STEMS: Final = frozenset(
    {
        "ae", "adapter_model", "clip", "config", "control", "controlnet", "decoder", "diffusion_model",
        "diffusion_pytorch_model", "diffusion_pytorch_model.fp16", "encoder", "flow", "image_encoder",
        "ip-adapter", "ip_adapter", "learned_embeds", "lora", "model", "model.fp16", "model_fp16",
        "open_clip_pytorch_model", "optimizer", "pytorch_lora_weights", "pytorch_model", "pytorch_model.fp16",
        "scheduler", "text_encoder", "tokenizer", "unet", "unnamed", "vae", "vocoder", "weights",
    }
)  # fmt: skip
_SHARD: Final = re.compile(r"-?\d{5}-of-\d{5}$")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+(?:\.\d+)*|[^\W\d_a-zA-Z]+")
_PRECISION: Final = re.compile(
    r"(?<![a-z0-9])(fp32|fp16|bf16|fp8|fp4|nf4|int8|int4|nvfp4|mxfp8|q\d(?:_[0-9k])?(?:_[a-z]{1,2})?|iq\d_[a-z]{1,3})"
    r"(?![a-z0-9])"
)
_VERSION: Final = re.compile(
    r"(?<![a-z0-9])v(?:er(?:sion)?)?[ ._-]?(\d+(?:[._]\d+)*)(?!\d*b(?![a-z]))|(?<![\d.])(\d+\.\d+)(?![\d.])"
)
_VARIANTS: Final = ("inpaint", "refiner", "pruned", "emaonly", "turbo", "lightning", "hyper", "lcm",
                    "distilled", "scaled", "high_noise", "low_noise", "i2v", "t2v", "edit", "schnell")  # fmt: skip


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a name says about the file beside its name proper.

    Attributes:
        precision: `fp16`, `q4_k_m`, ... or None.
        version: `2.1` for `v2.1` and `v2_1`, or None.
        variants: `inpainting`, `turbo`, ... that change what the model does.
        extension: Lower-case with dot, empty where the name has no model extension.
    """

    precision: str | None
    version: str | None
    variants: frozenset[str]
    extension: str


def split_extension(filename: str) -> tuple[str, str]:
    """Stem and lower-case model extension; a dot that begins no model extension stays in the stem."""
    lowered = filename.lower()
    for extension in MODEL_EXTENSIONS:
        if lowered.endswith(extension):
            return filename[: -len(extension)], extension
    return filename, ""


def is_generic(filename: str) -> bool:
    """True for names that thousands of different files carry: such a name identifies nothing."""
    stem = _SHARD.sub("", split_extension(filename)[0].lower())
    return stem in _GENERIC_STEMS or len(stem) < 3 or not re.search(r"[^\W\d_]", stem)


def is_pickle(filename: str) -> bool:
    """True for formats that can run code when they are loaded."""
    return filename.lower().endswith(PICKLE_EXTENSIONS)


def stem_words(filename: str) -> tuple[str, ...]:
    """Lower-case words of the stem: `realisticVisionV60B1_v51` -> realistic vision v 60 b 1 v 51."""
    return tuple(word.lower() for word in _WORDS.findall(split_extension(filename)[0]))


@lru_cache(maxsize=4096)
def traits(filename: str) -> Traits:
    """Read precision, version and variants out of a name."""
    stem, extension = split_extension(filename)
    lowered = stem.lower()
    precision = _PRECISION.search(re.sub(r"[. -]", "_", lowered))
    version = _VERSION.search(lowered)
    number = (version[1] or version[2]).replace("_", ".") if version else None
    found = frozenset(variant for variant in _VARIANTS if variant in lowered)
    return Traits(precision=precision[1] if precision else None, version=number, variants=found, extension=extension)


def differences(wanted: str, found: str) -> tuple[str, ...]:
    """What one name says and the other does not, as sentence parts: `fp8 instead of fp16`."""
    ours, theirs = traits(wanted), traits(found)
    pairs = (
        (ours.precision, theirs.precision),
        (ours.version and f"v{ours.version}", theirs.version and f"v{theirs.version}"),
        (ours.extension, theirs.extension),
    )
    parts = [f"{there or 'unnamed'} instead of {here or 'unnamed'}" for here, there in pairs if here != there]
    parts += [f"without {variant}" for variant in sorted(ours.variants - theirs.variants)]
    parts += [f"with {variant}" for variant in sorted(theirs.variants - ours.variants)]
    return tuple(parts)


def similarity(one: str, other: str) -> float:
    """How alike two file names are, 0 to 1, by their words in any order; 1 is no proof of identity."""
    from rapidfuzz import fuzz

    return float(fuzz.token_sort_ratio(" ".join(stem_words(one)), " ".join(stem_words(other)))) / 100
