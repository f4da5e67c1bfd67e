"""Indexes that name exact files with addresses: a file is asked for where they say, its bytes from the hub itself."""

from collections.abc import Iterator
from typing import Final

import msgspec

from comfyfixer.errors import NotThere, SourceError
from comfyfixer.model.candidate import Candidate, Evidence
from comfyfixer.model.lead import Lead
from comfyfixer.model.missing import MissingModel
from comfyfixer.redact import plain
from comfyfixer.resolve.local import same_folder
from comfyfixer.resolve.names import is_generic
from comfyfixer.sources.addresses import Addresses, Said
from comfyfixer.sources.lead_book import LeadBook

_MOST: Final = 6
_MOST_OF_A_COMMON_NAME: Final = 3


class IndexSource:
    """Official templates, ComfyUI-Manager's model list, and what node packs name: by the exact file name alone."""

    name = "indexes"

    def __init__(self, book: LeadBook, addresses: Addresses) -> None:
        self._book = book
        self._addresses = addresses

    def search(self, missing: MissingModel) -> Iterator[Candidate]:
        """The files to which the addresses lead; what is gone is told in the end."""
        gone: list[str] = []
        unanswered: SourceError | None = None
        for lead in self._asked(missing):
            try:
                for candidate in self._addresses.behind(_said(lead), missing):
                    yield _placed(candidate, lead, missing)
            except NotThere as error:
                gone.append(f"{plain(lead.url)}: {error.message}")
            except SourceError as error:
                unanswered = unanswered or error
                if error.code == "hub-not-asked" and (named := self._addresses.unasked(_said(lead))):
                    yield _placed(named, lead, missing)
        if unanswered is not None:
            raise unanswered
        if gone:
            raise NotThere("What they name is gone: " + "; ".join(gone))
        if self._book.lacks:
            raise NotThere(self._book.lacks)

    def _asked(self, missing: MissingModel) -> list[Lead]:
        """For a name that many files carry only those of its folder, and few."""
        leads = self._book.leads.named(missing.filename)
        if not is_generic(missing.filename):
            return leads[:_MOST]
        return [lead for lead in leads if _fits(lead, missing)][:_MOST_OF_A_COMMON_NAME]


def _said(lead: Lead) -> Said:
    folder = f", for `{lead.folder}`" if lead.folder else ""
    fact = Evidence(kind="index", detail=f"{lead.named_by} names its address{folder}: {plain(lead.url)}")
    return Said(url=lead.url, evidence=fact, who=lead.named_by, found_by="index")


def _fits(lead: Lead, missing: MissingModel) -> bool:
    return lead.folder is not None and missing.folder is not None and same_folder(lead.folder, missing.folder)


def _placed(candidate: Candidate, lead: Lead, missing: MissingModel) -> Candidate:
    """The folder of the index adds to what the hub tells, and never speaks against it; its hash has to be met."""
    folders = candidate.folders
    if lead.folder and (_fits(lead, missing) or not folders):
        folders = tuple(dict.fromkeys((*folders, lead.folder)))
    evidence = candidate.evidence
    if lead.sha256 and candidate.sha256 and lead.sha256 != candidate.sha256 and _is_meant(candidate):
        text = f"{lead.named_by} names another SHA-256 ({lead.sha256[:12]}...): the file was replaced since"
        evidence = (*evidence, Evidence(kind="contradictory", detail=text))
    return msgspec.structs.replace(candidate, folders=folders, evidence=evidence)


def _is_meant(candidate: Candidate) -> bool:
    """Whether the address leads to this very file, not only to its repository or page."""
    return candidate.found_by == "index"
