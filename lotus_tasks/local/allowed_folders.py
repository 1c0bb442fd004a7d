"""The folders the user allowed the tools to touch (LOTUS_TOOL_FOLDERS)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lotus_tasks.errors import InvalidInput
from lotus_tasks.local.closed_places import ClosedPlaces


class AllowedFolders:
    """Resolves links before it looks, so that no link leads out. Hidden files and ``closed`` places stay shut inside, too.

    Hidden ones hold keys, passwords and programs' settings far more often than anything a person wants to be asked about.
    """

    def __init__(self, folders: Sequence[str], *, closed: ClosedPlaces | None = None) -> None:
        self._folders = [Path(folder).expanduser().resolve() for folder in folders]
        self._closed = closed or ClosedPlaces()

    @property
    def folders(self) -> Sequence[Path]:
        """The folders themselves, their links resolved."""
        return self._folders

    def find(self, path: str) -> Path:
        """The real path of ``path``; a relative one stands in the first folder that has it. Raises InvalidInput."""
        if not self._folders:
            raise InvalidInput("no folder is allowed; the user allows some with LOTUS_TOOL_FOLDERS")
        if "\x00" in path:
            raise InvalidInput("a path holds no NUL")
        try:
            real = self._resolve(path)
        except (OSError, RuntimeError) as error:
            raise InvalidInput(f"{path[:200]} is no usable path: {error.args[-1] if error.args else error}") from error
        inside = [folder for folder in self._folders if real == folder or folder in real.parents]
        if not inside:
            allowed = ", ".join(map(str, self._folders))
            raise InvalidInput(f"{path} is outside the folders the user allowed: {allowed}")
        if all(_is_hidden(real, folder) for folder in inside):
            raise InvalidInput(f"{path} is hidden; tools neither read nor write hidden files")
        if reason := self._closed.reason_against_file(real):
            raise InvalidInput(f"{path}: {reason} to tools")
        return real

    def write(self, path: str, text: str) -> Path:
        """Replace the file by ``text`` in one step. Raises InvalidInput."""
        real = self.find(path)
        if real.is_dir():
            raise InvalidInput(f"{path} is a folder")
        if not real.parent.is_dir():
            raise InvalidInput(f"there is no folder {real.parent}")
        fresh = None
        try:
            mode = real.stat().st_mode if real.exists() else 0o644
            descriptor, fresh = tempfile.mkstemp(dir=real.parent, prefix=".lotus-write-")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(fresh, mode & 0o777)  # noqa: PTH101 - mkstemp gives a name, not a Path
            Path(fresh).replace(real)
            fresh = None
        except OSError as error:
            raise InvalidInput(f"{path} can't be written: {error.strerror}") from error
        except UnicodeEncodeError as error:
            raise InvalidInput(f"{path} can't be written: the text is no valid Unicode") from error
        finally:
            if fresh is not None:
                Path(fresh).unlink(missing_ok=True)
        return real

    def _resolve(self, path: str) -> Path:
        wanted = Path(path).expanduser()
        if wanted.is_absolute():
            return wanted.resolve()
        places = [(folder / wanted).resolve() for folder in self._folders]
        return next((place for place in places if place.exists()), places[0])


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
