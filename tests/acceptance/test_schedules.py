"""`schedule`, `on` and `inbox` as a user meets them, with a real beat and real workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stack import Lotus, wait_until

from tests.modelserver.handle import ModelServerHandle

ANSWER = "The scripted model answers."


def document_of(lotus: Lotus, *arguments: str) -> Any:
    done = lotus.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_for_answer(lotus: Lotus, name: str) -> dict[str, Any]:
    """The unread answer of this schedule or subscription."""
    with lotus.database() as conn:
        query = (
            "SELECT 1 FROM occasions JOIN runs ON runs.id = run_id"
            " WHERE name = %s AND read_at IS NULL AND status IN ('succeeded', 'failed')"
        )
        wait_until(lambda: conn.execute(query, [name]).fetchone(), timeout_s=40, what=f"the answer of {name}")
    (entry,) = [entry for entry in document_of(lotus, "inbox", "list") if entry["name"] == name]
    return entry


@pytest.fixture
def schedule(lotus: Lotus) -> Iterator[str]:
    yield "acceptance-news"
    lotus.run("schedule", "remove", "acceptance-news")


@pytest.fixture
def subscription(lotus: Lotus) -> Iterator[str]:
    yield "acceptance-notes"
    lotus.run("on", "remove", "acceptance-notes")


def test_a_schedule_is_kept_asked_by_beat_and_answered_in_the_inbox(
    lotus: Lotus, model: ModelServerHandle, schedule: str
):
    when = ["schedule", "add", "every weekday at 8:00", "ask", "what is new?"]
    made = document_of(lotus, *when, "--tz", "Europe/Copenhagen", "--name", schedule)
    assert (made["state"], made["zone"], made["missed"]) == ("active", "Europe/Copenhagen", "once")
    listed = lotus.run("schedule", "list")
    assert f"{schedule}  every weekday at 8:00  ·  next " in listed.stdout, listed.stderr

    with lotus.database() as conn:  # a week ago it was Friday's turn, or Monday's: LOTUS has been off since
        conn.execute("UPDATE schedules SET next_due = next_due - interval '7 days' WHERE name = %s", [schedule])
    entry = wait_for_answer(lotus, schedule)
    assert (entry["kind"], entry["status"], entry["answer"]) == ("schedule", "succeeded", ANSWER)
    assert "missed before" in entry["reason"]

    assert schedule in lotus.run("inbox").stdout
    shown = lotus.run("inbox", "show", entry["run_id"][:8])
    assert (shown.returncode, shown.stdout) == (0, f"{ANSWER}\n"), shown.stderr
    assert schedule not in lotus.run("inbox").stdout
    assert schedule in lotus.run("inbox", "list", "--all").stdout

    assert lotus.run("schedule", "pause", schedule).returncode == 0
    assert document_of(lotus, "schedule", "show", schedule)["state"] == "paused"
    assert document_of(lotus, "schedule", "resume", schedule)["next_due"] == made["next_due"]
    by_hand = lotus.run("schedule", "run-now", schedule)
    assert (by_hand.returncode, by_hand.stdout) == (0, f"{ANSWER}\n"), by_hand.stderr
    assert lotus.run("schedule", "remove", schedule).returncode == 0
    gone = lotus.run("schedule", "show", schedule)
    assert (gone.returncode, gone.stderr) == (1, f"lotus: there is no schedule {schedule}\n")


def test_a_time_nobody_understands_is_a_usage_error_of_one_line(lotus: Lotus):
    done = lotus.run("schedule", "add", "now and then", "ask", "what is new?")
    assert done.returncode == 2
    assert done.stderr.startswith("lotus: 'now and then' is no time LOTUS understands")
    assert len(done.stderr.splitlines()) == 1


def test_a_captured_file_starts_the_question_of_its_subscription(
    lotus: Lotus, model: ModelServerHandle, subscription: str, tmp_path: Path
):
    note = tmp_path / "boat.md"
    note.write_text(f"# Boat\n\nThe mast of {tmp_path.name} is painted green.\n")
    pattern = f"source={tmp_path}/**"
    added = lotus.run("on", "percept.captured", pattern, "ask", "what is new in {source}?", "--name", subscription)
    assert added.returncode == 0, added.stderr
    assert lotus.run("ingest", str(note)).returncode == 0
    entry = wait_for_answer(lotus, subscription)
    assert (entry["kind"], entry["status"]) == ("subscription", "succeeded")
    assert entry["question"] == f"what is new in {note}?"
    assert "1 started" in lotus.run("on", "list").stdout
    assert document_of(lotus, "inbox", "clear", entry["run_id"]) == {"cleared": 1}
    assert lotus.run("on", "remove", subscription).returncode == 0


def test_an_event_that_does_not_exist_is_refused_with_those_that_do(lotus: Lotus):
    done = lotus.run("on", "file.changed", "path=~/notes/**", "ask", "what changed?")
    assert done.returncode == 2
    assert "nobody declares an event 'file.changed'; there are:" in done.stderr
    assert "percept.captured" in done.stderr
