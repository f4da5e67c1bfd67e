"""Many workflow files from disk to their needs: what did not change is remembered, thousands are read side by side."""

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from comfyfixer.model.library import Library
from comfyfixer.model.reference import Workflow
from comfyfixer.pipeline.reading.cache import PackInputs, Reading, Readings, reader_version
from comfyfixer.resolve.gathering import gathered
from comfyfixer.side_by_side import Unavailable, processes

FEWEST: Final = 3_000
"""Files from which on several processes pay: their start costs as much as reading some 2,000 workflows."""

_CHUNK: Final = 200
"""Files a process is handed at once: one by one, handing them over would cost more than reading them."""


def read_many(paths: Sequence[str], pack_inputs: PackInputs, cache: Path | None = None) -> Generator[Workflow | None]:
    """Each file's needs, in order; None for a file that is no workflow.

    Args:
        pack_inputs: What installed packs say of their nodes' inputs.
        cache: What earlier calls read is taken from here, and kept here for the next; None for neither.
    """
    if cache is None:
        yield from (reading.workflow for reading in _read(paths, pack_inputs))
        return
    readings = Readings(cache, reader_version(pack_inputs))
    yield from _read_changed(readings, paths, pack_inputs)
    readings.save()


def read_together(
    paths: Sequence[str], pack_inputs: PackInputs, cache: Path, each: Callable[[int, Workflow | None], None]
) -> Library:
    """What all of the files need. Where none of them changed since it was last gathered, none is even decoded.

    Args:
        each: Told the number of each file, from 1 on, and what it needs; of files that did not change only the last.
    """
    readings = Readings(cache, reader_version(pack_inputs))
    library = readings.library(paths)
    if library is not None:
        each(len(paths), None)
        return library

    def watched() -> Iterator[Workflow]:
        for number, workflow in enumerate(_read_changed(readings, paths, pack_inputs), start=1):
            each(number, workflow)
            if workflow is not None:
                yield workflow

    library = gathered(watched())
    readings.save(library)
    return library


def _read_changed(readings: Readings, paths: Sequence[str], pack_inputs: PackInputs) -> Iterator[Workflow | None]:
    """Each file's needs, in order; only those that changed are opened."""
    changed = [path for path in paths if not readings.recall(path)]
    fresh = zip(changed, _read(changed, pack_inputs), strict=True)
    following = next(fresh, None)
    for path in paths:
        if following is None or following[0] != path:
            yield readings.recalled(path)
            continue
        readings.keep(*following)
        yield following[1].workflow
        following = next(fresh, None)


def _read(paths: Sequence[str], pack_inputs: PackInputs) -> Iterator[Reading]:
    """In this process, and in as many others as the machine has further cores."""
    if not paths:
        return  # a scan that finds nothing changed loads nothing that reads
    from comfyfixer.pipeline.reading.file import Reader
    from comfyfixer.scan.knowledge import builtin_knowledge

    done = 0
    reader = Reader(builtin_knowledge().with_packs(pack_inputs))
    if len(paths) >= FEWEST and (at_once := processes()) > 1:
        from comfyfixer.pipeline.reading.processes import read_in_processes

        try:
            for readings in read_in_processes(_chunks(paths), pack_inputs, reader, at_once - 1):
                yield from readings
                done += len(readings)
        except Unavailable:
            pass  # a system that starts no further process reads the rest in this one
        else:
            return
    yield from (reader.reading(path) for path in paths[done:])


def _chunks(paths: Sequence[str]) -> Iterator[list[str]]:
    remaining = iter(paths)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
