"""Reading workflow files in several processes."""

from collections.abc import Iterable, Iterator
from functools import partial

from comfyfixer.pipeline.reading.cache import Reading
from comfyfixer.pipeline.reading.file import PackInputs, Reader
from comfyfixer.scan.knowledge import builtin_knowledge
from comfyfixer.side_by_side import shared, side_by_side


def read_in_processes(chunks: Iterable[list[str]], pack_inputs: PackInputs, at_once: int) -> Iterator[list[Reading]]:
    """What was read of each chunk, in order.

    Raises:
        Unavailable: What was not yielded yet has to be read otherwise.
    """
    return side_by_side(_read_chunk, chunks, prepare=partial(_reader, pack_inputs), at_once=at_once)


def _reader(pack_inputs: PackInputs) -> Reader:
    return Reader(builtin_knowledge().with_packs(pack_inputs))


def _read_chunk(paths: list[str]) -> list[Reading]:
    reader: Reader = shared()
    return [reader.reading(path) for path in paths]
