"""What the installation has, as a page for a terminal of 80 columns."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from comfyfixer.model.problem import Problem
from comfyfixer.model.stock import FolderRow, ModelRow, Stock
from comfyfixer.report.words import plural, shown
from comfyfixer.sizes import size_text

_WIDTH: Final = 80


def lines(stock: Stock, problems: Sequence[Problem], limit: int = 10) -> Iterator[str]:
    """The page.

    Args:
        problems: What could not be read, or was found on the way.
        limit: Rows shown of each kind, the largest first; the rest is counted.
    """
    yield f"ComfyUI at {shown(stock.installation)}"
    yield f"{plural(stock.files, 'model file')}, {size_text(stock.size_bytes)}; {plural(len(stock.packs), 'node pack')}"
    yield from _folders(stock, limit)
    yield from _volumes(stock)
    yield from _broken(stock, limit)
    yield from _duplicates(stock, limit)
    yield from _unneeded(stock, limit)
    yield from _packs(stock, limit)
    yield from _problems(problems, limit)


def _head(title: str) -> Iterator[str]:
    yield ""
    yield title


def _more(count: int, limit: int, what: str = "") -> Iterator[str]:
    if count > limit:
        yield f"  ... and {count - limit:,} more{what}; `--json` has all"


def _folders(stock: Stock, limit: int) -> Iterator[str]:
    rows = sorted((row for row in stock.folders if row.files), key=lambda row: -row.size_bytes)
    if not rows:
        return
    yield from _head(f"{'space by folder':<30}{'files':>9}{'size':>11}")
    for row in rows[:limit]:
        yield _fit(f"  {_fit(row.name, 28):<28}{row.files:>9,}{size_text(row.size_bytes):>11}  {_roots(row, stock)}")
    yield from _more(len(rows), limit)


def _roots(row: FolderRow, stock: Stock) -> str:
    """Only of folders that are elsewhere, or in more than one place."""
    own = f"{stock.installation}/models/{row.name}"
    others = [root for root in row.roots if root.replace("\\", "/") != own.replace("\\", "/")]
    if len(others) == 1:
        return ("and " if len(row.roots) > 1 else "") + _brief(others[0], stock)
    return f"and {len(others)} more places" if others else ""


def _volumes(stock: Stock) -> Iterator[str]:
    if stock.volumes:
        yield from _head(f"{'disks':<30}{'free':>9}{'of':>11}{'models':>11}")
    for row in sorted(stock.volumes, key=lambda row: -row.models_bytes):
        sizes = f"{size_text(row.free_bytes):>9}{size_text(row.total_bytes):>11}{size_text(row.models_bytes):>11}"
        yield f"  {_fit(row.path, 28):<28}{sizes}"


def _broken(stock: Stock, limit: int) -> Iterator[str]:
    rows = [row for row in stock.models if row.fault]
    if rows:
        yield from _head(f"broken ({len(rows):,}): ComfyUI lists them, and can't load them")
    for row in rows[:limit]:
        yield _fit(f"  ! {_name(row)}", _WIDTH)
        yield _fit("      " + ", ".join(filter(None, (size_text(row.size_bytes or None), row.fault))))
    yield from _more(len(rows), limit)


def _duplicates(stock: Stock, limit: int) -> Iterator[str]:
    spare = size_text(sum(row.spare_bytes for row in stock.duplicates))
    if stock.duplicates:
        yield from _head(f"duplicates ({len(stock.duplicates):,}): {spare} are stored more than once")
    for row in stock.duplicates[:limit]:
        yield f"  {size_text(row.size_bytes)} x {len(row.paths)}"
        for path in row.paths[:limit]:
            yield _fit(f"      {_brief(path, stock)}")
        yield from (f"    {line}" for line in _more(len(row.paths), limit))
    yield from _more(len(stock.duplicates), limit)
    if not stock.duplicates_complete:
        yield from _head("duplicates were only looked for among files whose hash is known")


def _unneeded(stock: Stock, limit: int) -> Iterator[str]:
    if not stock.workflows:
        yield from _head("no workflow was read, so nothing is known of what is needed")
        return
    rows = sorted((row for row in stock.models if row.needed is False), key=lambda row: -(row.size_bytes or 0))
    if not rows:
        yield from _head(f"every file is named by one of {plural(stock.workflows, 'workflow')}")
        return
    count = f"{len(rows):,} of {plural(stock.files, 'file')}, {size_text(stock.unneeded_bytes)}"
    yield from _head(f"named by none of {plural(stock.workflows, 'workflow')} ({count})")
    for row in rows[:limit]:
        yield _fit(f"  {size_text(row.size_bytes) or '-':>9}  {_name(row)}")
    yield from _more(len(rows), limit)
    yield "  Other workflows, and node packs themselves, may need them."


def _packs(stock: Stock, limit: int) -> Iterator[str]:
    if stock.packs:
        types = sum(pack.node_types for pack in stock.packs if pack.enabled)
        yield from _head(f"custom-node packs ({len(stock.packs):,}, {plural(types, 'node type')})")
    for pack in sorted(stock.packs, key=lambda pack: (-pack.node_types, pack.name))[:limit]:
        notes = ["disabled"] * (not pack.enabled) + ["and others that reading can't tell"] * (not pack.complete)
        told = plural(pack.node_types, "type") + "".join(f", {note}" for note in notes)
        yield _fit(f"  {_fit(pack.name, 36):<36}  {_fit(pack.version or '', 12):<12}  {told}")
    yield from _more(len(stock.packs), limit)


def _problems(problems: Sequence[Problem], limit: int) -> Iterator[str]:
    if problems:
        yield from _head(f"could not be read, or is not as it was ({len(problems):,})")
    for problem in problems[:limit]:
        told = shown(f"{problem.where or ''}: {problem.message} [{problem.code}]".removeprefix(": "))
        yield from wrap(told, _WIDTH, initial_indent="  ! ", subsequent_indent="      ", break_long_words=False)
    yield from _more(len(problems), limit)


def _name(row: ModelRow) -> str:
    return f"{row.folder}/{row.name}"


def _brief(path: str, stock: Stock) -> str:
    """Below the installation without its folder."""
    for base in (f"{stock.installation}/models/", f"{stock.installation}/"):
        if path.replace("\\", "/").startswith(base.replace("\\", "/")):
            return path[len(base) :]
    return path


def _fit(text: str, width: int = _WIDTH) -> str:
    """Cut in the middle: a file's name tells itself by its begin and its end."""
    text = shown(text.rstrip())
    return text if len(text) <= width else f"{text[: width // 2 - 2]}...{text[-(width - width // 2 - 1) :]}"
