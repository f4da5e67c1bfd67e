"""What can be said of a run that fetches before anybody is asked and anything is written."""

from pathlib import Path

from comfyfixer.pipeline.downloader import program_of
from comfyfixer.pipeline.roots import check_roots
from comfyfixer.settings import Settings


def check_beforehand(settings: Settings) -> None:
    """Look whether this machine can do what the settings want.

    Raises:
        UsageError: `downloader-missing`, `config-invalid`, `root-not-searched` or `store-unusable`; with a wish where
            files are to go also `installation-not-found` or `installation-invalid`.
    """
    program_of(settings)
    check_roots(settings)
    if settings.store is not None:
        from comfyfixer.pipeline.store import Store

        Store(Path(settings.store)).check()
