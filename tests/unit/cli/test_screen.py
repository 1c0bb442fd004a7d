"""What a run's text looks like on a terminal and in a pipe."""

from __future__ import annotations

import io
import os

import pytest

from lotus_tasks.cli import screen as screen_module
from lotus_tasks.cli.screen import Screen, is_live
from lotus_tasks.cli.terminal import printable, rows_of


@pytest.fixture(autouse=True)
def small_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen_module.shutil, "get_terminal_size", lambda: os.terminal_size((10, 4)))


def terminal() -> Screen:
    return Screen(out=io.StringIO(), live=True)


def written(screen: Screen) -> str:
    return screen.out.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", 1),
        ("one", 1),
        ("0123456789", 1),
        ("0123456789a", 2),
        ("one\ntwo", 2),
        ("one\n", 2),
        ("鍵鍵鍵鍵鍵", 1),
        ("0鍵鍵鍵鍵鍵", 2),
        ("012345678鍵", 2),  # no half of a wide character fits
        ("e\u0301" * 10, 1),
        ("a\tb", 1),
        ("a\tbcd", 2),
        ("0123456789\tb", 2),
    ],
)
def test_rows_are_counted_as_a_terminal_wraps(text: str, rows: int):
    assert rows_of(text, 10) == rows


def test_what_a_terminal_would_obey_is_left_out():
    assert printable("a\x1b[2Jb\x07\r\x9b1mc\n\td") == "a[2Jb1mc\n\td"


def test_a_pipe_gets_nothing_before_the_text_is_final():
    screen = Screen(out=io.StringIO(), live=False)
    screen.write("one ")
    screen.restart()
    screen.write("two ")
    assert written(screen) == ""
    screen.finish("two three\x1b[1m")
    assert written(screen) == "two three\x1b[1m\n"


def test_a_text_that_was_shown_whole_is_only_ended():
    screen = terminal()
    screen.write("one ")
    screen.write("two")
    screen.finish("one two")
    assert written(screen) == "one two\n"


def test_a_restarted_text_is_erased_from_its_first_row():
    screen = terminal()
    screen.write("0123456789abc\nd")
    screen.restart()
    assert written(screen).endswith("\r\x1b[2A\x1b[J")


def test_a_text_that_scrolled_away_is_left_and_a_line_says_so():
    screen = terminal()
    screen.write("1\n2\n3\n4\n5")
    screen.restart()
    assert "\x1b" not in written(screen)
    assert "begins again" in written(screen)


def test_somebody_elses_line_takes_no_text_away():
    screen = terminal()
    screen.write("one two")
    with screen.stand_aside():
        screen.out.write("· a notice\n")
    screen.write(" three")
    screen.finish("one two three")
    assert written(screen) == "one two\r\x1b[J· a notice\none two\nthree\n"


def test_what_follows_a_text_that_broke_off_stands_on_a_line_of_its_own():
    screen = terminal()
    screen.write("one two")
    screen.break_off()
    assert written(screen) == "one two\n"
    pipe = Screen(out=io.StringIO(), live=False)
    pipe.write("one two")
    pipe.break_off()
    assert written(pipe) == ""


def test_a_dumb_terminal_is_treated_as_a_pipe(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    assert is_live(Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert not is_live(Terminal())
    assert not is_live(io.StringIO())
