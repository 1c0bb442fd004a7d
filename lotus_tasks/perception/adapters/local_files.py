"""Files of this machine."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path, PurePath

from lotus_tasks.errors import InvalidInput, NotFound, Permanent
from lotus_tasks.local.closed_places import ClosedPlaces, reason_against_name
from lotus_tasks.origins import OWN_FILE
from lotus_tasks.perception.models import LARGEST_FILE_BYTES, FolderPage, RawSource, Skip
from lotus_tasks.values import utc_now

_TOOL_FOLDERS = frozenset({"node_modules", "bower_components", "__pycache__", "site-packages", "CVS", "_darcs"})
_BINARY_SUFFIXES = frozenset({
    ".7z", ".a", ".aac", ".ai", ".apk", ".avi", ".avif", ".bin", ".bmp", ".bz2", ".class", ".dat", ".db", ".deb", ".dll",
    ".dmg", ".dylib", ".eot", ".exe", ".flac", ".gif", ".gz", ".heic", ".ico", ".img", ".iso", ".jar", ".jpeg", ".jpg",
    ".key", ".lib", ".lz4", ".m4a", ".m4v", ".mid", ".mkv", ".mov", ".mp3", ".mp4", ".mpeg", ".mpg", ".npy", ".npz", ".o",
    ".obj", ".ogg", ".onnx", ".opus", ".otf", ".parquet", ".pem", ".pkl", ".png", ".psd", ".pyc", ".pyd", ".pyo", ".rar",
    ".raw", ".rpm", ".safetensors", ".so", ".sqlite", ".sqlite3", ".swf", ".tar", ".tgz", ".tif", ".tiff", ".ttf", ".wasm",
    ".wav", ".webm", ".webp", ".whl", ".wma", ".wmv", ".woff", ".woff2", ".xz", ".zip", ".zst",
})  # fmt: skip
"""Known to hold no text (or keys): in a folder they aren't even opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFiles:
    """``closed``: what is neither opened nor walked into, such as LOTUS_HOME."""

    closed: ClosedPlaces = field(default_factory=ClosedPlaces)

    def is_folder(self, path: str) -> bool:
        """Whether ``path`` is a folder. Raises NotFound where there is nothing, Permanent where it can't be told."""
        try:
            return stat.S_ISDIR(Path(path).stat().st_mode)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"{path} does not exist") from error
        except PermissionError:
            return False  # read() says it with the file's name
        except (OSError, ValueError) as error:
            raise Permanent(f"{path} can't be opened: {_reason(error)}") from error

    def real(self, path: str) -> str:
        """The path without links in it: a file has one name, whichever way leads to it."""
        return os.path.realpath(path)

    def is_gone(self, path: str) -> bool:
        """Whether there is surely nothing; False where it can't be told.

        It can't where its folder, or the nearest above that is there, shows nothing: a disk that isn't mounted looks so.
        """
        try:
            Path(path).lstat()
        except NotADirectoryError:
            return True
        except FileNotFoundError:
            return _shows_anything(Path(path).parent)
        except (OSError, ValueError):
            return False
        return False

    def read(self, path: str) -> RawSource | Skip:
        """The file's bytes, or why there are none to be had. Raises NotFound where there is nothing."""
        read_at = utc_now()
        try:
            # Without O_NONBLOCK, opening a pipe that nobody writes to would hold the worker for ever.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"{path} does not exist") from error
        except (OSError, ValueError) as error:
            return Skip(source=path, reason=f"it can't be opened: {_reason(error)}", read_at=read_at)
        try:
            with os.fdopen(descriptor, "rb") as file:
                if reason := self.closed.reason_against_open(descriptor, path):
                    return Skip(source=path, reason=reason, read_at=read_at, withdraws=True)
                return _content(path, file, os.fstat(descriptor), read_at)
        except OSError as error:
            return Skip(source=path, reason=f"it can't be read: {_reason(error)}", read_at=read_at)

    def list_files(self, folder: str, *, after: str | None, limit: int) -> FolderPage:
        """Up to ``limit`` files under ``folder``, sorted by name in each folder, from behind ``after`` on.

        Left out and counted: hidden ones, links (their target has a name of its own), folders of tools, formats without text.
        Raises Permanent where the folder itself can't be opened, InvalidInput where it is closed.
        """
        if reason := self.closed.reason_against(folder):
            raise InvalidInput(f"{folder} is not read: {reason}")
        walk = _Walk(closed=self.closed, after=PurePath(after).relative_to(folder).parts if after else ())
        files: list[str] = []
        try:
            for path in walk.files(folder):
                if len(files) == limit:
                    return FolderPage(files=files, after=files[-1], ignored=dict(walk.ignored))
                files.append(path)
        except OSError as error:
            raise Permanent(f"{folder} can't be opened: {_reason(error)}") from error
        return FolderPage(files=files, after=None, ignored=dict(walk.ignored))


