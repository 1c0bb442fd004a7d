"""The folders the user allowed the tools to touch (LOTUS_TOOL_FOLDERS)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lotus_tasks.errors import InvalidInput


class AllowedFolders:
    """Resolves links before it looks, so that no link leads out."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = [Path(folder).expanduser().resolve() for folder in folders]

    def find(self, path: str) -> Path:
        """The real path of ``path``. Raises InvalidInput where it isn't inside an allowed folder."""
        if not self._folders:
            raise InvalidInput("no folder is allowed; the user allows some with LOTUS_TOOL_FOLDERS")
        if "\x00" in path:
            raise InvalidInput("a path holds no NUL")
        wanted = Path(path).expanduser()
        real = (wanted if wanted.is_absolute() else self._folders[0] / wanted).resolve()
        if not any(real == folder or folder in real.parents for folder in self._folders):
            allowed = ", ".join(map(str, self._folders))
            raise InvalidInput(f"{path} is outside the folders the user allowed: {allowed}")
        return real

    def write(self, path: str, text: str) -> Path:
        """Replace the file by ``text`` in one step. Raises InvalidInput."""
        real = self.find(path)
        if real.is_dir():
            raise InvalidInput(f"{path} is a folder")
        if not real.parent.is_dir():
            raise InvalidInput(f"there is no folder {real.parent}")
        try:
            descriptor, fresh = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            mode = real.stat().st_mode if real.exists() else 0o644
            os.chmod(fresh, mode & 0o777)  # noqa: PTH101 - mkstemp gives a name, not a Path
            Path(fresh).replace(real)
        except OSError as error:
            raise InvalidInput(f"{path} can't be written: {error.strerror}") from error
        return real
