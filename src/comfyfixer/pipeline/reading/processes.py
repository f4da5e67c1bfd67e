"""Reading workflow files in several processes."""

from collections.abc import Iterable, Iterator
from functools import partial

from comfyfixer.pipeline.reading.cache import PackInputs, Reading
from comfyfixer.pipeline.reading.file import Reader
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.side_by_side import shared, side_by_side


def read_in_processes(
    chunks: Iterable[list[str]], pack_inputs: PackInputs, here: Reader, others: int
) -> Iterator[list[Reading]]:
    """What was read of each chunk, in order; this process reads with its own reader while it waits for the others.

    Raises:
        Unavailable: What was not yielded yet has to be read otherwise.
    """
    prepare = partial(_reader, pack_inputs)
    return side_by_side(_read_chunk, chunks, prepare=prepare, at_once=others, meanwhile=partial(_read_with, here))


def _reader(pack_inputs: PackInputs) -> Reader:
    return Reader(builtin_knowledge().with_packs(pack_inputs))


def _read_chunk(paths: list[str]) -> list[Reading]:
    return _read_with(shared(), paths)


def _read_with(reader: Reader, paths: list[str]) -> list[Reading]:
    return [reader.reading(path) for path in paths]
