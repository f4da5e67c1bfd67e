"""What `picklescan` says of a pickle, where it is installed (extra `pickle`): it reads opcodes, and runs nothing.

Our own proof lets through only what is known to be harmless; this list of what is known to be dangerous is kept by
others, and also looks into containers in ways of its own. Only its "dangerous" counts: its "clean" proves nothing.
"""

import importlib
import importlib.util
import logging
from pathlib import Path
from typing import Final

from comfyfixer.redact import plain

_PACKAGE: Final = "picklescan"
_SHOWN: Final = 3


def dangerous_names(path: Path) -> tuple[str, ...]:
    """What the file would call that `picklescan` knows as dangerous; none too where it is not installed or gives up.

    Raises:
        OSError: The file can't be read.
    """
    if importlib.util.find_spec(_PACKAGE) is None:
        return ()
    scanner = importlib.import_module(f"{_PACKAGE}.scanner")
    logging.getLogger(_PACKAGE).disabled = True
    with path.open("rb") as file:
        try:
            result = scanner.scan_bytes(file, "file", ".pt")
        except Exception:  # noqa: BLE001  # foreign code over hostile bytes; our own proof decides then
            return ()
    found = [f"{one.module}.{one.name}" for one in result.globals if one.safety.value == "dangerous"]
    names = tuple(plain(name) for name in dict.fromkeys(found))
    return names[:_SHOWN] if names else ("something",) * bool(result.infected_files)
