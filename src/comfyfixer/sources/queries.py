"""What to ask a hub for, made of a file's name. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from comfyfixer.resolve.names import split_extension

_TOKEN: Final = re.compile(r"[^\W_]+(?:\.\d+[^\W_]*)*")
_CAMEL: Final = re.compile(
    r"(?<=[a-z])(?=[A-Z]) | (?<=[A-Z])(?=[A-Z][a-z]) | (?<=\d)(?=[A-Z][a-z]) | (?<=[a-z]{3})(?=v\d)"
    r"| (?<=[a-z]{3})(?=\d+(?:[dD](?![a-z]) | [A-Z]))",
    re.VERBOSE,
)
"""Where a new word begins inside of one: `flat2DAnimerge` is flat 2D Animerge, `Deliberatev3` Deliberate v3."""
_SAYS_NOTHING: Final = re.compile(
    r"""(?ix) v?\d+(?:\.\d+)*[a-z]? | v\d+\w* | fp\d+\w* | bf16 | nf4 | int\d | n?vfp4 | mxfp\d | e\dm\d\w* | i?q\d+
    | [ksmxl] | \d+x | x\d+ | \d+(?:\.\d+)?b | a\d+b | \d+p | \d+k | \d*steps? | rank\d* | scaled | pruned
    | ema(?:only)? | fp | final | beta | alpha
    | safetensors | ckpt | pth | gguf | models? | weights | comfyui | repackaged | quant
    | mixed | bakedvae | novae | noema | full | dev | base | loras? | the | by | of | and | for"""
)
_COMMON: Final = frozenset(
    {
        "audio", "control", "controlnet", "depth", "detail", "distilled", "edit", "encoder", "high", "image", "inpaint",
        "inpainting", "instruct", "large", "lightning", "medium", "noise", "refiner", "small", "style", "text", "tiny",
        "turbo", "upscale", "upscaler", "video", "vision",
    }
)  # fmt: skip
_DERIVED: Final = re.compile(r"[A-Za-z0-9]+_[A-Za-z0-9]+", re.ASCII)
_RUN: Final = re.compile(r"[^\W\d_]{3,}")
_LETTERS: Final = re.compile(r"[a-z]{4,}?(?=v?\d)")
_MAX_WORDS: Final = 8
_MIN_ALONE: Final = 4
_FURTHER: Final = 2


def tokens(filename: str) -> tuple[str, ...]:
    """Words of the stem as they are written, numbers with their dots: `wan2.1_t2v` -> wan2.1, t2v."""
    return tuple(_TOKEN.findall(split_extension(filename)[0]))[:32]


def words_for_models(filename: str, *, derived: bool = False) -> tuple[str, ...]:
    """Queries for a search over names of models, the broader one first.

    The search drops words from the query's end until something matches: first without what names the version or the
    precision, then the same with words as they are written together, then with everything, then without digits.

    Args:
        derived: The name may be one that the hub makes, `modelName_versionName`: then the first part is asked for.
    """
    written = tokens(filename)
    words = _apart(written)
    of_model = _telling(_apart(written[:1])) if derived and _DERIVED.fullmatch(split_extension(filename)[0]) else []
    together = _telling(written)
    letters = [run for word in _telling(words) for run in _RUN.findall(word)]
    parts = (of_model, _telling(words), together, words, letters)
    return tuple(dict.fromkeys(" ".join(part[:_MAX_WORDS]) for part in parts if part))


def parts_of_repositories(filename: str) -> tuple[str, ...]:
    """What a repository's id may hold, the shorter first: one word alone, another, two words as ids join them.

    The hub looks for the text inside the id; it does not know words.
    """
    written = [token.lower() for token in tokens(filename)]
    telling = _telling(written)
    if not telling:
        return ()
    pair = "-".join(telling[:2] if len(telling) > 1 else written[:2])
    alone = _alone(telling)
    letters = [run[0] for token in alone if (run := _LETTERS.match(token))]
    others = [word for word in (*letters[:1], *alone[1:]) if word not in alone[:1]]
    return tuple(dict.fromkeys(sorted((*alone[:1], *others[:1], pair), key=len)))


def further_parts(filename: str) -> tuple[str, ...]:
    """What else an id may hold, for a file that is not found by the rest: words that are written together, apart."""
    words = _telling([word.lower() for word in _apart(tokens(filename))])
    letters = [run for word in words for run in _RUN.findall(word)]
    pair = ["-".join(letters[:2])] if len(letters) > 1 else []
    asked = parts_of_repositories(filename)
    return tuple(dict.fromkeys(part for part in (*pair, *_alone(words)) if part not in asked))[:_FURTHER]


def _apart(written: Sequence[str]) -> list[str]:
    """Words that are written together, apart: `dreamshaperXL` is dreamshaper XL."""
    return [word for token in written for word in _CAMEL.sub(" ", token).split()]


def _telling(words: Sequence[str]) -> list[str]:
    return [word for word in words if not _SAYS_NOTHING.fullmatch(word)]


def _alone(words: Sequence[str]) -> list[str]:
    """Words that may stand alone in a search."""
    return [word for word in words if len(word) >= _MIN_ALONE and word not in _COMMON]


def telling_words(filename: str) -> tuple[str, ...]:
    """Lower-case words that say what the file is; all its words where none does."""
    written = [token.lower() for token in tokens(filename)]
    return tuple(dict.fromkeys(_telling(written) or written))


def resembles(text: str, words: Sequence[str]) -> bool:
    """Whether a text has two of a name's telling words, or its only one."""
    lowered = text.lower()
    return bool(words) and sum(word in lowered for word in words) >= min(2, len(words))
