"""Which of a stream's entries a follower shows: those of the newest text, never two texts joined."""

from __future__ import annotations

import io
import uuid
from pathlib import Path

import pytest

from lotus_tasks.cli.following import Follower
from lotus_tasks.cli.screen import Screen
from lotus_tasks.local.runtime import Runtime
from lotus_tasks.spine.streams import StreamEntry
from lotus_tasks.values import RunId


@pytest.fixture
def follower() -> Follower:
    runtime = Runtime(
        home=Path("/nowhere"),
        database_url="",
        redis_url="",
        broker_url="",
        chroma_url="",
        gateway_url="",
        flower_url="",
        supervisor_socket=Path("/nowhere"),
    )
    return Follower(runtime=runtime, run_id=RunId(uuid.uuid4()), screen=Screen(out=io.StringIO(), live=False))


def play(follower: Follower, *entries: tuple[str, str, tuple[int, int], str]) -> str:
    for kind, command, generation, text in entries:
        follower._show(StreamEntry(entry_id="1-1", kind=kind, command=command, generation=generation, text=text))
    return follower.screen.shown


def test_tokens_follow_each_other(follower: Follower):
    assert (
        play(follower, ("start", "a", (1, 1), ""), ("token", "a", (1, 1), "one "), ("token", "a", (1, 1), "two"))
        == "one two"
    )


def test_a_later_try_replaces_the_text(follower: Follower):
    entries = [("start", "a", (1, 1), ""), ("token", "a", (1, 1), "one")]
    assert play(follower, *entries, ("start", "a", (1, 2), ""), ("token", "a", (1, 2), "uno")) == "uno"


def test_a_worker_that_lost_its_command_is_not_shown(follower: Follower):
    entries = [("start", "a", (2, 1), ""), ("token", "a", (2, 1), "one")]
    late = [("start", "a", (1, 2), ""), ("token", "a", (1, 1), "two"), ("token", "a", (1, 2), "three")]
    assert play(follower, *entries, *late) == "one"


def test_the_text_of_a_run_that_was_started_again_replaces_the_old_one_although_its_fence_is_lower(follower: Follower):
    old = [("start", "a", (2, 1), ""), ("token", "a", (2, 1), "old")]
    new = [("start", "b", (1, 1), ""), ("token", "b", (1, 1), "new")]
    assert play(follower, *old, *new) == "new"


def test_a_command_that_was_replaced_does_not_come_back(follower: Follower):
    entries = [("start", "a", (1, 1), ""), ("start", "b", (1, 1), ""), ("token", "b", (1, 1), "new")]
    late = [("start", "a", (1, 2), ""), ("token", "a", (1, 2), "old")]
    assert play(follower, *entries, *late) == "new"


def test_a_notice_is_said_once(follower: Follower, capsys: pytest.CaptureFixture[str]):
    play(follower, ("notice", "a", (1, 0), "openai: 503"), ("notice", "a", (1, 0), "openai: 503"))
    assert capsys.readouterr().err == "· openai: 503\n"
