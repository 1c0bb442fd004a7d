"""How `on` reads its line: patterns, then `ask`, then the question; a command's name instead of an event's."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from lotus_tasks.cli.subscriptions import on, split_words
from lotus_tasks.errors import InvalidInput


def test_patterns_come_before_ask_and_the_question_after_it():
    patterns, text = split_words(("source=/n/a=b*", "count=2", "ask", "who", "may", "ask", "x=y?"))
    assert patterns == {"source": "/n/a=b*", "count": "2"}
    assert text == ("who", "may", "ask", "x=y?")


def test_a_tilde_is_the_users_home():
    assert split_words(("source=~/notes/**", "ask", "?"))[0] == {"source": f"{Path.home()}/notes/**"}
    assert split_words(("source=~notes", "ask", "?"))[0] == {"source": "~notes"}


@pytest.mark.parametrize(
    "words", [("source=/n",), ("source", "ask", "?"), ("=x", "ask", "?"), ("a=1", "a=2", "ask", "?")]
)
def test_a_line_without_ask_or_with_a_broken_pattern_is_refused(words):
    with pytest.raises(InvalidInput):
        split_words(words)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (["percept.captured", "ask", "?"], "add"),
        (["--per-hour", "3", "percept.captured", "ask", "?"], "add"),
        (["add", "percept.captured", "ask", "?"], "add"),
        (["list"], "list"),
        (["pause", "x"], "pause"),
    ],
)
def test_an_event_stands_where_a_command_may(line, command):
    ctx = on.make_context("on", list(line))
    name, found, _ = on.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
    assert isinstance(found, click.Command)
    assert name == command
