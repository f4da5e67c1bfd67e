"""Publishers on Hugging Face who pack models for ComfyUI, and which names and folders point to them. Pure."""

from typing import Final

import msgspec


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
    _Publisher(author="stabilityai", words=("sd_", "sdxl", "sd3", "svd", "stable", "vae-ft", "stage_", "cascade")),
    _Publisher(author="Lightricks", words=("ltx",)),
    _Publisher(author="lightx2v", words=("lightx2v", "lightning", "4step", "8step", "distill")),
    _Publisher(author="city96", words=(".gguf",)),
    _Publisher(author="QuantStack", words=(".gguf",)),
    _Publisher(author="unsloth", words=(".gguf",)),
    _Publisher(author="h94", words=("ip-adapter", "ip_adapter", "ipadapter")),
    _Publisher(author="lllyasviel", words=("control_", "fooocus", "iclight", "ic-light", "t2iadapter", "framepack")),
)


def publishers_of(filename: str, folder: str | None) -> tuple[str, ...]:
    """Authors whose repositories are worth looking through for a file."""
    lowered = filename.lower()
    return tuple(publisher.author for publisher in _PUBLISHERS if publisher.may_have(lowered, folder))
