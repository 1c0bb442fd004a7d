"""The one place where text meets a terminal: what it would obey is left out, and lines end between words.

`guard_terminals` puts a `TerminalText` in the place of a standard stream that is a terminal, so that whatever is written, by
click, by hand or by a command that is yet to be written, passes here. A pipe gets its text unharmed. What draws on purpose (a
renderer, a prompt) writes to the `bare` stream, and filters the text it draws by `printable`.
"""

from __future__ import annotations

import io
import os
import re
import sys
import unicodedata
from typing import TextIO

import click

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""C0 (but a tab and a line's end), DEL and C1 of ECMA-48, and what turns the direction of the text around it (UAX 9, 2.1-2.4)."""
_WORDS = re.compile(
    r"[ \t]+|[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]"
    r"|[^ \t\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]+"
)
"""Spaces; a character of a script that is written without them; a word."""
_MARK = re.compile(r" *(?:(?:[·•✓✗>-]|\[\d+\]|\d+[.)]) +)?")
"""What stands before a line's text, and is left free in the rows below its first."""
_LINE_ENDS = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Where str.splitlines ends a line."""
_TAB = 8
_USUAL_COLUMNS = 80
_HANG = 4


class TerminalText(io.TextIOBase):
    """A terminal, written to as text: lines longer than its rows end between words."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Show ``text``; returns how many characters of it were taken, which is all."""
        clean = printable(text)
        columns = columns_of(self.stream)
        *whole, rest = clean.split("\n")
        self.stream.write("".join(f"{wrap(line, columns)}\n" for line in whole) + rest)
        return len(text)

    def flush(self) -> None:
        """Send what is held back."""
        self.stream.flush()

    def isatty(self) -> bool:
        """It is one."""
        return True

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The terminal's."""
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The terminal's."""
        return self.stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """What becomes of characters that the terminal has not."""
        return self.stream.errors


def guard_terminals() -> None:
    """From here on standard output and standard error, where they are terminals, are written to as text."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, TerminalText) and stream.isatty():
            setattr(sys, name, TerminalText(stream))


def bare(out: TextIO) -> TextIO:
    """The stream itself, for what draws: nothing is filtered there."""
    return out.stream if isinstance(out, TerminalText) else out


def printable(text: str) -> str:
    """``text`` without what a terminal would obey: it moves no cursor, sets no title, hides and turns round nothing."""
    return _OBEYED.sub("", text)


def one_line(text: str) -> str:
    r"""``text`` with its line ends written out, as in ``a\nb``: a file's name may have them, a line of a list may not."""
    return _LINE_ENDS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def say_row(*cells: str) -> None:
    """One line of a list on stdout. Where it is longer than the terminal's rows, the last cell goes on below itself."""
    line = "  ".join(map(one_line, cells)).rstrip()
    if sys.stdout.isatty():
        columns = columns_of(sys.stdout)
        before = printable("".join(f"{one_line(cell)}  " for cell in cells[:-1]))
        width = text_width(before)
        # A line of one cell stands in as far as its text does.
        hang = None if len(cells) == 1 else width if width <= columns // 2 else _HANG
        line = wrap(printable(line), columns, hang=hang)
    click.echo(line)


def show_progress(line: str = "") -> None:
    """``line`` in the place of the one shown before, on a standard error that is a terminal; nothing without a line."""
    columns = columns_of(sys.stderr)
    out = bare(sys.stderr)
    out.write("\r\x1b[K" + printable(line)[: columns - 1])
    out.flush()


def columns_of(out: TextIO) -> int:
    """How many columns the terminal has: COLUMNS, else what it says, else 80."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    try:
        return os.get_terminal_size(out.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError):
        return _USUAL_COLUMNS


def wrap(line: str, columns: int, *, hang: int | None = None) -> str:
    """``line`` in rows that end between words. A word longer than a row stays whole: the terminal breaks it, and copies it whole.

    ``hang``: how far the rows below the first stand in; without it, as far as the text does behind its mark (``· ``, ``[1] ``).
    """
    if len(line) * 2 <= columns and "\t" not in line:
        return line
    if hang is None:
        mark = _MARK.match(line)
        hang = text_width(mark[0]) if mark else 0
    hang = hang if hang <= columns // 2 else 0
    rows: list[str] = [""]
    column = 0
    for word in _WORDS.findall(line):
        width = text_width(word, column)
        if not word.strip(" \t"):
            column += width
            rows[-1] += word
            continue
        if column + width > columns and rows[-1].strip():
            rows[-1] = rows[-1].rstrip()
            column = max(
                0, min(hang, columns - width)
            )  # a word that fits into a row is not broken for the sake of its place
            rows.append(" " * column)
        rows[-1] += word
        column += width
        if column > columns:
            column = column % columns or columns
    return "\n".join(rows)


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


def text_width(text: str, column: int = 0) -> int:
    """How many columns ``text`` takes from ``column`` on, in a row without end."""
    if text.isascii() and "\t" not in text:
        return len(text)
    begun = column
    for character in text:
        column += _width(character, column)
    return column - begun


def _width(character: str, column: int) -> int:
    """Columns (Unicode Annex 11): 2 for wide characters, 0 for those that stand on the one before."""
    if character == "\t":
        return _TAB - column % _TAB
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
