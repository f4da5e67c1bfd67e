"""What workflows themselves say about where a file is."""

from collections.abc import Iterator
from typing import Final

from comfyfixer.errors import NotThere, SourceError
from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.missing import MissingModel
from comfyfixer.redact import plain
from comfyfixer.sources.addresses import Addresses, Said

_MAX_URLS: Final = 50


class WorkflowUrlSource:
    """The first place to ask: an author who gives an address means that very file."""

    name = "workflow"

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def search(self, missing: MissingModel) -> Iterator[Candidate]:
        """The file behind each address; one that leads nowhere any more is told in the end, and no candidate."""
        gone: list[str] = []
        unanswered = _too_many(missing) if len(missing.urls) > _MAX_URLS else None
        for url in missing.urls[:_MAX_URLS]:
            try:
                yield from self._addresses.behind(_said(url, missing), missing)
            except NotThere as error:
                gone.append(f"{plain(url)}: {error.message}")
            except SourceError as error:
                unanswered = unanswered or error
        if unanswered is not None:
            raise unanswered
        if gone:
            raise NotThere("What the workflow names is gone: " + "; ".join(gone))


def _too_many(missing: MissingModel) -> SourceError:
    message = f"The workflows name {len(missing.urls)} addresses for one file; only {_MAX_URLS} were asked"
    return SourceError(message, code="hub-bad-answer", hint="Remove addresses that are not meant from the workflows")


def _said(url: str, missing: MissingModel) -> Said:
    """Where the address stands: a node's own weighs more than a link in a note."""
    if missing.url_origins.get(url) == "note":
        fact = Evidence(kind="note-url", detail=f"A link in a note of the workflow leads to it: {plain(url)}")
        return Said(url=url, evidence=fact, workflow_urls=(url,), name_has_to_be_equal=True)
    fact = Evidence(kind="workflow-url", detail=f"The workflow itself names its address: {plain(url)}")
    return Said(url=url, evidence=fact, workflow_urls=(url,))
