"""What was set aside: files of a store that can be rebuilt and that its server could not open. Stdlib only.

They lie in LOTUS_HOME/data/set-aside under the store's name and the time (UTC), each with its reason in a file of that name
and ``.txt``; a folder that is another user's stays where it was, under that name. PostgreSQL's are never among them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lotus_tasks.local.home import Home

KEPT = 3
"""How many of a store stay; older ones are removed."""

_TIME = "%Y%m%dT%H%M%S.%fZ"
_REASON = ".txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """One store's files, as they were found at ``at`` (UTC). ``reason``: its server's words, in one line."""

    store: str
    at: datetime
    reason: str
    path: Path

    def line(self) -> str:
        """What happened, for a person."""
        when = self.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return f"{self.store}'s files could not be opened at {when} ({self.reason}); they are in {self.path}"


def set_aside(home: Home, store: str, reason: str) -> SetAside:
    """Move data/``store`` away, whatever it is, and keep the last KEPT of its kind. Raises OSError."""
    folder = _folder(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    at = datetime.now(UTC)
    aside = SetAside(store=store, at=at, reason=" ".join(reason.split())[:300], path=folder / f"{store}-{at:{_TIME}}")
    try:
        (home.data / store).rename(aside.path)
    except PermissionError:  # a folder that we may not write can't get another parent, only another name
        aside = replace(aside, path=home.data / aside.path.name)
        (home.data / store).rename(aside.path)
    try:
        _reason_file(home, aside.path).write_text(aside.reason + "\n", encoding="utf-8")
    finally:
        for old in _found(home, store)[:-KEPT]:
            _remove(home, old)
    return aside


def list_set_aside(home: Home) -> list[SetAside]:
    """Everything that is still there, the oldest first."""
    return sorted(_found(home), key=lambda one: one.at)


def drop_set_aside(home: Home, store: str) -> int:
    """Remove what is kept of a store, as what must be forgotten may be in it. Returns how many those were."""
    found = _found(home, store)
    for one in found:
        _remove(home, one)
    return len(found)


def _found(home: Home, store: str | None = None) -> Sequence[SetAside]:
    def each() -> Iterator[SetAside]:
        for entry in [*_entries(_folder(home)), *_entries(home.data)]:
            name, _, time = entry.name.rpartition("-")
            if name and store in (None, name) and not time.endswith(_REASON):
                try:
                    at = datetime.strptime(time, _TIME).replace(tzinfo=UTC)
                except ValueError:
                    continue
                yield SetAside(store=name, at=at, reason=_reason(home, entry), path=entry)

    return list(each())


def _folder(home: Home) -> Path:
    return home.data / "set-aside"


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _reason_file(home: Home, path: Path) -> Path:
    return _folder(home) / (path.name + _REASON)


def _reason(home: Home, path: Path) -> str:
    try:
        return _reason_file(home, path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "the reason was not kept"


def _remove(home: Home, one: SetAside) -> None:
    _reason_file(home, one.path).unlink(missing_ok=True)
    if one.path.is_dir() and not one.path.is_symlink():
        shutil.rmtree(one.path, onerror=_open_and_try_again)
    else:
        one.path.unlink(missing_ok=True)


def _open_and_try_again(function: object, path: str, _error: object) -> None:
    """A folder that nobody may list can't be emptied: it is ours, so it is opened first."""
    try:
        os.chmod(os.path.dirname(path), 0o700)  # noqa: PTH101, PTH120 - rmtree hands over texts
        os.chmod(path, 0o700)  # noqa: PTH101
        if callable(function):
            function(path)
    except OSError:
        return
