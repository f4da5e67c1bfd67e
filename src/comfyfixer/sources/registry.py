"""The sources of a run, in the order in which they are asked."""

from comfyfixer.net.client import Client
from comfyfixer.settings import Settings
from comfyfixer.sources.addresses import Addresses
from comfyfixer.sources.civitai import CivitaiSource
from comfyfixer.sources.civitai_api import CivitaiApi
from comfyfixer.sources.huggingface import HuggingFaceSource
from comfyfixer.sources.huggingface_api import HuggingFaceApi
from comfyfixer.sources.source import Source
from comfyfixer.sources.workflow_urls import WorkflowUrlSource


def make_sources(settings: Settings, client: Client) -> tuple[Source, ...]:
    """What the workflows say, then Civitai (the only index by hash), then Hugging Face."""
    huggingface, civitai = HuggingFaceApi(settings, client), CivitaiApi(settings, client)
    return (
        WorkflowUrlSource(Addresses(settings, client, huggingface, civitai)),
        CivitaiSource(settings, civitai),
        HuggingFaceSource(settings, huggingface),
    )