@dataclass(slots=True, kw_only=True)
class _Walk:
    closed: ClosedPlaces
    after: tuple[str, ...]
    ignored: Counter[str] = field(default_factory=Counter)

    def files(self, folder: str) -> Iterator[str]:
        """Depth first. The stack holds, for each open folder, its entries still to come and whether ``after`` lies in it."""
        stack = [(self._entries(folder, depth=0, behind=bool(self.after)), bool(self.after))]
        while stack:
            entries, behind = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
                continue
            depth = len(stack) - 1
            inside = behind and entry.name == self.after[depth]
            if not entry.is_dir(follow_symlinks=False):
                if not inside:
                    yield entry.path
                continue
            deeper = inside and depth + 1 < len(self.after)
            try:
                stack.append((self._entries(entry.path, depth=depth + 1, behind=deeper), deeper))
            except OSError:
                self.ignored["folders that can't be opened"] += 1

    def _entries(self, folder: str, *, depth: int, behind: bool) -> Iterator[os.DirEntry[str]]:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        if behind:
            entries = [entry for entry in entries if entry.name >= self.after[depth]]
        return iter([entry for entry in entries if self._is_wanted(entry)])

    def _is_wanted(self, entry: os.DirEntry[str]) -> bool:
        reason = self._reason_against(entry)
        if reason:
            self.ignored[reason] += 1
        return not reason

    def _reason_against(self, entry: os.DirEntry[str]) -> str:
        if self._is_closed(entry) or entry.name.startswith("."):
            return "places of LOTUS and of secrets" if self._is_closed(entry) else "hidden"
        if not _is_utf8(entry.name):
            return "names that aren't UTF-8"
        if entry.is_symlink():
            return "links"
        if entry.is_dir(follow_symlinks=False):
            is_tools = entry.name in _TOOL_FOLDERS or Path(entry.path, "pyvenv.cfg").exists()
            return "folders of tools" if is_tools else ""
        if not entry.is_file(follow_symlinks=False):
            return "devices, pipes and sockets"
        return "formats without text" if os.path.splitext(entry.name)[1].lower() in _BINARY_SUFFIXES else ""  # noqa: PTH122

    def _is_closed(self, entry: os.DirEntry[str]) -> bool:
        """Of a file its names; its other names are looked at when it is opened."""
        if entry.is_dir(follow_symlinks=False):
            return bool(self.closed.reason_against(entry.path))
        return bool(reason_against_name(entry.path))


def _content(path: str, file: BufferedReader, state: os.stat_result, read_at: datetime) -> RawSource | Skip:
    modified_at = datetime.fromtimestamp(state.st_mtime, UTC)
    if not stat.S_ISREG(state.st_mode):
        return Skip(source=path, reason="it is a device, a pipe or a socket, not a file", read_at=read_at)
    if state.st_size > LARGEST_FILE_BYTES:
        reason = f"it is larger than {LARGEST_FILE_BYTES // 1_000_000} MB; split it"
        return Skip(source=path, reason=reason, size_bytes=state.st_size, modified_at=modified_at, read_at=read_at)
    content: bytes | None = file.read(LARGEST_FILE_BYTES + 1)
    if content is None:  # Some kernel files are regular, have nothing to give now, and would make a reader wait.
        return Skip(source=path, reason="it can't be read now: it has nothing to give yet", read_at=read_at)
    return RawSource(source=path, origin=OWN_FILE, content=content, modified_at=modified_at, read_at=read_at)


def _shows_anything(folder: Path) -> bool:
    while True:
        try:
            with os.scandir(folder) as entries:
                return any(not entry.name.startswith(".") for entry in entries)
        except FileNotFoundError:
            folder = folder.parent
        except NotADirectoryError:
            return True
        except OSError:
            return False


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        return "permission denied"
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
