"""The files of the pack that is read: nothing outside its folder is ever listed or opened."""

import os
from typing import Final

_MAX_LISTED: Final = 20_000
_MAX_TEXT_BYTES: Final = 4 << 20


class PackFiles:
    """Looks only below one folder; what a pack links in from elsewhere is not followed."""

    def __init__(self, root: str) -> None:
        self.root = os.path.normpath(root)
        self._real = os.path.realpath(root)
        self._inside: dict[str, bool] = {}
        self._folders: dict[str, list[str] | None] = {}

    def inside(self, path: str) -> bool:
        """Whether a path is in the pack, also after links are followed."""
        path = os.path.normpath(path)
        if path not in self._inside:
            below = "\0" not in path and _below(path, self.root)
            self._inside[path] = below and _below(os.path.realpath(path), self._real)
        return self._inside[path]

    def exists(self, path: str) -> bool | None:
        """None where the path is not the pack's own."""
        return os.path.exists(path) if self.inside(path) else None

    def is_file(self, path: str) -> bool | None:
        """None where the path is not the pack's own."""
        return os.path.isfile(path) if self.inside(path) else None

    def is_folder(self, path: str) -> bool | None:
        """None where the path is not the pack's own."""
        return os.path.isdir(path) if self.inside(path) else None

    def names(self, folder: str) -> list[str] | None:
        """The sorted names in a folder as Git has them: no byte code caches. None where it can't be listed."""
        if folder not in self._folders:
            try:
                listed = sorted(os.listdir(folder))[:_MAX_LISTED] if self.inside(folder) else None
            except OSError:
                listed = None
            self._folders[folder] = [name for name in listed if name != "__pycache__"] if listed is not None else None
        return self._folders[folder]

    def below(self, folder: str) -> list[str] | None:
        """All files and folders below a folder, None where it can't be listed."""
        found: list[str] = []
        pending = [folder]
        while pending and len(found) < _MAX_LISTED:
            current = pending.pop()
            names = self.names(current)
            if names is None:
                if current == folder:
                    return None
                continue
            paths = [os.path.join(current, name) for name in names]
            found += paths
            pending += [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]
        return sorted(found)

    def text(self, path: str) -> str | None:
        """A small text file of the pack."""
        try:
            if not self.is_file(path) or os.path.getsize(path) > _MAX_TEXT_BYTES:
                return None
            with open(path, encoding="utf-8-sig", errors="replace") as file:
                return file.read()
        except OSError:
            return None


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(os.path.join(root, ""))
