"""`manage.py` on a pseudo-terminal, and what that terminal shows."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from stack import Lotus

from lotus_tasks.local.home import PROJECT

_SEQUENCE = re.compile(r"\x1b\[([\d;]*)([A-Za-z])")


class ScreenModel:
    """The rows a terminal of ``columns`` shows after the bytes it was sent: text, CR, LF, cursor up, erase to the end."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[list[str]] = [[]]
        self.row = self.column = 0

    def feed(self, text: str) -> None:
        position = 0
        while position < len(text):
            if text[position] == "\x1b":
                match = _SEQUENCE.match(text, position)
                assert match, f"an unknown sequence: {text[position : position + 10]!r}"
                if match[2] != "m":  # colours and weight leave the text as it is
                    self._obey(match[2], int(match[1] or 1))
                position = match.end()
                continue
            self._put(text[position])
            position += 1

    @property
    def text(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.rows).rstrip()

    @property
    def letters(self) -> str:
        """The text without its spaces and row ends: the same however it wraps."""
        return "".join(self.text.split())

    def _obey(self, command: str, count: int) -> None:
        if command == "A":
            self.row = max(0, self.row - count)
        elif command == "J":
            del self.rows[self.row + 1 :]
            del self.rows[self.row][self.column :]
        else:
            raise AssertionError(f"ask sent the sequence {command}")

    def _put(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self._next_row()
        else:
            width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            if self.column + width > self.columns:
                self._next_row()
                self.column = 0
            row = self.rows[self.row]
            row.extend(" " * (self.column - len(row)))
            row[self.column : self.column + width] = [character] + [""] * (width - 1)
            self.column += width

    def _next_row(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])


class AnyScreen:
    """A terminal that obeys everything and shows nothing."""

    text = letters = ""

    def feed(self, text: str) -> None:
        pass


class Terminal:
    """`manage.py` on a pseudo-terminal."""

    def __init__(
        self,
        lotus: Lotus,
        *arguments: str,
        columns: int = 80,
        lines: int = 24,
        draws: bool = False,
        program: Sequence[str] = ("manage.py",),
    ) -> None:
        self.screen = AnyScreen() if draws else ScreenModel(columns)
        self.raw = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._seen = 0
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {**lotus.environment, "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=PROJECT,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=take_terminal,  # noqa: PLW1509 - single-threaded here
        )
        os.close(slave)

    def press(self, key: bytes) -> None:
        os.write(self._master, key)

    def read_until(self, wanted: str, *, within_s: float = 20.0) -> None:
        """Reads until the screen shows ``wanted``, however wrapped."""
        deadline = time.monotonic() + within_s
        while "".join(wanted.split()) not in self.screen.letters:
            assert self._read(deadline), f"the terminal closed; it shows:\n{self.screen.text}"

    def read_to_end(self, *, within_s: float = 30.0) -> int:
        """Reads until the command ends; its exit code."""
        deadline = time.monotonic() + within_s
        while self._read(deadline):
            pass
        return self.process.wait(10)

    def wait_for(self, wanted: str, *, within_s: float = 30.0) -> None:
        """Reads until ``wanted`` was sent, after all that was waited for before: for programs that draw their own screen."""
        deadline = time.monotonic() + within_s
        while wanted not in self.raw[self._seen :]:
            assert self._read(deadline), f"the terminal closed; it was sent:\n{self.raw}"
        self._seen = self.raw.index(wanted, self._seen) + len(wanted)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._master)

    def _read(self, deadline: float) -> bool:
        left_s = deadline - time.monotonic()
        readable, _, _ = select.select([self._master], [], [], max(0.0, left_s))
        assert readable, f"nothing more came in time; the terminal shows:\n{self.screen.text}"
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # the other end is closed
            return False
        text = self._decoder.decode(data)
        self.raw += text
        self.screen.feed(text)
        return bool(data)


@contextmanager
def on_terminal(
    lotus: Lotus,
    *arguments: str,
    columns: int = 80,
    lines: int = 24,
    draws: bool = False,
    program: Sequence[str] = ("manage.py",),
) -> Iterator[Terminal]:
    """Ended when the test leaves it. ``draws``: it draws its own screen, of which only the bytes are looked at."""
    terminal = Terminal(lotus, *arguments, columns=columns, lines=lines, draws=draws, program=program)
    try:
        yield terminal
    finally:
        terminal.close()
