"""All that indexes name, read when first needed: those that lie here, else ComfyUI-Manager's list of its channel."""

from collections.abc import Callable, Iterable
from typing import Final

from comfyfixer.errors import SourceError
from comfyfixer.model.lead import Lead
from comfyfixer.net.client import Client
from comfyfixer.resolve.leads import Leads, of_manager
from comfyfixer.settings import Settings
from comfyfixer.sources.once import Once

ReadLeads = Callable[[], Iterable[Lead]]
_CHANNEL: Final = "ComfyUI-Manager's model list"


def nothing_here() -> Iterable[Lead]:
    """For who has no installation to look at."""
    return ()


class LeadBook:
    """The indexes of a run. Thread-safe.

    Args:
        read: Reads those of the installation; asked once.
    """

    def __init__(self, settings: Settings, client: Client, read: ReadLeads = nothing_here) -> None:
        self._client = client
        self._url = f"{settings.endpoints.manager}/model-list.json"
        self._age_s = settings.cache_max_age_hours * 3600
        self._may_ask = settings.asks("manager")
        self._read = read
        self._made: Once[tuple[Leads, str | None]] = Once()

    @property
    def leads(self) -> Leads:
        """All of them."""
        return self._known[0]

    @property
    def lacks(self) -> str | None:
        """What is not in it, as a sentence: an index is a hint, so that a run without it goes on."""
        return self._known[1]

    @property
    def _known(self) -> tuple[Leads, str | None]:
        return self._made.get("leads", self._gathered)

    def _gathered(self) -> tuple[Leads, str | None]:
        """ComfyUI-Manager's channel is asked only where no copy of its list lies here."""
        here = list(self._read())
        if not self._may_ask or any(lead.index == "manager" for lead in here):
            return Leads(here), None
        try:
            document = self._client.get(self._url, max_age_s=self._age_s).body
        except SourceError as error:
            return Leads(here), f"{_CHANNEL} could not be had: {error.message}"
        return Leads([*here, *of_manager(document, _CHANNEL)]), None
