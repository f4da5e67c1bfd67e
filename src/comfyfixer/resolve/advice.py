"""What a person can still try for a file that was not found. Pure."""

from collections.abc import Iterator

from comfyfixer.model.resolution import Resolution
from comfyfixer.resolve.likeness import stem_words
from comfyfixer.resolve.names import is_generic

_MOST_WORDS = 8


def advice(row: Resolution) -> tuple[str, ...]:
    """Sentence parts, the most promising first."""
    return tuple(_advice(row))


def _advice(row: Resolution) -> Iterator[str]:
    if row.unanswered:
        yield "`comfyfixer resolve` asks again"
    if is_generic(row.filename):
        yield "The name says nothing: look for a link in the workflow's notes, or on the page where it came from"
    else:
        yield f"Look for it yourself: {_search_page(row)}"
    place = f"`{row.folder}`" if row.folder else "its models folder"
    yield f"place it into {place} and scan again, or choose another model in the node"


def _search_page(row: Resolution) -> str:
    from urllib.parse import quote_plus

    words = quote_plus(" ".join(stem_words(row.filename)[:_MOST_WORDS]), errors="replace")
    if row.folder in ("loras", "embeddings", "checkpoints"):
        return f"https://civitai.com/search/models?query={words}"
    return f"https://huggingface.co/search/full-text?q={words}&type=model"
