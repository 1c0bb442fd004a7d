"""Where a run's text goes: a terminal, which can take text back, or a pipe, which can't."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal would obey; a line's end and a tab are text."""
_TAB = 8


def is_live(out: TextIO) -> bool:
    """Whether ``out`` is a terminal that can take text back."""
    return out.isatty() and os.environ.get("TERM") != "dumb"


@dataclass(slots=True)
class Screen:
    """One run's text. On a terminal it appears as it comes, and a restarted text takes the old one's place.

    Anywhere else nothing is written until the text is final.
    """

    out: TextIO
    live: bool
    shown: str = ""

    def write(self, text: str) -> None:
        """Show a piece of text."""
        self.shown += text
        if self.live:
            self._put(printable(text))

    def flush(self) -> None:
        """Everything that came at once has been written."""

    def restart(self) -> None:
        """Take back what was shown."""
        if self.live and self.shown and not self._erase():
            self._put("\n— the answer begins again —\n")
        self.shown = ""

    def finish(self, text: str) -> None:
        """Leave exactly ``text``, and a line's end."""
        if not self.live:
            self._put(text)
        elif text.startswith(self.shown):
            self._put(printable(text[len(self.shown) :]))
        else:
            self.restart()
            self._put(printable(text))
        if text and not text.endswith("\n"):
            self._put("\n")
        self.shown = text

    def break_off(self) -> None:
        """No more text comes: what does come stands on a line of its own."""
        if self.live and self.shown and not self.shown.endswith("\n"):
            self._put("\n")

    @contextmanager
    def stand_aside(self) -> Iterator[None]:
        """Room for somebody else's line: the text is taken back before it and shown again after it."""
        if not (self.live and self.shown):
            yield
        elif self._erase():
            yield
            self._put(printable(self.shown))
        else:
            self._put("\n")
            yield

    def _put(self, text: str) -> None:
        self.out.write(text)
        self.out.flush()

    def _erase(self) -> bool:
        """False where the text's first row has left the screen: what has scrolled away can't be taken back."""
        columns, lines = shutil.get_terminal_size()
        rows = rows_of(printable(self.shown), columns)
        if rows >= lines:
            return False
        self._put("\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "") + "\x1b[J")
        return True


def printable(text: str) -> str:
    """``text`` without what a terminal would obey: a model's answer may move no cursor and set no title."""
    return _CONTROL.sub("", text)


def rows_of(text: str, columns: int) -> int:
    """How many terminal rows ``text`` fills."""
    rows = 0
    for line in text.split("\n"):
        rows += 1
        column = 0
        for character in line:
            width = _width(character, column)
            if column + width > columns and character != "\t":  # a tab stops at the last column, it doesn't wrap
                rows += 1
                column = 0
            column = min(column + width, columns)
    return rows


def _width(character: str, column: int) -> int:
    """Columns (Unicode Annex 11): 2 for wide characters, 0 for those that stand on the one before."""
    if character == "\t":
        return _TAB - column % _TAB
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
