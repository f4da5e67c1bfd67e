"""Publishers on Hugging Face who pack models for ComfyUI, and which names and folders point to them."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from comfyfixer.model.lead import Lead
from comfyfixer.settings import Endpoints
from comfyfixer.sources import hub_urls
from comfyfixer.sources.lead_book import LeadBook
from comfyfixer.sources.once import Once
from comfyfixer.sources.queries import resembles, telling_words

_LEARNED: Final = 2
"""So many of those that indexes name for similar files are asked; each costs a listing, once for all files."""
_USUAL: Final = hub_urls.OwnHosts(huggingface=Endpoints().huggingface, civitai=Endpoints().civitai)


class _Publisher(msgspec.Struct, frozen=True, kw_only=True):
    """One publisher.

    Attributes:
        words: Parts of lower-case file names that point to it.
        folders: Models folders that point to it.
    """

    author: str
    words: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    always: bool = False

    def may_have(self, filename: str, folder: str | None) -> bool:
        """True when it is worth one listing."""
        return self.always or folder in self.folders or any(word in filename for word in self.words)


_PUBLISHERS: Final = (
    _Publisher(author="Comfy-Org", always=True),
    _Publisher(author="Kijai", always=True),
    _Publisher(
        author="comfyanonymous", words=("clip_l", "clip_g", "t5xxl", "control_", "cosmos"), folders=("text_encoders",)
    ),
    _Publisher(author="black-forest-labs", words=("flux",), folders=("text_encoders", "vae")),
    _Publisher(
        author="stabilityai",
        words=("sd_", "sdxl", "sd3", "svd", "stable", "vae-ft", "stage_", "cascade", "control-lora", "512-", "v2-1_"),
    ),
    _Publisher(author="Lightricks", words=("ltx",)),
    _Publisher(author="lightx2v", words=("lightx2v", "lightning", "4step", "8step", "distill")),
    _Publisher(author="city96", words=(".gguf",)),
    _Publisher(author="QuantStack", words=(".gguf",)),
    _Publisher(author="unsloth", words=(".gguf",)),
    _Publisher(author="h94", words=("ip-adapter", "ip_adapter", "ipadapter")),
    _Publisher(
        author="lllyasviel",
        words=("control", "fooocus", "iclight", "ic-light", "t2i", "framepack"),
        folders=("controlnet",),
    ),
)


def publishers_of(filename: str, folder: str | None) -> tuple[str, ...]:
    """Authors whose repositories are worth looking through for a file."""
    lowered = filename.lower()
    return tuple(publisher.author for publisher in _PUBLISHERS if publisher.may_have(lowered, folder))


class Publishers:
    """Those that are known here, behind those whom indexes name for similar files. Thread-safe."""

    def __init__(self, book: LeadBook | None = None) -> None:
        self._book = book
        self._owners: Once[list[tuple[str, str]]] = Once()

    def of(self, filename: str, folder: str | None) -> tuple[str, ...]:
        """Authors whose repositories are worth looking through for a file, the best first."""
        words = telling_words(filename)
        named = Counter(owner for owner, text in self._known() if resembles(text, words))
        learned = [owner for owner, _ in named.most_common(_LEARNED)]
        return tuple(dict.fromkeys((*learned, *publishers_of(filename, folder))))

    def _known(self) -> list[tuple[str, str]]:
        """Owner and file name of all that indexes name on Hugging Face."""
        book = self._book
        return self._owners.get("owners", lambda: list(_owners(book.leads))) if book is not None else []


def _owners(leads: Iterable[Lead]) -> Iterable[tuple[str, str]]:
    for lead in leads:
        place = hub_urls.understand(lead.url, _USUAL)
        if isinstance(place, (hub_urls.HuggingFaceFile, hub_urls.HuggingFaceRepository)):
            owner, _, name = place.repo_id.partition("/")
            if name and owner not in ("datasets", "spaces"):
                yield owner, lead.filename.lower()
