"""Before a big run: which files a hub will not give, and the page to click; asked with the key, of the hub alone.

Civitai decides for each version whether a key is needed, and tells it only when the file itself is asked for; a gated
repository of Hugging Face is known as one, and only its file tells whether this key's account may have it. Everything
else is left to the transfer, which repeats and waits; a doubt here refuses nothing.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from comfyfixer.download.refusals import refusal
from comfyfixer.errors import DownloadError
from comfyfixer.model.candidate import Candidate
from comfyfixer.model.problem import Problem
from comfyfixer.pipeline.parallel import in_parallel
from comfyfixer.pipeline.placing import Order
from comfyfixer.pipeline.session import Session

if TYPE_CHECKING:
    from comfyfixer.net.client import Client

NEEDS_A_PERSON: Final = frozenset(
    {"gated", "early-access", "login-required", "hub-key-refused", "download-disabled", "file-archived",
     "file-not-found", "hub-refused", "hub-region-blocked"}
)  # fmt: skip
"""Codes of what no waiting mends."""
_AT_ONCE: Final = 4
_SOURCES: Final = frozenset({"civitai", "huggingface"})


def checked(session: Session, client: "Client", wanted: Sequence[Order]) -> tuple[list[Order], dict[str, Problem]]:
    """The orders with the candidates that can be had, and why the others can't, by target.

    A single file is not asked about beforehand: its transfer says the same at once.

    Raises:
        Interrupted: The user stopped.
    """
    asked = [(place, candidate) for place, order in enumerate(wanted) for candidate in order.request.candidates
             if len(wanted) > 1 and is_worth_asking(candidate)]  # fmt: skip
    if asked:
        session.emit("access.checked", files=len({place for place, _ in asked}))
    refused: dict[tuple[int, str], DownloadError] = {}
    work = [partial(access_problem, client, candidate) for _, candidate in asked]
    at_once = min(_AT_ONCE, session.settings.connections_per_host)
    for number, error in in_parallel(session, work, at_once=at_once, on_stop=client.stop):
        if error is not None:
            place, candidate = asked[number]
            refused[place, candidate.id] = error
    return _sorted_out(wanted, refused)


def is_worth_asking(candidate: Candidate) -> bool:
    """Whether only asking tells if it can be had."""
    return candidate.source == "civitai" or (candidate.source in _SOURCES and candidate.access != "open")


def access_problem(client: "Client", candidate: Candidate) -> DownloadError | None:
    """Why a hub will not give a file to this key; None where it will, or where nothing is known now."""
    try:
        with client.ask_for(candidate.download_url) as answer:
            if answer.status < 400 or answer.status == 416:
                return None
            error = refusal(answer.status, answer.headers, answer.error_body(), candidate, key_sent=answer.key_variable)
    except DownloadError:
        return None
    return error if error.code in NEEDS_A_PERSON and not error.retryable else None


def _sorted_out(
    orders: Sequence[Order], refused: Mapping[tuple[int, str], DownloadError]
) -> tuple[list[Order], dict[str, Problem]]:
    fit: list[Order] = []
    problems: dict[str, Problem] = {}
    for place, order in enumerate(orders):
        candidates = order.request.candidates
        kept = tuple(one for one in candidates if (place, one.id) not in refused)
        if kept:
            fit.append(_with_candidates(order, kept))
        else:
            first = refused[place, candidates[0].id]
            problems[order.request.target] = Problem.of(first, where=order.row.filename)
    return fit, problems


def _with_candidates(order: Order, kept: tuple[Candidate, ...]) -> Order:
    if kept == order.request.candidates:
        return order
    return Order(order.row, msgspec.structs.replace(order.request, candidates=kept))
