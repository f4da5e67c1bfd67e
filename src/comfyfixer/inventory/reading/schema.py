"""V3 node classes: what their `define_schema()` gives."""

from comfyfixer.inventory.reading.machine import Machine
from comfyfixer.inventory.reading.values import UNKNOWN, Class, Instance, Made


def schema_of(machine: Machine, node: object) -> Made | None:
    """The `io.Schema(...)` of a class, None where it can't be decided."""
    if not isinstance(node, Class):
        return None
    schema = machine.call(machine.attribute(node, "define_schema"), [], {})
    return schema if isinstance(schema, Made) and schema.maker.rpartition(".")[2] == "Schema" else None


def schema_id(machine: Machine, node: object) -> str | None:
    """`node_id`, which is the type; None where it can't be decided."""
    schema = schema_of(machine, node)
    if schema is not None:
        node_id = schema.keywords.get("node_id", schema.args[0] if schema.args else UNKNOWN)
    elif isinstance(node, Class) and "GET_SCHEMA" in node.attributes:
        # Packs on their way from V1 to V3 give old classes a schema of their own making.
        stub = machine.call(node.attributes["GET_SCHEMA"], [], {})
        node_id = stub.attributes.get("node_id") if isinstance(stub, Instance) else None
    else:
        node_id = None
    return node_id if isinstance(node_id, str) else None
