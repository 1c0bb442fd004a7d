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
    [("y\n", "yes"), ("YES\n", "yes"), ("\n", "no"), ("n\n", "no"), ("yo\n", "no"), ("always\n", "no"), ("\x04", "no")],
)
def test_only_a_yes_is_a_yes(keyboard, capsys, typed, answer):
    os.write(keyboard, typed.encode())
    assert ask_person(CALL, look=lambda: True, every_s=5) == answer
    assert capsys.readouterr().err.startswith('LOTUS wants to run write_file(path="a.md"). Allow? [y/N] ')


@pytest.mark.parametrize(("typed", "answer"), [("always\n", "always"), ("a\n", "always"), ("y\n", "yes"), ("all\n", "no")])
def test_a_yes_for_good_is_offered_where_there_is_a_destination_and_why_is_said(keyboard, capsys, typed, answer):
    call = WaitingCall(seq=3, call="fetch_url()", why="it can carry text out", destination="host:example.org")
    os.write(keyboard, typed.encode())
    assert ask_person(call, look=lambda: True, every_s=5) == answer
    shown = capsys.readouterr().err
    assert shown.startswith("· it can carry text out\nLOTUS wants to run fetch_url(). Allow? [y/N/always for host:example.org] ")


def test_a_question_that_settled_itself_is_withdrawn(keyboard):
    assert ask_person(CALL, look=lambda: False, every_s=0.01) is None
