"""Where a run's text goes: a terminal, which can take text back, or a pipe, which can't."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from lotus_tasks.cli.terminal import bare, printable, rows_of, wrap


def is_live(out: TextIO) -> bool:
    """Whether ``out`` is a terminal that can take text back."""
    return out.isatty() and os.environ.get("TERM") != "dumb"


@dataclass(slots=True)
class Screen:
    """One run's text. On a terminal it appears as it comes, its rows end between words, and a restarted text takes the old one's
    place.

    Anywhere else nothing is written until the text is final.
    """

    out: TextIO
    live: bool
    shown: str = ""
    _line: str = ""
    """The last line."""
    _row: str = ""
    """The last line as it stands on the terminal: wrapped."""

    def write(self, text: str) -> None:
        """Show a piece of text."""
        self.shown += text
        if not self.live:
            return
        for number, part in enumerate(printable(text).split("\n")):
            if number:
                self._put("\n")
                self._begin_line()
            self._line += part
            self._draw_line()

    def flush(self) -> None:
        """Everything that came at once has been written."""

    def restart(self) -> None:
        """Take back what was shown."""
        if self.live and self.shown and not self._erase():
            self._put("\n— the answer begins again —\n")
        self.shown = ""
        self._begin_line()

    def finish(self, text: str) -> None:
        """Leave exactly ``text``, and a line's end."""
        if not self.live:
            self.out.write(text if not text or text.endswith("\n") else f"{text}\n")
            self.out.flush()
            self.shown = text
            return
        if not text.startswith(self.shown):
            self.restart()
        self.write(text[len(self.shown) :])
        if text and not text.endswith("\n"):
            self._put("\n")
        self._begin_line()

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
            self._put(self._wrapped())
        else:
            self._put("\n")
            self._begin_line()
            yield

    def _put(self, text: str) -> None:
        out = bare(self.out)
        out.write(text)
        out.flush()

    def _begin_line(self) -> None:
        self._line = self._row = ""

    def _draw_line(self) -> None:
        """The last line anew: mostly more of it, sometimes a word that has become too long for its row."""
        columns = shutil.get_terminal_size().columns
        row = wrap(self._line, columns, hang=0).rstrip(" ")
        old, self._row = self._row, row
        if row.startswith(old):
            self._put(row[len(old) :])
            return
        pairs = zip(row, old, strict=False)
        alike = next((n for n, (new, was) in enumerate(pairs) if new != was), min(len(row), len(old)))
        same = row.rfind("\n", 0, alike) + 1
        self._put(back(rows_of(old[same:], columns)) + row[same:])

    def _wrapped(self) -> str:
        columns = shutil.get_terminal_size().columns
        return "\n".join(wrap(line, columns, hang=0).rstrip(" ") for line in printable(self.shown).split("\n"))

    def _erase(self) -> bool:
        """False where the text's first row has left the screen: what has scrolled away can't be taken back."""
        columns, lines = shutil.get_terminal_size()
        rows = rows_of(self._wrapped(), columns)
        if rows >= lines:
            return False
        self._put(back(rows))
        return True


def back(rows: int) -> str:
    """To the beginning of the first of the last ``rows`` rows, and nothing below."""
    return "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "") + "\x1b[J"
