"""Fuzzes one reader of foreign bytes, guided by the code that each input reaches.

    pip install -e '.[fuzz]'
    python -m fuzz.readers png --seconds 600

An input that ends in anything but an answer or an error of ours, takes longer than ten seconds, or makes the reader
take in more than a fixed multiple of the file is written to `fuzz/findings/`. Once mended, it becomes a case in
`tests/scan/findings/`, which the tests read ever after.
"""

import argparse
import io
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["comfyfixer.scan"]):
    from comfyfixer.errors import WorkflowError
    from comfyfixer.scan.knowledge import builtin_knowledge
    from comfyfixer.scan.media.a1111 import read_parameters
    from comfyfixer.scan.media.boxes import movie_texts, still_texts
    from comfyfixer.scan.media.exif import exif_texts
    from comfyfixer.scan.media.id3 import id3_texts
    from comfyfixer.scan.media.jpeg import jpeg_texts
    from comfyfixer.scan.media.matroska import matroska_texts
    from comfyfixer.scan.media.png import png_texts
    from comfyfixer.scan.media.read import read_media
    from comfyfixer.scan.media.source import ReadAt, Source, Texts
    from comfyfixer.scan.media.structured import exr_texts, glb_texts, safetensors_texts, svg_texts
    from comfyfixer.scan.media.vorbis import flac_texts, ogg_texts
    from comfyfixer.scan.media.webp import webp_texts
    from comfyfixer.scan.read import read_workflow

from fuzz.seeds import SEEDS

HERE: Final = Path(__file__).parent
_MOST_READ: Final = 64
"""A reader may take in its file so many times over, as a damaged one can point to the same bytes again and again."""

_KNOWLEDGE: Final = builtin_knowledge()


def _reading(data: bytes) -> ReadAt:
    file = io.BytesIO(data)

    def read_at(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return read_at


def _container(texts_of: Callable[[Source], Texts]) -> Callable[[bytes], None]:
    """Reads a container by itself, whatever its first bytes are."""

    def read(data: bytes) -> None:
        source = Source(_reading(data), len(data))
        texts_of(source)
        if source.bytes_read > _MOST_READ * len(data) + 4096:
            raise RuntimeError(f"{source.bytes_read} bytes were read of a file of {len(data)}")

    return read


def _media(data: bytes) -> None:
    read_media(_reading(data), len(data), "x", _KNOWLEDGE)


def _workflow(data: bytes) -> None:
    read_workflow(data, "x.json", _KNOWLEDGE)


def _parameters(data: bytes) -> None:
    read_parameters(data.decode("utf-8", "replace"), "x", "png")


READERS: Final[dict[str, Callable[[bytes], object]]] = {
    "png": _container(png_texts),
    "webp": _container(webp_texts),
    "jpeg": _container(jpeg_texts),
    "avif": _container(still_texts),
    "mp4": _container(movie_texts),
    "matroska": _container(matroska_texts),
    "flac": _container(lambda source: flac_texts(source, 0)),
    "ogg": _container(ogg_texts),
    "mp3": _container(id3_texts),
    "svg": _container(svg_texts),
    "glb": _container(glb_texts),
    "safetensors": _container(safetensors_texts),
    "exr": _container(exr_texts),
    "exif": exif_texts,
    "parameters": _parameters,
    "workflow": _workflow,
    "media": _media,
}


def _fuzzed(read: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def one_input(data: bytes) -> None:
        try:
            read(data)
        except WorkflowError:
            return

    return one_input


def _prepared(reader: str, seeds: Iterable[bytes]) -> Path:
    """The folder in which the fuzzer keeps what reaches new code, with the seeds in it."""
    folder = HERE / "corpus" / reader
    folder.mkdir(parents=True, exist_ok=True)
    (HERE / "findings").mkdir(exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(seed)
    return folder


def main() -> None:
    """Fuzz until the time is over or something is found."""
    parser = argparse.ArgumentParser(description="Fuzz one reader.")
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--seconds", type=int, default=600)
    chosen = parser.parse_args()
    corpus = _prepared(chosen.reader, SEEDS[chosen.reader])
    options = {
        "max_total_time": chosen.seconds,
        "timeout": 10,
        "rss_limit_mb": 2048,
        "max_len": 16384,
        "artifact_prefix": f"{HERE / 'findings' / chosen.reader}-",
        "dict": HERE / "words.dict",
        "print_final_stats": 1,
    }
    words = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *words, str(corpus)], _fuzzed(READERS[chosen.reader]))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
