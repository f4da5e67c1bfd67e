"""What a pack can import besides its own modules: Python's, ComfyUI's, what is installed, other packs."""

import msgspec


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """Names that can be imported, all in lower case.

    Attributes:
        modules: Top-level modules.
        packs: Names of the folders and files in `custom_nodes`.
        searched: Folders whose modules are among these, wherever a pack adds them to `sys.path`.
    """

    modules: frozenset[str]
    packs: frozenset[str]
    searched: frozenset[str] = frozenset()

    def lacks(self, name: str) -> bool:
        """Whether importing a module by its full dotted name certainly fails."""
        top, _, rest = name.lower().partition(".")
        if top == "custom_nodes" and rest:
            return rest.partition(".")[0] not in self.packs
        return top not in self.modules and top not in self.packs
