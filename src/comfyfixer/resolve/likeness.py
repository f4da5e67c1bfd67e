"""What the words of a name say, and how alike two names are. Likeness is never proof."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from comfyfixer.resolve.names import split_extension

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
