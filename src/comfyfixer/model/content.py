"""What a model file is, told by its own bytes."""

from typing import Final

import msgspec

PICKLE_SUFFIXES: Final = frozenset({".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl", ".pickle"})
"""Formats of saved weights that are programs: loading one can run code."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a few reads of a file tell; every part may be unknown.

    Attributes:
        fault: Sentence part, what it is instead of a whole model file ("a Git LFS pointer", "0 bytes"); None where
            nothing speaks against it.
        fault_code: `empty`, `lfs-pointer`, `web-page`, `json-text`, `left-over`, `truncated` or `unreadable`.
        kind: `checkpoint`, `diffusion_model`, `text_encoder`, `vae`, `lora`, `controlnet`, `clip_vision`, `upscaler`,
            `embedding`, ...; None where the bytes leave a doubt.
        family: The base model it is for or of, as people call it (`SDXL`, `Flux`, `Wan`).
        folders: ComfyUI's folders that such a file belongs in, the usual one first.
        certain: It can't be anything else. False: likely, good for an explanation only.
        told_by: Sentence part: what told the kind; empty where nothing did.
    """

    fault: str | None = None
    fault_code: str | None = None
    kind: str | None = None
    family: str | None = None
    folders: tuple[str, ...] = ()
    certain: bool = False
    told_by: str = ""
