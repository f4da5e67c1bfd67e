"""What only a person can do before a file can be fetched, with the page to click on. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from comfyfixer.model.candidate import Candidate
from comfyfixer.model.plan import PlanStep
from comfyfixer.model.resolution import Resolution

_FREE: Final = frozenset({"open", "unknown"})
_KEYS: Final = {
    "civitai": ("CIVITAI_API_KEY", "https://civitai.com/user/account"),
    "huggingface": ("HF_TOKEN", "https://huggingface.co/settings/tokens"),
}
_NO_WAY: Final = {
    "download-disabled": "Its author allows no download: choose another file",
    "archived": "Its hub has archived it: choose another file",
}


def blocked(row: Resolution, keys: frozenset[str]) -> bool:
    """Whether it can't be had as things are."""
    found = _step(row, keys)
    return found is not None and found[3]


def steps(rows: Sequence[Resolution], keys: frozenset[str]) -> tuple[PlanStep, ...]:
    """One for each page, those first without which nothing comes.

    Args:
        keys: Hubs whose key is configured.
    """
    files: dict[tuple[str, str, str, bool], list[str]] = {}
    for row in rows:
        if found := _step(row, keys):
            files.setdefault(found, []).append(row.filename)
    found_steps = [
        PlanStep(kind=kind, message=message, url=url, files=tuple(dict.fromkeys(names)), certain=certain)
        for (kind, message, url, certain), names in files.items()
    ]
    return tuple(sorted((*found_steps, *_civitai_key(rows, keys)), key=lambda step: not step.certain))


def _step(row: Resolution, keys: frozenset[str]) -> tuple[str, str, str, bool] | None:
    """Kind, message, page, whether it is certain; None where one of the places is open to all."""
    if not row.candidates or any(candidate.access in _FREE for candidate in row.candidates):
        return None
    candidate = row.candidates[0]
    return (candidate.access, *_told(candidate, keys))


def _told(candidate: Candidate, keys: frozenset[str]) -> tuple[str, str, bool]:
    page = candidate.page_url or candidate.download_url
    variable, key_page = _KEYS.get(candidate.source, ("a key", page))
    has_key = candidate.source in keys
    match candidate.access:
        case "gated" if has_key:
            return f"Accept the licence with the account of your {variable}, if you have not yet", page, False
        case "gated":
            return f"Accept the licence, and set {variable} to a key of the same account ({key_page})", page, True
        case "login-required" if has_key:
            return f"It is given to accounts alone: see that your {variable} is allowed to", page, False
        case "login-required":
            return f"Set {variable} to a key of yours", key_page, True
        case "early-access":
            return "It is in early access: buy it, or wait until that ends", page, not has_key
        case other:
            return _NO_WAY.get(other, f"Access: {other}"), page, True


def _civitai_key(rows: Sequence[Resolution], keys: frozenset[str]) -> Iterator[PlanStep]:
    """Civitai tells only when it is asked for the bytes that it wants a key for them."""
    names = tuple(row.filename for row in rows if row.source == "civitai" and row.candidates[0].access in _FREE)
    if names and "civitai" not in keys:
        variable, page = _KEYS["civitai"]
        message = f"Civitai gives some files only to accounts, and tells it late: set {variable} to a key of yours"
        yield PlanStep(kind="key", message=message, url=page, files=names, certain=False)
