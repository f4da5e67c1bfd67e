"""What a run does around its transfers: asks first who may have the files, takes them from the shared store, and writes
what stands beside them.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from comfyfixer.download.expected import expected_of
from comfyfixer.errors import ComfyFixerError, DownloadError
from comfyfixer.model.outcome import Outcome
from comfyfixer.model.problem import Problem
from comfyfixer.paths import openable, printable
from comfyfixer.pipeline.placing import Order
from comfyfixer.pipeline.session import Session
from comfyfixer.resolve.safer_twins import TWIN

if TYPE_CHECKING:
    from comfyfixer.download.verify import Proof
    from comfyfixer.net.client import Client
    from comfyfixer.pipeline.store import Store


class Extras:
    """One run's."""

    def __init__(self, session: Session, make_client: Callable[[], "Client"]) -> None:
        self._session = session
        self._make_client = make_client
        self._store = _store_of(session)
        self._done: list[tuple[Order, Outcome]] = []

    @property
    def done(self) -> Sequence[tuple[Order, Outcome]]:
        """What was told to `after`."""
        return self._done

    def from_store(self, wanted: Sequence[Order]) -> Iterator[tuple[Order, Outcome]]:
        """The files that the store has, linked into their places; what goes wrong is left to the transfer."""
        for order in wanted if self._store is not None else ():
            self._session.check_stop()
            try:
                outcome = self._linked(order)
            except (DownloadError, OSError):
                continue
            if outcome is not None:
                yield order, outcome

    def refused(self, wanted: Sequence[Order]) -> tuple[list[Order], dict[str, Problem]]:
        """The orders that hubs will give, and why the others can't be had, by target."""
        from comfyfixer.pipeline.preflight import checked

        if not wanted or self._session.settings.offline:
            return list(wanted), {}
        with self._make_client() as client:
            return checked(self._session, client, wanted)

    def after(self, order: Order, outcome: Outcome) -> None:
        """A file is in its place, or could not be had."""
        self._done.append((order, outcome))
        if outcome.success and outcome.path and outcome.verified and outcome.sha256:
            self._into_store(outcome.path, outcome.sha256, order)

    def finish(self) -> None:
        """Sidecars at the end: no file waits for a picture."""
        if not self._session.settings.sidecars or not any(outcome.success for _, outcome in self._done):
            return
        from comfyfixer.pipeline.sidecars import write_sidecars

        with self._make_client() as client:
            for order, outcome in self._done:
                self._session.check_stop()
                write_sidecars(self._session, client, order, outcome)

    def _linked(self, order: Order) -> Outcome | None:
        """Linked under the target's lock: what an earlier run had of the file is not needed any more."""
        from comfyfixer.download.beside import PartPaths
        from comfyfixer.download.lock import held
        from comfyfixer.download.place import make_folder

        request, session = order.request, self._session
        target = Path(request.target)
        store, proof = self._store, self._proof(order)
        if store is None or proof is None or target.exists():
            return None
        paths = PartPaths(target)
        make_folder(target.parent)
        paths.check_lock()
        with held(paths.lock, session.cancelled, keep=paths.bytes_here):
            store.link(proof.sha256, target)
            paths.forget()
        source = printable(store.path(proof.sha256))
        session.emit("store.linked", filename=request.filename, source=source, size_bytes=proof.size_bytes)
        return Outcome(
            filename=request.filename, source=request.candidates[0].source, success=True, path=printable(target),
            size_bytes=proof.size_bytes, sha256=proof.sha256, verified=True, unsafe=proof.unsafe,
            from_store=True,
        )  # fmt: skip

    def _proof(self, order: Order) -> "Proof | None":
        expected = expected_of(order.request, order.request.candidates[0], verify_hashes=True)
        return self._store.proven(expected, self._session.cancelled) if self._store is not None else None

    def _into_store(self, path: str, sha256: str, order: Order) -> None:
        if self._store is None:
            return
        try:
            how = self._store.add(Path(openable(path)), sha256)
        except (OSError, ComfyFixerError) as error:
            told = f"`{order.request.filename}` is in its place, and could not be put into the store: {error}"
            self._session.note(told)
            return
        if how is not None:
            kept = printable(self._store.path(sha256))
            self._session.emit("store.added", filename=order.request.filename, path=kept, how=how)


def with_twin(order: Order, outcome: Outcome) -> Outcome:
    """A refused pickle's outcome, with the twin that holds no code as what to do."""
    error = outcome.error
    facts = [fact.detail for one in order.row.candidates for fact in one.evidence if fact.kind == TWIN]
    if error is None or error.code != "unsafe-file" or not facts:
        return outcome
    hint = f"{facts[0]}: name that one in the node. If you need this very file: `--allow-pickle {outcome.filename}`"
    return msgspec.structs.replace(outcome, error=msgspec.structs.replace(error, hint=hint))


def _store_of(session: Session) -> "Store | None":
    if session.settings.store is None:
        return None
    from comfyfixer.pipeline.store import Store

    return Store(Path(session.settings.store))
