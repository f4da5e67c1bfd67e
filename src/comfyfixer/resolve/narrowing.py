"""What a person wants less than everything of: by precision, by base model. Pure."""

from collections.abc import Sequence

from comfyfixer.errors import UsageError
from comfyfixer.model.plan import Narrowing
from comfyfixer.model.resolution import Resolution
from comfyfixer.resolve.likeness import family_of, same_family, same_model, traits
from comfyfixer.resolve.local import same_folder
from comfyfixer.resolve.reasons import base_model_of

LeftOut = list[tuple[Resolution, str]]


def narrowed(rows: Sequence[Resolution], narrowing: Narrowing) -> tuple[list[Resolution], LeftOut]:
    """The rows that are wanted, and the others each with why not.

    Raises:
        UsageError: A precision or base model that nobody knows.
    """
    kept, left_out = _by_base_model(rows, narrowing.base_model) if narrowing.base_model else (list(rows), [])
    if narrowing.prefer:
        kept, others = _by_precision(kept, narrowing.prefer.lower())
        left_out += others
    if narrowing.max_bytes is not None:
        unknown = [row for row in kept if row.size_bytes is None]
        left_out += [(row, "Its size is unknown, and `--max-size` was given") for row in unknown]
        kept = [row for row in kept if row.size_bytes is not None]
    return kept, left_out


def _by_base_model(rows: Sequence[Resolution], said: str) -> tuple[list[Resolution], LeftOut]:
    """Files of the base model; of those that name none, what the same workflows need."""
    wanted = family_of(said)
    if wanted is None:
        hint = "For instance `SDXL`, `SD 1.5`, `Flux`, `Wan 2.2`, `Qwen`, `Pony`"
        raise UsageError(f"`{said[:80]}` is no base model that is known here", hint=hint)
    families = {row.key: base_model_of(row.candidates[0]) if row.candidates else None for row in rows}
    theirs = {path for row in rows if _fits(families[row.key], wanted) for path in row.workflows}
    kept: list[Resolution] = []
    left_out: LeftOut = []
    for row in rows:
        family = families[row.key]
        if family is None and theirs.isdisjoint(row.workflows):
            left_out.append((row, f"Nothing tells its base model, and no workflow for {wanted} needs it"))
        elif family is not None and not same_family(family, wanted):
            left_out.append((row, f"For {family}, not {wanted}"))
        else:
            kept.append(row)
    return kept, left_out


def _fits(family: str | None, wanted: str) -> bool:
    return family is not None and same_family(family, wanted)


def _by_precision(rows: Sequence[Resolution], wanted: str) -> tuple[list[Resolution], LeftOut]:
    """Of the same model in several precisions or formats only the preferred; what comes in one stays."""
    _check_precision(wanted)
    preferred = [row for row in rows if _is_of(row.filename, wanted)]
    kept: list[Resolution] = []
    left_out: LeftOut = []
    for row in rows:
        instead = None if _is_of(row.filename, wanted) else _instead_of(row, preferred)
        if instead is None:
            kept.append(row)
        else:
            left_out.append((row, f"`{instead.filename}` is the same model in {wanted}: choose it in the node"))
    return kept, left_out


def _instead_of(row: Resolution, preferred: Sequence[Resolution]) -> Resolution | None:
    def fits(other: Resolution) -> bool:
        return same_folder(row.folder or "", other.folder or "") and same_model(row.filename, other.filename)

    return next((other for other in preferred if fits(other)), None)


def _is_of(filename: str, wanted: str) -> bool:
    found = traits(filename)
    if wanted == "gguf":
        return found.extension == ".gguf"
    return found.precision is not None and (found.precision == wanted or found.precision.startswith(f"{wanted}_"))


def _check_precision(wanted: str) -> None:
    if wanted != "gguf" and traits(f"x_{wanted}.safetensors").precision is None:
        hint = "For instance `fp8`, `fp16`, `bf16`, `fp32`, `nf4`, `q4`, `q8`, `gguf`"
        raise UsageError(f"`{wanted[:80]}` is no precision that is known here", hint=hint)
