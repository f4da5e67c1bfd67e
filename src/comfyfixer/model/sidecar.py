"""What a metadata file that other programs wrote beside a model says of it: a place to ask, never a proof."""

import msgspec


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """One metadata file that belongs to a file which is not there (any more). It may be stale.

    Attributes:
        name: The metadata file's own base name.
        hashes: Of the model's file: lower-case algorithm to lower-case hex.
        version_id: Civitai's, where it is named.
    """

    name: str
    hashes: dict[str, str] = {}
    version_id: int | None = None
