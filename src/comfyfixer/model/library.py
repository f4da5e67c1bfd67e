"""What all workflows of a scan need together: one entry for each file, one for each node type."""

import msgspec

from comfyfixer.model.missing import MissingModel
from comfyfixer.model.reference import ModelReference, NodeReference
from comfyfixer.model.run import WorkflowRow


class FileName(msgspec.Struct, frozen=True, array_like=True):
    """How active nodes name a file.

    Attributes:
        value: As the workflow holds it.
        by_stem: It may be there under any extension: what it is named by has none.
        sure: At least one node that names it so surely lists the need's folder; else the folder is a guess.
    """

    value: str
    by_stem: bool
    sure: bool


class NeededFile(msgspec.Struct, frozen=True, array_like=True):
    """One file that an active node names, in whichever workflow.

    Attributes:
        row: Its entry in the list of what is missing, if it is missing.
        names: How it is named; more than one where workflows differ in the kind of slash, or a text tag names it, too.
        uses: Path of the workflow and reference of each use, where there is more than one name: with some of them it
            may be there. Else empty, and `row` holds.
    """

    row: MissingModel
    names: tuple[FileName, ...]
    uses: tuple[tuple[str, ModelReference], ...] = ()


class Library(msgspec.Struct, frozen=True, array_like=True):
    """Everything that is compared with an installation.

    Attributes:
        workflows: In the order in which they were read; nothing is said of what is missing.
        files: Sorted by folder and name.
        node_types: Each type to the places in `workflows` of the graphs in which a node that is active has it, but for
            those that tell it in `core`.
        custom: Uses of types that ComfyUI does not bring, by active nodes: path of the workflow and node, by type.
        core: The same of types that only newer versions of ComfyUI itself have.
    """

    workflows: tuple[WorkflowRow, ...] = ()
    files: tuple[NeededFile, ...] = ()
    node_types: dict[str, tuple[int, ...]] = {}
    custom: dict[str, tuple[tuple[str, NodeReference], ...]] = {}
    core: dict[str, tuple[tuple[str, NodeReference], ...]] = {}
