"""The sources of a run, in the order in which they are asked."""

from collections.abc import Iterator

from comfyfixer.model.problem import Problem
from comfyfixer.net.client import Client
from comfyfixer.settings import Settings
from comfyfixer.sources.addresses import Addresses
from comfyfixer.sources.civitai import CivitaiSource, ReadBeside, none_beside
from comfyfixer.sources.civitai_api import CivitaiApi
from comfyfixer.sources.huggingface import HuggingFaceSource
from comfyfixer.sources.huggingface_api import HuggingFaceApi
from comfyfixer.sources.indexes import IndexSource
from comfyfixer.sources.lead_book import LeadBook, ReadLeads, nothing_here
from comfyfixer.sources.modelscope import ModelScopeSource
from comfyfixer.sources.openmodeldb import OpenModelDbSource
from comfyfixer.sources.plugins import Told, entry_point_names, plugged_in
from comfyfixer.sources.publishers import Publishers
from comfyfixer.sources.source import Source
from comfyfixer.sources.workflow_urls import WorkflowUrlSource


def _untold(_problem: Problem) -> None:
    """For who only looks."""


def make_sources(
    settings: Settings,
    client: Client,
    *,
    read_leads: ReadLeads = nothing_here,
    read_beside: ReadBeside = none_beside,
    told: Told = _untold,
) -> tuple[Source, ...]:
    """What the workflows say, what indexes say, the only index by hash, the largest hub; then smaller places.

    Args:
        read_leads: Reads the indexes of the installation when they are first needed.
        read_beside: Reads the metadata files that lie where a missing model belongs.
        told: Takes the problems of sources that other packages bring.
    """
    own = list(_own(settings, client, read_leads, read_beside))
    wrong = {*settings.sources_disabled, *settings.sources_enabled} - {source.name for source in own}
    wrong -= entry_point_names() if wrong else set()
    for name in sorted(wrong):
        told(_no_such(name, [source.name for source in own]))
    return (*(source for source in own if settings.asks(source.name)), *plugged_in(settings, client, told))


def _own(settings: Settings, client: Client, read_leads: ReadLeads, read_beside: ReadBeside) -> Iterator[Source]:
    huggingface, civitai = HuggingFaceApi(settings, client), CivitaiApi(settings, client)
    addresses = Addresses(settings, client, huggingface, civitai)
    book = LeadBook(settings, client, read_leads)
    indexed = settings.asks(IndexSource.name)
    yield WorkflowUrlSource(addresses)
    yield IndexSource(book, addresses)
    yield CivitaiSource(settings, civitai, read_beside)
    yield HuggingFaceSource(settings, huggingface, Publishers(book if indexed else None))
    yield OpenModelDbSource(settings, client)
    yield ModelScopeSource(settings, client, book if indexed else LeadBook(settings, client, nothing_here))


def _no_such(name: str, known: list[str]) -> Problem:
    return Problem(
        code="config-invalid",
        message=f"`sources` in the settings names `{name}`, and no source has this name",
        hint=f"The sources are {', '.join(known)}, and those that other packages bring",
        where="sources",
    )
