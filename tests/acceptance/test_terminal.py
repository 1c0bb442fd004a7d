"""`ask` on a terminal: the text appears as it comes, is never there twice, and Ctrl-C ends it."""

from __future__ import annotations

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
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from stack import Lotus

from lotus_tasks.infra.home import PROJECT
from tests.modelserver.handle import ModelServerHandle

REPLY = "one two three four five six seven eight nine ten"
_SEQUENCE = re.compile(r"\x1b\[(\d*)([A-Za-z])")


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


class Terminal:
    """`manage.py` on a pseudo-terminal."""

    def __init__(self, lotus: Lotus, *arguments: str, columns: int = 80, lines: int = 24) -> None:
        self.screen = ScreenModel(columns)
        self.raw = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {**lotus.environment, "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
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
        text = data.decode()
        self.raw += text
        self.screen.feed(text)
        return bool(data)


@contextmanager
def on_terminal(lotus: Lotus, *arguments: str, columns: int = 80, lines: int = 24) -> Iterator[Terminal]:
    terminal = Terminal(lotus, *arguments, columns=columns, lines=lines)
    try:
        yield terminal
    finally:
        terminal.close()


def test_text_appears_before_the_model_has_ended(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.4)
    with on_terminal(lotus, "ask", "count to ten") as terminal:
        terminal.read_until("one two three")
        assert model.calls[0]["finished_at"] is None
        assert terminal.read_to_end() == 0
        lines = terminal.screen.text.splitlines()
    assert lines[0] == REPLY
    assert lines[1].startswith("openai ")
    assert "\x1b" not in terminal.raw


@pytest.mark.parametrize("columns", [80, 17, 5])
def test_a_text_that_begins_again_is_on_the_screen_once(lotus: Lotus, model: ModelServerHandle, columns: int):
    model.script(reply=REPLY, token_delay_s=0.1)
    model.fault("cut", after_tokens=5)
    with on_terminal(lotus, "ask", "count to ten", columns=columns) as terminal:
        terminal.read_until("four five")
        assert terminal.read_to_end() == 0
        shown = terminal.screen.letters
    assert shown.startswith(REPLY.replace(" ", ""))
    assert shown.count("three") == 1
    assert "\x1b[" in terminal.raw
    assert len(model.calls) == 2


def test_the_text_of_a_killed_worker_is_replaced(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.3)
    with on_terminal(lotus, "ask", "count to ten", columns=17) as terminal:
        terminal.read_until("three")
        lotus.kill("worker-providers")
        model.script(token_delay_s=0.0)
        assert terminal.read_to_end() == 0
        shown = terminal.screen.letters
    assert shown.startswith(REPLY.replace(" ", ""))
    assert shown.count("three") == 1


def test_wide_characters_are_taken_back_whole(lotus: Lotus, model: ModelServerHandle):
    reply = "鍵は青い扉の後ろに 掛かっています 三つ 目の 鈎です"
    model.script(reply=reply, token_delay_s=0.1)
    model.fault("cut", after_tokens=3)
    with on_terminal(lotus, "ask", "どこ?", columns=11) as terminal:
        terminal.read_until("三つ")
        assert terminal.read_to_end() == 0
        shown = terminal.screen.letters
    assert shown.startswith(reply.replace(" ", ""))
    assert shown.count("鍵") == 1


def test_a_model_can_not_drive_the_terminal(lotus: Lotus, model: ModelServerHandle):
    model.script(reply="safe \x1b[2J\x1b]0;title\x07 and sound")
    with on_terminal(lotus, "ask", "clear the screen") as terminal:
        assert terminal.read_to_end() == 0
        assert terminal.screen.text.splitlines()[0] == "safe [2J]0;title and sound"


def test_no_stream_shows_the_answer_when_it_is_whole(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.1)
    model.fault("cut", after_tokens=5)
    with on_terminal(lotus, "ask", "--no-stream", "count to ten") as terminal:
        assert terminal.read_to_end() == 0
        assert "\x1b" not in terminal.raw
        assert terminal.screen.text.count("three") == 1


def test_follow_shows_a_run_from_its_beginning(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.3)
    run_id = lotus.run("ask", "count to ten", "--detach").stdout.strip()
    model.wait_for(lambda calls: calls and calls[0]["tokens_sent"] >= 4, within_s=15)
    with on_terminal(lotus, "runs", "follow", run_id) as terminal:
        terminal.read_until("one two three four")
        assert model.calls[0]["finished_at"] is None
        assert terminal.read_to_end() == 0
        assert terminal.screen.text.splitlines()[0] == REPLY


def test_ctrl_c_leaves_the_text_and_cancels_the_run(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.5)
    with on_terminal(lotus, "ask", "count to ten", columns=200) as terminal:
        terminal.read_until("one two")
        pressed_at = time.time()
        terminal.press(b"\x03")
        assert terminal.read_to_end() == 130
        text = terminal.screen.text
    call = model.wait_for(lambda calls: calls[0]["disconnected_at"], within_s=5)[0]
    assert call["disconnected_at"] - pressed_at < 2.0
    assert text.startswith("one two")
    assert "run cancelled" in text.splitlines()[-1]
    assert "Traceback" not in text
    run_id = text.split("retry ")[1][:36]
    with on_terminal(lotus, "runs", "retry", run_id) as terminal:
        model.script(token_delay_s=0.1)
        assert terminal.read_to_end() == 0
        shown = terminal.screen.text
    assert shown.splitlines()[0] == REPLY
    assert shown.count("one two") == 1


def test_a_timeout_leaves_the_text_and_says_so_on_a_line_of_its_own(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.6)
    with on_terminal(lotus, "ask", "count to ten", "--timeout", "2", columns=200) as terminal:
        assert terminal.read_to_end() == 4
        first, last = terminal.screen.text.splitlines()
    assert REPLY.startswith(first)
    assert last.startswith("lotus: no answer within 2 s")
