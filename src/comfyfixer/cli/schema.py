"""`comfyfixer schema`."""

from typing import Any, Final

import click
import msgspec

from comfyfixer.cli.envelope import Envelope, show
from comfyfixer.cli.options import Common, common_options
from comfyfixer.cli.running import RunData
from comfyfixer.journal.read import CurrentStatus
from comfyfixer.model.choice import Review
from comfyfixer.model.event import Event
from comfyfixer.model.export import Exported
from comfyfixer.model.lock import Lock, Synced
from comfyfixer.model.missing import MissingModel, MissingNode
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.plan import Plan
from comfyfixer.model.reference import Workflow
from comfyfixer.model.relink import RelinkResult
from comfyfixer.model.resolution import Resolution
from comfyfixer.model.run import WorkflowRow
from comfyfixer.model.status import Status
from comfyfixer.model.stock import Stock
from comfyfixer.model.verdict import Verdicts
from comfyfixer.model.verification import Verification

SCHEMAS: Final[dict[str, Any]] = {
    "envelope": Envelope,
    "run": RunData,
    "status": CurrentStatus,
    "status.json": Status,
    "inspect": Workflow,
    "relink": RelinkResult,
    "inventory": Stock,
    "verify": Verification,
    "review": Review,
    "plan": Plan,
    "workflows": Verdicts,
    "export": Exported,
    "sync": Synced,
    "lock": Lock,
    "log": Event,
    "workflows.json": list[WorkflowRow],
    "missing_models.json": list[MissingModel],
    "missing_nodes.json": list[MissingNode],
    "resolutions.json": list[Resolution],
    "downloads.json": list[Outcome],
}


@click.command("schema")
@click.argument("name", type=click.Choice(tuple(SCHEMAS)), metavar="NAME")
@common_options
def command(common: Common, name: str) -> int:
    """Print the JSON Schema of a file or answer.

    NAME: envelope (any answer with --json), run (its data for scan, resolve, download, auto, resume), status,
    inspect (one line), review, plan, workflows, relink, inventory, verify, export and sync (their data), lock
    (comfyfixer.lock.json), log (one line of the .jsonl log), or a file:
    status.json, workflows.json, missing_models.json, missing_nodes.json, resolutions.json, downloads.json.
    """
    document = msgspec.json.schema(SCHEMAS[name])
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return show("schema", document, [text], as_json=common.as_json)
