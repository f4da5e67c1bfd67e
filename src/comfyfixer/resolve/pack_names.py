"""When two packs are the same: repositories and registry ids are written in many ways."""

import re
from typing import Final

_PREFIX: Final = re.compile(r"^(?:git\+)?(?:[a-z]+://)?(?:[^/@]*@)?(?:www\.)?")
_COMFYUI: Final = frozenset({"github.com/comfyanonymous/comfyui", "github.com/comfy-org/comfyui"})
_MAX_TEXT: Final = 200


def same_repository(address: str | None) -> str | None:
    """`github.com/owner/name`: equal for all ways to write one repository; None where there is none."""
    if not address:
        return None
    text = address.strip().lower()
    rest = _PREFIX.sub("", text)
    if text.startswith("git@"):
        rest = rest.replace(":", "/", 1)
    return rest.partition("?")[0].rstrip("/").removesuffix(".git") or None


def is_comfyui(address: str) -> bool:
    """True for ComfyUI's own repository, whose nodes the lists have too."""
    return same_repository(address) in _COMFYUI


def same_id(pack_id: str | None) -> str | None:
    """Equal for all ways to write one id: they vary in case, hyphens and underscores."""
    return pack_id.strip().lower().replace("_", "-") or None if pack_id else None


def github_address(aux_id: str | None) -> str | None:
    """The page of `owner/repository`; None where it is no such thing."""
    return f"https://github.com/{aux_id}" if aux_id and re.fullmatch(r"[\w.-]+/[\w.-]+", aux_id) else None


def shown_text(value: object) -> str | None:
    """Foreign text, short and without control characters; None where nothing is left."""
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value[:_MAX_TEXT] if letter.isprintable()).strip() or None


def shown_address(value: object) -> str | None:
    """A foreign http(s) address as it may be shown; None for anything else."""
    text = shown_text(value)
    return text if text and re.fullmatch(r"https?://[^\s<>\"'`]+", text) else None
