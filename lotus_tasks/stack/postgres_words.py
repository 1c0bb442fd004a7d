"""What PostgreSQL's own words mean for a person: a disk, a permission, or damage, and then which backup to restore. Stdlib only.

PostgreSQL holds the truth: nothing of its data is ever changed, moved or made anew by LOTUS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from lotus_tasks.local.home import PROJECT, Home
from lotus_tasks.stack.supervision import last_lines

_DUMP_MAGIC: Final = b"PGDMP"
"""How a dump of pg_dump --format=custom begins."""
MAJOR: Final = "18"
"""The embedded server's version. Files that say so and that it doesn't know are damaged, not another's."""
_READY: Final = "database system is ready to accept connections"
_LINES: Final = 500
"""Of its log. One that can't recover writes a line for each of the others' tries to connect."""
_SAID = re.compile(r"\b(?:PANIC|FATAL|ERROR|LOG|DETAIL|could not|invalid):?\s")
_FULL = ("No space left on device", "Disk quota exceeded")
_CLOSED = ("Permission denied", "has wrong ownership", "has invalid permissions")
_OTHER_VERSION = ("is not compatible with this version", "database files are incompatible with server")
_USED = ("Is another postmaster", "Is another server", "is still in use")
_DAMAGED = (
    "could not locate a valid checkpoint record",
    "could not locate required checkpoint record",
    "invalid checkpoint record",
    "invalid primary checkpoint",
    "invalid page in block",
    "unexpected zero page",
    "calculated CRC checksum does not match",
    "incorrect checksum in control file",
    "invalid data in file",
    "is not a valid data directory",
    "missing or erroneous pg_xlog",
    "required WAL directory",
    "relation mapping file",
    "The database subdirectory",
    "could not find redo location",
    "could not access the server configuration file",
    "could not load ",
    "could not read",
    "could not open file",
    "could not open directory",
    "could not access directory",
    "could not access file",
    "could not find the database system",
    "could not access status of transaction",
    "requested WAL segment",
    "is not a directory",
    "Is a directory",
)


def diagnose(log: Sequence[str], data: Path, home: Home) -> str | None:
    """What keeps the server from running, in one line, by the newest telling line of its log; None where that isn't known.

    What stands before its last successful start is over.
    """
    for line in reversed(log):
        if _READY in line:
            return None
        words = " ".join(line.partition("] ")[2].split() or line.split())[:300]
        if _SAID.search(line) and (said := _meaning(line, words, data, home)):
            return said
    return None


def _meaning(line: str, words: str, data: Path, home: Home) -> str | None:
    if _has(line, _FULL):
        return f"its disk is full ({words}); make room, and it goes on by itself"
    if _has(line, _USED):
        return f"another PostgreSQL uses {data} ({words}); stop that one"
    if _has(line, _CLOSED):
        return f"{data} can't be used ({words}); make it yours alone again: chown -R to your user, chmod 700"
    if _has(line, _OTHER_VERSION) and _version(data) != MAJOR:
        return f"{data} was made by another PostgreSQL ({words}); nothing of it was changed; {restore_advice(home)}"
    if _has(line, (*_OTHER_VERSION, *_DAMAGED)):
        return f"its data folder {data} is damaged ({words}); nothing of it was changed; {restore_advice(home)}"
    return None


def _version(data: Path) -> str:
    try:
        return (data / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def is_headless(data: Path) -> bool:
    """Whether a folder holds something, but not the file that every cluster has."""
    try:
        return not (data / "PG_VERSION").exists() and any(data.iterdir())
    except OSError:
        return False


def headless_words(data: Path, home: Home) -> str:
    """What is said of such a folder."""
    return f"its data folder {data} has no PG_VERSION: it is damaged, and nothing in it was changed; {restore_advice(home)}"


def explain_postgres(home: Home) -> str | None:
    """What is wrong with the embedded server of this home: its folder, else ``diagnose`` of its log."""
    if is_headless(home.postgres_data):
        return headless_words(home.postgres_data, home)
    return diagnose(last_lines(home, "postgres", _LINES), home.postgres_data, home)


def restore_advice(home: Home) -> str:
    """Which backup to restore, and where that is told."""
    found = max(_dumps(home), key=lambda path: path.stat().st_mtime, default=None)
    if found is None:
        which = "restore your newest dump or copy of LOTUS_HOME"
    else:
        when = datetime.fromtimestamp(found.stat().st_mtime).astimezone()
        which = f"restore {found}, of {when:%Y-%m-%d %H:%M}, the newest dump found"
    return f"{which} (docs/operations.md, Backup and restore)"


def _dumps(home: Home) -> Iterator[Path]:
    for folder in (home.path, home.path / "backups", PROJECT, home.path.parent):
        for path in folder.glob("*.dump"):
            try:
                if not path.is_file():
                    continue
                with path.open("rb") as file:
                    if file.read(len(_DUMP_MAGIC)) == _DUMP_MAGIC:
                        yield path
            except OSError:
                continue


def _has(line: str, words: Iterable[str]) -> bool:
    return any(word in line for word in words)
