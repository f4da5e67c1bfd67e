"""What the words of a name say, as fields, and how alike two names are. Likeness is never proof."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from comfyfixer.resolve.names import split_extension, without_precision

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+(?:\.\d+)*|[^\W\d_a-zA-Z]+")
_PRECISION: Final = re.compile(
    r"(?<![a-z0-9])(fp32|fp16|bf16|fp8|fp4|nf4|int8|int4|nvfp4|mxfp8|q\d(?:_[0-9k])?(?:_[a-z]{1,2})?|iq\d_[a-z]{1,3}"
    r"|f16|f32)(?:mixed)?(?![a-z0-9])"
)
_FLAVOUR: Final = re.compile(r"(?<![a-z0-9])(e4m3fn|e4m3|e5m2)(?![a-z0-9])")
_AS_USUAL: Final = {"f16": "fp16", "f32": "fp32"}
_QUANTISED: Final = re.compile(r"i?q\d|nf4|int[48]")
_VERSION: Final = re.compile(
    r"(?<![a-z0-9])v(?:er(?:sion)?)?[ ._-]?(\d+(?:[._]\d+)*)(?!\d*b(?![a-z]))|(?<![\d.])(\d+\.\d+)(?![\d.]|b(?![a-z]))"
)
_PARAMETERS: Final = re.compile(r"(?<![a-z0-9.])(\d{1,3}(?:[._]\d{1,2})?b)(?![a-z0-9])")
_STEPS: Final = re.compile(r"(?<![a-z0-9])(\d{1,2})[ _-]?steps?(?![a-z])")
_LAST_NUMBER: Final = re.compile(r"[ _-](\d{1,3})$")
_VARIANT_PARTS: Final = ("inpaint", "outpaint", "refiner", "pruned", "emaonly", "turbo", "lightning", "schnell",
                         "distill", "scaled", "kontext", "high_noise", "low_noise")  # fmt: skip
"""Unlikely to be part of another word; short ones have to stand alone."""
_VARIANT_WORDS: Final = re.compile(
    r"(?<![a-z0-9])(hyper|lcm|i2v|t2v|ti2v|s2v|flf2v|edit|dev|fill|depth|canny|redux|vace|krea|base|full|fast)(?![a-z])"
)
_FAMILIES: Final = tuple(
    (family, re.compile(pattern))
    for family, pattern in (
        ("Flux 2", r"flux[ ._-]?2(?!\d)"),
        ("Flux", r"flux"),
        ("SD 3.5", r"(?<![a-z])sd[ ._-]?3[._]?5|stable[ ._-]?diffusion[ ._-]?3[._]5"),
        ("SD 3", r"(?<![a-z])sd[ ._-]?3(?!\d)"),
        ("Pony", r"(?<![a-z])pony"),
        ("Illustrious", r"illustrious|(?<![a-z])ilxl|(?<![a-z])noob(?:ai)?"),
        ("SDXL", r"sd[ ._-]?xl|(?<![a-z])xl(?![a-z])|stable[ ._-]?diffusion[ ._-]?xl"),
        ("SD 2.1", r"(?<![a-z])sd[ ._-]?2(?:[._]?[01])?(?!\d)|v2[-_]1[-_]768"),
        ("SD 1.5", r"(?<![a-z])sd[ ._-]?(?:v?1)[._-]?[45](?!\d)|v1-5-pruned|stable[ ._-]?diffusion[ ._-]v?1[._-]5"),
        ("Wan 2.2", r"wan[ ._-]?(?:video[ ._-]?)?2[._]?2"),
        ("Wan 2.1", r"wan[ ._-]?(?:video[ ._-]?)?2[._]?1"),
        ("Wan", r"(?<![a-z])wan(?![a-z])|wan[ ._-]?video"),
        ("Qwen", r"qwen"),
        ("Hunyuan", r"hunyuan"),
        ("LTX", r"(?<![a-z])ltx"),
        ("Z-Image", r"z[ ._-]?image"),
        ("Chroma", r"(?<![a-z])chroma(?![a-z])"),
        ("HiDream", r"hidream"),
        ("Lumina", r"lumina"),
        ("Kolors", r"kolors"),
        ("PixArt", r"pixart"),
        ("Cosmos", r"cosmos"),
        ("Mochi", r"mochi"),
        ("AuraFlow", r"aura[ ._-]?flow"),
    )
)

_PER_FIELD: Final = 0.05


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a name says about the file beside its name proper.

    Attributes:
        precision: `fp16`, `fp8`, or a quantisation: `q4_k_m`, `nf4`; None where the name tells none.
        flavour: `e4m3fn`, `e5m2`: of several kinds of fp8, or None.
        version: `2.1` for `v2.1` and `v2_1`, or None.
        parameters: `14b`, `1.3b`, or None.
        steps: The number of steps that it was distilled for, or None.
        number: A number at the end that is none of these (`dreamshaper_8`), or None.
        base_model: As `family_of`.
        variants: `inpaint`, `turbo`, ... that change what the model does.
        extension: Lower-case with dot, empty where the name has no model extension.
    """

    precision: str | None
    flavour: str | None = None
    version: str | None
    parameters: str | None = None
    steps: str | None = None
    number: str | None = None
    base_model: str | None = None
    variants: frozenset[str]
    extension: str

    @property
    def quantisation(self) -> str | None:
        """The precision where it is a quantisation: `q4_k_m`, `nf4`, `int8`."""
        return self.precision if self.precision and _QUANTISED.match(self.precision) else None


