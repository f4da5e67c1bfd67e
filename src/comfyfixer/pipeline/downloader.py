"""The program that the settings name for fetching, ready to be handed to the download room."""

from typing import TYPE_CHECKING

from comfyfixer.errors import UsageError
from comfyfixer.net.stored_keys import with_stored_keys
from comfyfixer.redact import Secrets
from comfyfixer.settings import Settings

if TYPE_CHECKING:
    from comfyfixer.download.hf_program import Hub
    from comfyfixer.download.other_hand import Hand
    from comfyfixer.net.client import Client


def program_of(settings: Settings) -> str | None:
    """Where the program is; None for our own hands.

    Raises:
        UsageError: `downloader-missing`; `config-invalid`: it can't do what is asked.
    """
    if settings.downloader == "builtin":
        return None
    if settings.downloader == "hf" and settings.limit_rate is not None:
        hint = "Fetch with `--downloader builtin`, `aria2c` or `wget`, or without a limit"
        raise UsageError("`hf` can't be held to a rate", code="config-invalid", hint=hint)
    from comfyfixer.download.program import executable

    return executable(settings.downloader)


def hand_of(settings: Settings, client: "Client") -> "Hand | None":
    """The program; None for our own hands.

    Raises:
        UsageError: As `program_of`.
    """
    program = program_of(settings)
    if program is None:
        return None
    settings = with_stored_keys(settings)
    if settings.downloader == "hf":
        from comfyfixer.download.hf_program import HuggingFaceCli

        return HuggingFaceCli(program, _hub(settings), Secrets.of(settings).hidden)
    from comfyfixer.download.located_programs import Aria2, Wget

    kind = Aria2 if settings.downloader == "aria2c" else Wget
    return kind(program, client, Secrets.of(settings).hidden)


def _hub(settings: Settings) -> "Hub":
    """Where `hf` asks, and the key that belongs there."""
    from comfyfixer.download.hf_program import Hub
    from comfyfixer.net.credentials import Credentials
    from comfyfixer.net.url import Url

    endpoint = settings.endpoints.huggingface
    url = Url.parse(endpoint)
    gets_key = url is not None and Credentials(settings).variable(url) == "HF_TOKEN"
    key = settings.huggingface_key.reveal() if gets_key and settings.huggingface_key else None
    return Hub(endpoint=endpoint, key=key)
