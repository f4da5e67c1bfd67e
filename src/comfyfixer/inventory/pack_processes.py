"""Reading node packs in several processes."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from comfyfixer.inventory.folder_table import FolderTable
from comfyfixer.inventory.node_source import read_node_source
from comfyfixer.inventory.pack_source import PackSource
from comfyfixer.inventory.reading.surroundings import Surroundings
from comfyfixer.side_by_side import Unavailable, processes, shared, side_by_side


class _Around(msgspec.Struct, frozen=True):
    """What reading a pack takes besides the pack."""

    table: FolderTable
    code_dir: str | None
    importable: Surroundings | None


def read_in_processes(
    main_files: Sequence[Path], table: FolderTable, code_dir: str | None, around: Surroundings | None
) -> Iterator[PackSource]:
    """What each pack's source tells, in order; ends early where no further process can be had."""
    at_once = processes()
    if at_once < 2:
        return
    try:
        yield from side_by_side(_read, main_files, prepare=partial(_Around, table, code_dir, around), at_once=at_once)
    except Unavailable:
        return


def _read(main_file: Path) -> PackSource:
    around: _Around = shared()
    return read_node_source(main_file, around.table, around.code_dir, around=around.importable)