def stem_words(filename: str) -> tuple[str, ...]:
    """Lower-case words of the stem: `realisticVisionV60B1_v51` -> realistic vision v 60 b 1 v 51."""
    return tuple(word.lower() for word in _WORDS.findall(split_extension(filename)[0]))


def family_of(text: str) -> str | None:
    """The base model that a name, a hub's word or a person means, as people call it: `SDXL`, `Wan 2.1`."""
    lowered = text.lower()
    return next((family for family, pattern in _FAMILIES if pattern.search(lowered)), None)


def same_family(one: str, other: str) -> bool:
    """Whether two families are the same, or one names the other less exactly: `Wan` and `Wan 2.2`, not Flux 1 and 2."""
    return one == other or (one.split()[0] == other.split()[0] == "Wan" and "Wan" in (one, other))


@lru_cache(maxsize=4096)
def traits(filename: str) -> Traits:
    """Read precision, version, base model, variants... out of a name."""
    stem, extension = split_extension(filename)
    lowered = stem.lower()
    version = _VERSION.search(lowered)
    number = (version[1] or version[2]).replace("_", ".") if version else None
    words = frozenset(_VARIANT_WORDS.findall(lowered))
    parts = frozenset(variant for variant in _VARIANT_PARTS if variant in lowered)
    last = _LAST_NUMBER.search(lowered)
    steps = _STEPS.search(lowered)
    return Traits(
        precision=_precision(lowered),
        flavour=_first(_FLAVOUR, lowered),
        version=number,
        parameters=(_first(_PARAMETERS, lowered) or "").replace("_", ".") or None,
        steps=steps[1] if steps else None,
        number=last[1] if last and not version else None,
        base_model=family_of(stem),
        variants=words | parts,
        extension=extension,
    )


def _precision(lowered: str) -> str | None:
    found = _first(_PRECISION, re.sub(r"[. -]", "_", lowered))
    if found is None:
        return "fp8" if _FLAVOUR.search(lowered) else None
    return _AS_USUAL.get(found, found)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


def differences(wanted: str, found: str) -> tuple[str, ...]:
    """What one name says and the other does not, as sentence parts: `fp8 instead of fp16`."""
    ours, theirs = traits(wanted), traits(found)
    pairs = (
        (ours.precision, theirs.precision),
        (ours.flavour if theirs.flavour else None, theirs.flavour if ours.flavour else None),
        (ours.version and f"v{ours.version}", theirs.version and f"v{theirs.version}"),
        (ours.number, theirs.number),
        (ours.parameters, theirs.parameters),
        (ours.steps and f"{ours.steps} steps", theirs.steps and f"{theirs.steps} steps"),
        (ours.extension, theirs.extension if ours.extension else ""),
    )
    parts = [_instead(here, there) for here, there in pairs if here != there]
    if ours.version == theirs.version and _other_family(ours.base_model, theirs.base_model):
        parts.append(f"for {theirs.base_model} instead of {ours.base_model}")
    parts += [f"without {variant}" for variant in sorted(ours.variants - theirs.variants)]
    parts += [f"with {variant}" for variant in sorted(theirs.variants - ours.variants)]
    return tuple(parts)


def _other_family(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and not same_family(one, other)


def _instead(here: str | None, there: str | None) -> str:
    if here and there:
        return f"{there} instead of {here}"
    return f"{there}, which the wanted name does not say" if there else f"does not say {here}"


def apart(wanted: str, found: str) -> int:
    """In how many fields two names differ: the fewer, the likelier it is the same model."""
    return len(differences(wanted, found))


def same_model(one: str, other: str) -> bool:
    """Whether two names tell the same model, in other precisions or formats: every other field and word is equal."""
    if traits(one).precision == traits(other).precision and traits(one).extension == traits(other).extension:
        return False
    return bool(_proper(one)) and _proper(one) == _proper(other)


@lru_cache(maxsize=4096)
def _proper(filename: str) -> str:
    """The letters and digits that tell no precision and no format."""
    return without_precision(filename)


def similarity(one: str, other: str) -> float:
    """How alike two file names are, 0 to 1, by their words in any order; 1 is no proof of identity."""
    from rapidfuzz import fuzz

    return float(fuzz.token_sort_ratio(" ".join(stem_words(one)), " ".join(stem_words(other)))) / 100


def closeness(wanted: str, found: str) -> float:
    """For ranking alone: likeness, less a little for each field in which two names differ.

    Version, precision and variant are a few letters each, and tell more than as many letters of the name.
    """
    return similarity(wanted, found) - _PER_FIELD * apart(wanted, found)
