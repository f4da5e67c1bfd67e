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
        "inpainting", "instruct", "large", "lightning", "medium", "noise", "only", "plus", "refiner", "small", "style",
        "text", "tiny", "turbo", "upscale", "upscaler", "video", "vision",
    }
)  # fmt: skip
_KINDS: Final = ("controlnet", "lora", "vae", "upscaler", "ipadapter", "gguf")
"""Words that say little alone, and much beside another in a repository's id."""
_DERIVED: Final = re.compile(r"[A-Za-z0-9]+_[A-Za-z0-9]+", re.ASCII)
_RUN: Final = re.compile(r"[^\W\d_]{3,}")
_LETTERS: Final = re.compile(r"[a-z]{4,}?(?=v?\d)")
_MAX_WORDS: Final = 8
_MIN_ALONE: Final = 4
_FURTHER: Final = 3


def tokens(filename: str) -> tuple[str, ...]:
    """Words of the stem as they are written, numbers with their dots: `wan2.1_t2v` -> wan2.1, t2v."""
    return tuple(_TOKEN.findall(split_extension(filename)[0]))[:32]


def words_for_models(filename: str, *, derived: bool = False) -> tuple[str, ...]:
    """Queries for a search over names of models, the broader one first.

    The search drops words from the query's end until something matches: first without what names the version or the
    precision, with words apart that are written together and as they are (a capital at the beginning is the author's
    own writing: then the other way round), then with everything, then without digits.

    Args:
        derived: The name may be one that the hub makes, `modelName_versionName`: then the first part is asked for.
    """
    written = tokens(filename)
    apart, together = _telling(_apart(written)), _telling(written)
    letters = [run for word in apart for run in _RUN.findall(word)]
    broad: tuple[list[str], ...] = (together, apart) if written and written[0][0].isupper() else (apart, together)
    if derived and _DERIVED.fullmatch(split_extension(filename)[0]):
        broad = (_telling(written[:1] if broad[0] is together else _apart(written[:1])), *broad)
    queries = (" ".join(part[:_MAX_WORDS]) for part in (*broad, _apart(written), letters))
    return tuple(dict.fromkeys(query for query in queries if query))


def parts_of_repositories(filename: str) -> tuple[str, ...]:
    """What a repository's id may hold, the shorter first: one word alone, two words as ids join them.

    The hub looks for the text inside the id; it does not know words.
    """
    written = [token.lower() for token in tokens(filename)]
    telling = _telling(written)
    if not telling:
        return ()
    pair = "-".join(telling[:2] if len(telling) > 1 else written[:2])
    kinds = [f"{telling[0]}-{word}" for word in written if word in _KINDS and word not in telling[:2]]
    alone = _alone(telling)
    letters = [run[0] for token in alone if (run := _LETTERS.match(token))]
    return tuple(dict.fromkeys(sorted((*alone[:1], *letters[:1], pair, *kinds[:1]), key=len)))


def further_parts(filename: str) -> tuple[str, ...]:
    """What else an id may hold, for a file that is not found by the rest: the name's beginning, other words of it."""
    written = tokens(filename.lower())
    words = _telling([word.lower() for word in _apart(tokens(filename))])
    letters = [run for word in words for run in _RUN.findall(word)]
    pairs = ["-".join(two[:2]) for two in (written, letters) if len(two) > 1]
    asked = parts_of_repositories(filename)
    others = (*pairs, *_alone(_telling(written)), *_alone(words))
    return tuple(dict.fromkeys(part for part in others if part not in asked))[:_FURTHER]


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
