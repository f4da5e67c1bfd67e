"""The files of one run on their way: several at once, small ones past big ones, within the hours, sharing one line."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from comfyfixer.download.fetch import fetch
from comfyfixer.download.sharing import Sharing
from comfyfixer.download.space import promised_size
from comfyfixer.errors import Interrupted
from comfyfixer.model.outcome import Outcome
from comfyfixer.pipeline.downloader import hand_of
from comfyfixer.pipeline.hours import Hours, wait_until_open
from comfyfixer.pipeline.parallel import in_parallel
from comfyfixer.pipeline.placing import Order
from comfyfixer.pipeline.session import Session
from comfyfixer.settings import Settings

if TYPE_CHECKING:
    from comfyfixer.net.client import Client

_SMALL: Final = 64 * 1024 * 1024


def fetched(
    session: Session, wanted: Sequence[Order], make_client: Callable[[], "Client"]
) -> Iterator[tuple[Order, Outcome]]:
    """Orders and outcomes as they come; begun in the order of the orders, but that small files may overtake.

    Outside the configured hours everything is put away, and waits.

    Raises:
        Interrupted: The user stopped; after every transfer has come to a clean stop.
    """
    sharing = sharing_of(session.settings)
    hours = Hours(None if session.settings.ignore_window else session.settings.window)
    waiting = list(wanted)
    while waiting:
        closes_at = wait_until_open(session, hours)
        try:
            for order, outcome in _while_open(session, tuple(waiting), make_client, sharing, closes_at):
                waiting.remove(order)
                yield order, outcome
        except Interrupted:
            session.check_stop()


def sharing_of(settings: Settings) -> Sharing:
    """What the transfers of a run share."""
    return Sharing(
        per_file=settings.connections,
        per_host=settings.connections_per_host,
        bytes_per_second=settings.limit_rate,
        free_bytes=lambda folder: shutil.disk_usage(folder).free,
    )


def at_once(settings: Settings) -> int:
    """How many files at once. Other programs don't know of each other: only one at a time keeps a common rate."""
    alone = settings.limit_rate is not None and settings.downloader != "builtin"
    return 1 if alone else settings.max_concurrent


def _while_open(
    session: Session,
    wanted: Sequence[Order],
    make_client: Callable[[], "Client"],
    sharing: Sharing,
    closes_at: float,
) -> Iterator[tuple[Order, Outcome]]:
    """Until all are done.

    Raises:
        Interrupted: The user stopped, or it is `closes_at`.
    """
    settings = session.settings

    def cancelled() -> bool:
        return session.cancelled() or time.time() >= closes_at

    with make_client() as client:
        one = partial(
            fetch, client=client, emit=session.emit, cancelled=cancelled,
            verify_hashes=settings.verify_hashes, sharing=sharing, hand=hand_of(settings, client),
        )  # fmt: skip
        work = [partial(one, order.request) for order in wanted]
        for place, outcome in in_parallel(
            session,
            work,
            at_once=at_once(settings),
            on_stop=client.stop,
            small=[_is_small(one) for one in wanted],
        ):
            yield wanted[place], outcome


def _is_small(order: Order) -> bool:
    size = promised_size(order.request)
    return size is not None and size < _SMALL
