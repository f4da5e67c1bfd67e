"""One workflow's needs as a tree for a person."""

from collections.abc import Iterator

from comfyfixer.model.reference import ModelReference, NodeReference, Workflow
from comfyfixer.report.words import plural, shown


def tree(workflow: Workflow) -> Iterator[str]:
    """Needs by folder, each with its node and how the folder is known; inactive ones in brackets."""
    if workflow.error:
        yield f"{shown(workflow.path)}  could not be read: {shown(workflow.error.message)} [{workflow.error.code}]"
        return
    needs = f"{plural(len(workflow.models), 'model reference')}, {plural(len(workflow.custom_nodes), 'custom node')}"
    yield f"{shown(workflow.path)}  ({workflow.format}; {needs})"
    folders: dict[str, list[ModelReference]] = {}
    for reference in workflow.models:
        folders.setdefault(reference.folder or "folder unknown", []).append(reference)
    for folder, references in sorted(folders.items()):
        yield f"  {shown(folder)}"
        yield from (_model(reference) for reference in references)
    if workflow.custom_nodes:
        yield "  custom nodes"
        yield from sorted({_node(node) for node in workflow.custom_nodes})


def _model(reference: ModelReference) -> str:
    known = f", folder by {reference.folder_known_by}" if reference.folder_known_by else ""
    told = f"{shown(reference.value)}  <- {shown(reference.node_type)} {shown(reference.node_id)}{known}"
    return f"    {told}" if reference.active else f"    ({told}; inactive)"


def _node(node: NodeReference) -> str:
    pack = node.cnr_id or node.aux_id
    told = f"{shown(node.node_type)}{f'  from {shown(pack)} {shown(node.version or str())}'.rstrip() if pack else ''}"
    return f"    {told}" if node.active else f"    ({told}; inactive)"
