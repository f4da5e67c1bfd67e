"""The file names that Civitai derives from a model's and a version's name. Pure.

Checked by others against 3258 captured names: the rule gives 3098 of them.
"""

import re
from typing import Final

_PART_CHARACTERS: Final = 20
_KEEP_UPLOADED_NAME: Final = frozenset({"LORA", "LoCon", "DoRA", "VAE"})
_MARKS: Final = ("-inpainting", ".instruct-pix2pix")


def derived_name(
    stored: str, *, model_name: str, model_type: str | None, version_name: str, file_type: str | None, word: str | None
) -> str | None:
    """The name that Civitai shows for a file that was uploaded as `stored`; None where it keeps that name.

    Args:
        word: First trained word of the version.
    """
    extension = stored.rpartition(".")[2]
    model = _camel(model_name)
    if model_type in _KEEP_UPLOADED_NAME or file_type == "VAE" or not model:
        return None
    if model_type == "TextualInversion":
        return f"{word}.{extension}" if word else None
    mark = next((mark for mark in _MARKS if mark in stored.lower()), "")
    version = version_name.replace(mark, "") if mark else version_name
    version = re.sub(re.escape(model), "", version, flags=re.IGNORECASE)
    return f"{model}_{_camel(version)}{mark}.{extension}"


def _camel(name: str) -> str:
    """First word in lower case, each further one with a capital, words of capitals kept; cut to 20 characters."""
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"(?<=\d)\.(?=\d)", "", name))
    if not words:
        return ""
    first = words[0].lower() if name[0].isalnum() else _capital(words[0])
    return (first + "".join(_capital(word) for word in words[1:]))[:_PART_CHARACTERS]


def _capital(word: str) -> str:
    return word if word.isupper() else word.capitalize()
