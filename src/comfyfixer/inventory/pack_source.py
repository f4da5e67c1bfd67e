"""What reading a pack's source tells, as a value."""

import msgspec

from comfyfixer.model.reference import LoaderInput

Folders = dict[str, tuple[tuple[str, ...], frozenset[str]]]
"""Roots and extensions by folder name."""


class PackSource(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a pack's source tells.

    Attributes:
        node_types: Types it is certain to register when it can be imported at all.
        complete: False where it may register further ones.
        why_incomplete: Sentence parts, for whoever looks into it.
        inputs: As `NodePack.inputs`.
        folders: Model folders that are new or changed after its import.
        shared: New folders that share the list of roots of another one: name to the other's name.
        lacking: Modules that are not installed, where the pack catches that and does without a part of itself.
        unloaded: The types of those parts.
        unreadable: Files that could not be parsed, each with the reason.
    """

    node_types: frozenset[str] = frozenset()
    complete: bool = True
    why_incomplete: tuple[str, ...] = ()
    inputs: dict[str, dict[str, LoaderInput]] = {}
    folders: Folders = {}
    shared: dict[str, str] = {}
    lacking: tuple[str, ...] = ()
    unloaded: frozenset[str] = frozenset()
    unreadable: dict[str, str] = {}
