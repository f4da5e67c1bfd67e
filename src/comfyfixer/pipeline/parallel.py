"""Several things at once, stoppable."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final, TypeVar

from comfyfixer.pipeline.session import Session

Result = TypeVar("Result")
_WAKE_UP_S: Final = 0.2
"""How often the waiting thread looks whether it was told to stop."""


def in_parallel(
    session: Session, work: Sequence[Callable[[], Result]], *, at_once: int, on_stop: Callable[[], None]
) -> Iterator[tuple[int, Result]]:
    """Place and result of each piece of work, as they come.

    Args:
        on_stop: Called when the user stops or a piece fails; ends what the pieces wait for.

    Raises:
        Interrupted: After everything that ran has come to a clean stop.
        Exception: Whatever a piece of work raises.
    """
    with ThreadPoolExecutor(at_once) as pool:
        pending: dict[Future[Result], int] = {pool.submit(piece): place for place, piece in enumerate(work)}
        try:
            while pending:
                done, _ = wait(pending, timeout=_WAKE_UP_S, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=pending.__getitem__):
                    yield pending.pop(future), future.result()
                session.check_stop()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            on_stop()
            raise
