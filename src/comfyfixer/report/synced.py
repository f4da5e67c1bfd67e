"""What `comfyfixer sync` would do, or did, as lines for a terminal."""

from collections.abc import Iterator
from typing import Final

from comfyfixer.errors import EXIT_DONE, EXIT_OUTSTANDING, EXIT_REMOTE, REMOTE
from comfyfixer.model.lock import Synced, SyncedModel
from comfyfixer.report.words import plural, shown
from comfyfixer.sizes import size_text

_MARKS: Final = {"in-place": "=", "linked": "+", "fetched": "+", "to-fetch": ">", "failed": "!"}
_WORDS: Final = {
    "in-place": "in its place",
    "linked": "linked from the store",
    "fetched": "fetched and verified",
    "to-fetch": "would be fetched",
}


def lines(result: Synced) -> Iterator[str]:
    """Each model with what became of it, packs that differ, then the sum."""
    width = max((len(shown(row.name)) for row in result.models), default=0)
    for row in result.models:
        yield from _model(row, min(width, 60))
    different = [pack for pack in result.node_packs if pack.state != "same"]
    if different:
        yield ""
        yield "node packs that differ; install or update them with ComfyUI-Manager, nothing is installed here"
    for pack in different:
        here = f"{shown(pack.here)} is here" if pack.here else "not here" if pack.state == "missing" else "here"
        where = f", {shown(pack.repository)}" if pack.repository else ""
        yield f"  ? {shown(pack.name)}: {shown(pack.wanted or 'any version')} wanted, {here}{where}"
    yield ""
    yield _foot(result)


def outstanding(result: Synced) -> bool:
    """Whether this installation is not equal to the lock file."""
    models = any(row.state in ("failed", "to-fetch") for row in result.models)
    return models or any(pack.state != "same" for pack in result.node_packs)


def only_remote(result: Synced) -> bool:
    """Whether nothing but a remote service stands in the way."""
    failed = [row for row in result.models if row.state in ("failed", "to-fetch")]
    packs = any(pack.state != "same" for pack in result.node_packs)
    return bool(failed) and not packs and all(row.code in REMOTE for row in failed)


def exit_code(result: Synced) -> int:
    """0: equal. 4: only a remote service stands in the way. 3: anything else."""
    if not outstanding(result):
        return EXIT_DONE
    return EXIT_REMOTE if only_remote(result) else EXIT_OUTSTANDING


def _model(row: SyncedModel, width: int) -> Iterator[str]:
    said = _WORDS.get(row.state, "")
    size = size_text(row.size_bytes)
    yield f"  {_MARKS[row.state]} {shown(row.name):{width}}  {shown(row.folder)}, {size}{', ' if said else ''}{said}"
    if row.why:
        yield f"      {shown(row.why)} [{row.code}]"
        if row.hint:
            yield f"      -> {shown(row.hint)}"


def _foot(result: Synced) -> str:
    count = {state: sum(row.state == state for row in result.models) for state in _MARKS}
    here = count["in-place"] + count["linked"] + count["fetched"]
    text = f"{here} of {plural(len(result.models), 'model')} in place"
    if result.dry_run and count["to-fetch"]:
        return f"{text}; {size_text(result.bytes_to_fetch)} would be fetched. Nothing was changed."
    return f"{text}, {count['failed']} failed." if count["failed"] else f"{text}."
