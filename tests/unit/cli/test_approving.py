"""What the user reads before they say yes."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator

import pytest

from lotus_tasks.cli.approving import WaitingCall, ask_person, describe_call

CALL = WaitingCall(seq=3, call='write_file(path="a.md")')


def test_a_call_is_shown_with_its_arguments():
    detail = {"tool": "write_file", "arguments": {"path": "a.md", "text": "one\ntwo"}}
    assert describe_call(detail) == 'write_file(path="a.md", text="one\\ntwo")'


def test_nothing_in_it_steers_the_terminal_or_hides_text():
    said = describe_call({"tool": "run\x1b[2J", "arguments": {"code": "\x1b]0;x\x07 \u202egpj.exe\u200b \x9b2J"}})
    assert not any(character in said for character in "\x1b\x07\x9b\u202e\u200b")
    assert "\\u202egpj.exe\\u200b" in said


def test_a_long_argument_says_how_much_is_left_out():
    assert (
        describe_call({"tool": "t", "arguments": {"text": "x" * 100}}, most=11)
        == 't(text="xxxxxxxxxx… (91 characters more: see `runs show`))'
    )


@pytest.fixture
def keyboard(monkeypatch) -> Iterator[int]:
    """Where a person types; the terminal that asks reads it."""
    person, terminal = pty.openpty()
    monkeypatch.setattr(sys, "stdin", os.fdopen(terminal, "r"))
    yield person
    sys.stdin.close()
    os.close(person)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("yo\n", False), ("\x04", False)],
)
def test_only_a_yes_is_a_yes(keyboard, capsys, typed, answer):
    os.write(keyboard, typed.encode())
    assert ask_person(CALL, look=lambda: True, every_s=5) is answer
    assert capsys.readouterr().err.startswith('LOTUS wants to run write_file(path="a.md"). Allow? [y/N] ')


def test_a_question_that_settled_itself_is_withdrawn(keyboard):
    assert ask_person(CALL, look=lambda: False, every_s=0.01) is None
