"""What commands write for programs: JSON with ids as text and moments in ISO 8601, and files that are whole or not there."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from lotus_tasks.cli.terminal import bare
from lotus_tasks.errors import Permanent

_ESCAPED = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys and `json` doesn't escape by itself (it does U+0000 to U+001F), and halves of characters."""


def json_text(document: object, *, indent: int | None = 2) -> str:
    """``document`` as JSON that no terminal obeys and every reader of JSON takes."""
    return escape_json(json.dumps(document, ensure_ascii=False, indent=indent, default=_plain))


def escape_json(text: str) -> str:
    """The same JSON, with what a terminal would obey escaped."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(document: object, *, indent: int | None = 2) -> None:
    """One JSON document, for people and scripts alike. Its lines end where JSON's do, whatever the terminal's width."""
    out = bare(sys.stdout)
    out.write(f"{json_text(document, indent=indent)}\n")
    out.flush()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """A file to write text into, or stdout for "-". What was there stays until the block has ended well.

    Raises Permanent where it can't be written.
    """
    if str(path) == "-":
        yield bare(sys.stdout)
        return
    real = path.resolve()
    try:
        if real.exists() and not real.is_file():  # a device or a pipe is written to, never replaced
            with real.open("w", encoding="utf-8") as file:
                yield file
            return
        fresh = real.with_name(f".{real.name[:100]}.{os.getpid()}.new")
        try:
            with fresh.open("x", encoding="utf-8") as file:
                yield file
            if real.exists():
                fresh.chmod(stat.S_IMODE(real.stat().st_mode))
            fresh.replace(real)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise Permanent(f"{path} can't be written: {error.strerror}") from error
