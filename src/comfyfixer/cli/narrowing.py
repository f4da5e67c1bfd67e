"""Options that make a plan smaller: the same for `plan`, `download`, `auto` and `export`."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import click

from comfyfixer.model.plan import Narrowing

Function = TypeVar("Function", bound=Callable[..., Any])
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt])(i?)b?", re.IGNORECASE)
_POWERS: Final = "kmgt"


def _size(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """`20GB`, `500 MB`, `1.5TiB`: to bytes."""
    if value is None:
        return None
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise click.BadParameter(f"`{value[:80]}` is no size: write it like 20GB or 500MB")
    unit = (1024 if found[3] else 1000) ** (_POWERS.index(found[2].lower()) + 1)
    return int(float(found[1]) * unit)


_OPTIONS: Final = (
    click.option("--only", metavar="WORKFLOW", multiple=True, help="Only what this workflow needs; may be repeated."),
    click.option("--max-size", metavar="SIZE", callback=_size, help="Fetch at most so much in all, such as 20GB."),
    click.option("--prefer", metavar="PRECISION", help="Of a model in several precisions only this: fp8, fp16, gguf."),
    click.option("--base-model", metavar="NAME", help="Only what belongs to this base model, such as SDXL or Flux."),
)


def narrowing_options(function: Function) -> Function:
    """Give a command these options; it gets them as `narrowing`."""

    @wraps(function)
    def wrapped(
        *arguments: Any,
        only: tuple[str, ...],
        max_size: int | None,
        prefer: str | None,
        base_model: str | None,
        **options: Any,
    ) -> Any:
        narrowing = Narrowing(only=only, max_bytes=max_size, prefer=prefer, base_model=base_model)
        return function(*arguments, narrowing=narrowing, **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]  # click decorates in place, the signature is the same
