"""What to ask a hub for, made of a file's name. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from comfyfixer.resolve.names import split_extension

_TOKEN: Final = re.compile(r"[^\W_]+(?:\.\d+[^\W_]*)*")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
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
_LETTERS: Final = re.compile(r"[a-z]{4,}?(?=v?\d)")
_MAX_WORDS: Final = 8
_MIN_ALONE: Final = 4


def tokens(filename: str) -> tuple[str, ...]:
    """Words of the stem as they are written, numbers with their dots: `wan2.1_t2v` -> wan2.1, t2v."""
    return tuple(_TOKEN.findall(split_extension(filename)[0]))[:32]


def words_for_models(filename: str) -> tuple[str, ...]:
    """Queries for a search over names of models, the broader one first.

    The search drops words from the query's end until something matches: first without what names the version or the
    precision, then with everything.
    """
    words = [word for token in tokens(filename) for word in _CAMEL.sub(" ", token).split()]
    telling = [word for word in words if not _SAYS_NOTHING.fullmatch(word)]
    broad, narrow = " ".join(telling[:_MAX_WORDS]), " ".join(words[:_MAX_WORDS])
    return tuple(dict.fromkeys(query for query in (broad or narrow, narrow) if query))


def parts_of_repositories(filename: str) -> tuple[str, ...]:
    """What a repository's id may hold, the narrower first: two words as ids join them, then one alone, then another.

    The hub looks for the text inside the id; it does not know words.
    """
    written = [token.lower() for token in tokens(filename)]
    telling = [token for token in written if not _SAYS_NOTHING.fullmatch(token)]
    if not telling:
        return ()
    pair = "-".join(telling[:2] if len(telling) > 1 else written[:2])
    alone = [token for token in telling if len(token) >= _MIN_ALONE and token not in _COMMON]
    letters = [run[0] for token in alone if (run := _LETTERS.match(token))]
    others = [word for word in (*letters[:1], *alone[1:]) if word not in alone[:1]]
    return tuple(dict.fromkeys((pair, *alone[:1], *others[:1])))


def telling_words(filename: str) -> tuple[str, ...]:
    """Lower-case words that say what the file is; all its words where none does."""
    written = [token.lower() for token in tokens(filename)]
    telling = [token for token in written if not _SAYS_NOTHING.fullmatch(token)]
    return tuple(dict.fromkeys(telling or written))


def resembles(text: str, words: Sequence[str]) -> bool:
    """Whether a text has two of a name's telling words, or its only one."""
    lowered = text.lower()
    return bool(words) and sum(word in lowered for word in words) >= min(2, len(words))
