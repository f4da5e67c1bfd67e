"""What a node pack requires of Python and ComfyUI's own Python does not have. Nothing is run."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from comfyfixer.inventory.environment import Environment, comparable

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_MAX_BYTES: Final = 1 << 18
_MAX_LINES: Final = 500
_MAX_DEPTH: Final = 3
_MAX_SHOWN: Final = 100

_SAME: Final = (
    ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-silicon", "onnxruntime-openvino"),
    ("triton", "triton-windows"),
    ("faiss-cpu", "faiss-gpu"),
    ("pillow", "pillow-simd"),
    ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-macos"),
    ("mediapipe", "mediapipe-silicon"),
    ("sklearn", "scikit-learn"),
    ("bs4", "beautifulsoup4"),
)
"""Distributions that bring the same module: one of them is enough."""
_OTHERS: Final = {name: tuple(other for other in group if other != name) for group in _SAME for name in group}


def lacking(pack: Path, environment: Environment, *, versions: bool = False) -> tuple[str, ...]:
    """Requirements that are not installed, as the pack writes them, in its order.

    `requirements.txt` counts, as ComfyUI-Manager installs it; `pyproject.toml` where there is none.

    Args:
        versions: Also those that are installed in a version that the pack does not want, told with that version.
    """
    if not environment.closed or not pack.is_dir():
        return ()
    found = (_lacks(line, environment, versions) for line in _requirements(pack))
    return tuple(dict.fromkeys(requirement for requirement in found if requirement))


def _requirements(pack: Path) -> list[str]:
    lines = list(_lines(pack, pack / "requirements.txt", 0))
    return (lines or _of_project(pack / "pyproject.toml"))[:_MAX_LINES]


def _lines(pack: Path, file: Path, depth: int) -> Iterator[str]:
    """The lines of a requirements file that name a requirement, also of the files that it includes."""
    for line in _text(file).splitlines()[:_MAX_LINES]:
        text = line.partition(" #")[0].strip().removesuffix("\\").strip()
        if text.startswith(("-r ", "--requirement ")):
            name = text.partition(" ")[2].strip()
            if depth < _MAX_DEPTH and ".." not in name and not name.startswith(("/", "\\")) and ":" not in name:
                yield from _lines(pack, file.parent / name, depth + 1)
        elif text and not text.startswith(("#", "-")):
            yield text.partition(" --")[0]


def _of_project(file: Path) -> list[str]:
    import tomllib

    try:
        project = tomllib.loads(_text(file)).get("project", {})
    except (ValueError, RecursionError):
        return []
    listed = project.get("dependencies") if isinstance(project, dict) else None
    return [line for line in listed if isinstance(line, str)] if isinstance(listed, list) else []


def _lacks(line: str, environment: Environment, versions: bool) -> str | None:
    """What is lacking; None also for what can't be read: nobody knows what it asks for."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(line[:500])
        if requirement.marker and not requirement.marker.evaluate(_marker_values(environment)):
            return None
    except (InvalidRequirement, ValueError):
        return None
    name = comparable(requirement.name)
    found = environment.versions.get(name)
    if found:
        wrong = versions and not _is_in(found, requirement)
        return f"{requirement.name}{requirement.specifier} ({found} is installed)" if wrong else None
    if any(known in environment.versions for known in (name, *_OTHERS.get(name, ()))):
        return None
    shown = f"{requirement.name}{requirement.specifier}"
    return None if name.replace("-", "_") in environment.modules else shown[:_MAX_SHOWN]


def _is_in(version: str, requirement: "Requirement") -> bool:
    from packaging.version import InvalidVersion

    try:
        return requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return True


def _marker_values(environment: Environment) -> dict[str, str]:
    """ComfyUI's Python is another one than ours."""
    python = environment.python
    return {"python_version": python, "python_full_version": f"{python}.0"} if python else {}


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _MAX_BYTES:
            return ""
        data = file.read_bytes()
    except (OSError, ValueError):
        return ""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, "replace")
