"""Where the installation's own lists say that models can be had."""

import os
from collections.abc import Iterable
from pathlib import Path

from comfyfixer.errors import UsageError
from comfyfixer.inventory.environment import site_packages
from comfyfixer.inventory.folders import read_folders
from comfyfixer.inventory.model_lists import environments_of_comfyui, read_leads
from comfyfixer.model.lead import Lead
from comfyfixer.pipeline.installation import installation_of
from comfyfixer.pipeline.session import Session


def known_leads(session: Session) -> Iterable[Lead]:
    """What official templates, ComfyUI-Manager's list and node packs name; nothing without an installation."""
    try:
        installation = installation_of(session.settings)
        table, _ = read_folders(installation)
    except UsageError:
        return ()
    custom_nodes = [str(Path(installation.base_dir, "custom_nodes")), *table.roots("custom_nodes")]
    packages = [*site_packages(installation), *environments_of_comfyui(os.environ)]
    return read_leads(installation.base_dir, custom_nodes, packages, session.workdir.model_lists)
