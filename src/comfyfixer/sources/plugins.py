"""Sources that other packages bring: loaded when they are needed, and never trusted further than a hub is."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from comfyfixer.errors import Interrupted, SourceError
from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.problem import Problem
from comfyfixer.net.client import Client
from comfyfixer.redact import plain
from comfyfixer.resolve.evidence import DISQUALIFYING
from comfyfixer.settings import Settings
from comfyfixer.sources.foreign import exact_size, is_model_name, known_hashes
from comfyfixer.sources.source import Source, concerned

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "comfyfixer.sources"
_MOST: Final = 100
Told = Callable[[Problem], None]


def entry_point_names() -> set[str]:
    """The names of all sources that other packages bring; none of them is loaded."""
    from importlib.metadata import entry_points

    return {point.name for point in entry_points(group=GROUP)}


def plugged_in(settings: Settings, client: Client, told: Told) -> list[Source]:
    """The sources of other packages; of one that can't be loaded only a problem is told.

    Args:
        told: Takes the problems.
    """
    from importlib.metadata import entry_points

    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    made = (_made(point, settings, client, told) for point in points if settings.asks(point.name))
    return [source for source in made if source is not None]


def _made(point: "EntryPoint", settings: Settings, client: Client, told: Told) -> Source | None:
    name = plain(point.name)
    try:
        source = point.load()(settings, client)
        if not callable(getattr(source, "search", None)):
            raise TypeError("what it makes has no `search`")
    except Interrupted:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  # another's code may raise anything
        told(_broken(name, error))
        return None
    return PluggedIn(name, source, client)


class PluggedIn:
    """Another's source behind our rules: its errors are ours, and its word proves nothing that is not compared here.

    Attributes:
        name: The entry point's.
    """

    def __init__(self, name: str, source: Any, client: Client) -> None:
        self.name = name
        self._source = source
        self._client = client

    def concerns(self, missing: MissingModel) -> bool:
        """Its own word, where it has one."""
        try:
            return concerned(self._source, missing)
        except Exception:  # noqa: BLE001  # told when it is asked
            return True

    def search(self, missing: MissingModel) -> Iterator[Candidate]:
        """See `Source`."""
        try:
            for number, candidate in enumerate(self._source.search(missing)):
                if number >= _MOST:
                    return
                if (taken := self._taken(candidate)) is not None:
                    yield taken
        except (SourceError, Interrupted):
            raise
        except Exception as error:  # another's code may raise anything
            problem = _broken(self.name, error)
            raise SourceError(problem.message, code=problem.code, hint=problem.hint) from error

    def _taken(self, candidate: Any) -> Candidate | None:
        """The candidate as we know it: a file at an address, its host one that is allowed; None for no file's name."""
        if not isinstance(candidate, Candidate):
            raise TypeError("it gave something that is no `Candidate`")
        if not _is_plain(candidate.filename):
            return None
        reason = self._client.allowed(candidate.download_url)
        refused = (Evidence(kind="not-allowed-host", detail=f"It is not fetched: {reason}"),) if reason else ()
        return msgspec.structs.replace(
            candidate,
            source="url",
            alternative_names=tuple(name for name in candidate.alternative_names if _is_plain(name)),
            size_bytes=exact_size(candidate.size_bytes),
            hashes=known_hashes(dict(candidate.hashes)),
            found_by=self.name,
            workflow_urls=(),
            evidence=(*map(_said, candidate.evidence), *refused),
        )


def _is_plain(name: str) -> bool:
    return is_model_name(name) and not {"/", "\\"} & set(name)


def _said(fact: Evidence) -> Evidence:
    """Only what speaks against its candidate keeps its kind: all that speaks for one is found here by comparing."""
    kind = fact.kind if fact.kind in DISQUALIFYING else "said"
    return Evidence(kind=kind, detail=plain(fact.detail))


def _broken(name: str, error: BaseException) -> Problem:
    return Problem(
        code="source-broken",
        message=f"The source `{name}` of another package does not work: {plain(f'{type(error).__name__}: {error}')}",
        hint=f'Update or remove its package, or switch it off: `sources.disabled: ["{name}"]` in config.json',
        where=name,
    )
