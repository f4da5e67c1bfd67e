"""The accepted plan, for people who fetch elsewhere: the very paths and bytes that `download` would place."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from comfyfixer.errors import UsageError
from comfyfixer.files import write_whole
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.content import PICKLE_SUFFIXES
from comfyfixer.model.export import Exported, ExportedFile, ExportedSource
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.resolution import Resolution
from comfyfixer.net.credentials import Credentials
from comfyfixer.net.url import Url
from comfyfixer.paths import printable
from comfyfixer.pipeline.installation import find_places, installation_of
from comfyfixer.pipeline.lockfile import encoded, lock_of, planned_model
from comfyfixer.pipeline.placing import Order, Refusal, orders
from comfyfixer.pipeline.plan import in_plan
from comfyfixer.pipeline.roots import Roots
from comfyfixer.pipeline.session import Session, read_rows
from comfyfixer.redact import redact
from comfyfixer.report.exports import WRITERS, left_out
from comfyfixer.resolve.verdict import to_fetch

_NEED_A_KEY: Final = frozenset({"gated", "login-required", "early-access"})
_UNSEEN: Final = "A pickle file, which only `comfyfixer download` looks through; `--allow-pickle NAME` takes it in"
_NO_ADDRESS: Final = "Its address can't be read"


def export(session: Session, written: str, output: Path | None) -> Exported:
    """The plan in one of `report.exports.FORMATS`, written into `output` where one is named.

    Raises:
        UsageError: No `resolve` has been made in this folder, or the output can't be written.
    """
    wanted, refused = _wanted(session)
    base = installation_of(session.settings).base_dir
    credentials = Credentials(session.settings)
    unseen = [order for order in wanted if _is_unseen_pickle(order)] if written != "lock" else []
    asked = [_file(order, base, credentials) for order in wanted if order not in unseen]
    files = tuple(file for file in asked if file.sources or written == "lock")
    text = _lock(session, wanted) if written == "lock" else WRITERS[written](files)
    if output is not None:
        _write(output, text, executable=text.startswith("#!"))
    return Exported(
        format=written,
        files=files,
        text=None if output is not None else text,
        output=printable(output) if output is not None else None,
        left_out={
            **{refusal.row.filename: refusal.problem.message for refusal in refused},
            **{_file(order, base, credentials).name: _UNSEEN for order in unseen},
            **{file.name: _NO_ADDRESS for file in asked if file not in files},
            **left_out(written, files),
        },
    )


def _wanted(session: Session) -> tuple[list[Order], list[Refusal]]:
    """What `download` would fetch, in its order; and what has no safe place, or no candidate that may be taken."""
    missing = read_rows(session.workdir.missing_models, MissingModel, step="scan")
    accepted = to_fetch(read_rows(session.workdir.resolutions, Resolution, step="resolve"), missing)
    roots = Roots(find_places(session), session.settings)
    plan = in_plan(session, *orders(accepted, roots, allow_pickle=session.settings.allow_pickle))
    for refusal in plan.refused:
        session.found_problem(refusal.problem)
    return [order for order in plan.wanted if not os.path.lexists(order.request.target)], plan.refused


def _is_unseen_pickle(order: Order) -> bool:
    """Whether nobody would look for code in it. A lock file comes back to `sync`, which does."""
    suffix = Path(order.request.filename).suffix.lower()
    return suffix in PICKLE_SUFFIXES and not order.request.allow_pickle


def _file(order: Order, base: str, credentials: Credentials) -> ExportedFile:
    request = order.request
    return ExportedFile(
        target=request.target,
        base=base,
        relative=_below(request.target, base),
        size_bytes=next((one.size_bytes for one in request.candidates if one.size_bytes is not None), None),
        sha256=next((one.sha256 for one in request.candidates if one.sha256), None),
        sources=tuple(source for one in request.candidates if (source := _source(one, credentials)).url),
    )


def _below(target: str, base: str) -> str | None:
    path = Path(target)
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else None


def _source(candidate: Candidate, credentials: Credentials) -> ExportedSource:
    """The address as it is asked: percent-encoded, so that nothing in it ends a word or a line."""
    url = Url.parse(candidate.download_url)
    return ExportedSource(
        source=candidate.source,
        url=redact(str(url)) if url else "",
        access=candidate.access,
        page_url=redact(candidate.page_url) if candidate.page_url else None,
        key_variable=credentials.wanted_variable(url) if url else None,
        needs_key=candidate.access in _NEED_A_KEY,
        repo_id=candidate.repo_id,
        revision=candidate.revision,
        repo_path=candidate.repo_path,
    )


def _lock(session: Session, wanted: Sequence[Order]) -> str:
    rows = []
    for order in wanted:
        candidates = order.request.candidates
        sha256 = next((one.sha256 for one in candidates if one.sha256), None)
        size = next((one.size_bytes for one in candidates if one.size_bytes is not None), None)
        if sha256 and size is not None:
            rows.append(planned_model(order, sha256=sha256, size_bytes=size))
    return encoded(lock_of(session, sorted(rows, key=lambda row: (row.folder, row.name)))).decode()


def _write(output: Path, text: str, *, executable: bool) -> None:
    """Whole or not at all; a script may be run.

    Raises:
        UsageError: `workdir-unwritable`.
    """
    write_whole(output, text.encode("utf-8", "surrogateescape"))
    if executable and os.name == "posix":
        try:
            output.chmod(output.stat().st_mode | 0o100)
        except OSError as error:
            message = f"`{printable(output)}` can't be made a program: {error.strerror or error}"
            raise UsageError(
                message, code="workdir-unwritable", hint=f"Run it with `sh {printable(output)}`"
            ) from error
