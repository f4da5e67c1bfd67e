"""What metadata files say that lie where the missing models belong, in the session's installation."""

from functools import cached_property

from comfyfixer.errors import UsageError
from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.folders import read_folders
from comfyfixer.inventory.sidecars import sidecars_beside
from comfyfixer.model.missing import MissingModel
from comfyfixer.model.sidecar import Sidecar
from comfyfixer.pipeline.installation import installation_of
from comfyfixer.pipeline.session import Session
from comfyfixer.resolve.sidecars import worth_reading


class Beside:
    """Reads them when they are first asked for, once for each missing model of one `resolve`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[tuple[str, str, str], tuple[Sidecar, ...]] = {}

    def __call__(self, missing: MissingModel) -> tuple[Sidecar, ...]:
        """None where the workflow itself names a hash: that says more."""
        if missing.folder is None or not worth_reading(missing) or self._table is None:
            return ()
        if missing.key not in self._read:
            value = missing.value.replace("\\", "/")
            named = value if value.rpartition("/")[2] == missing.filename else missing.filename
            self._read[missing.key] = sidecars_beside(self._table.roots(missing.folder), named)
        return self._read[missing.key]

    @cached_property
    def _table(self) -> FolderTable | None:
        """None without an installation."""
        try:
            return read_folders(installation_of(self._session.settings))[0]
        except UsageError:
            return None
