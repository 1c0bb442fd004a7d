"""Every declared event is published by real work, and each of its subscribers runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lotus_tasks import bootstrap
from lotus_tasks.events import EVENTS, PerceptCaptured
from lotus_tasks.origins import USER
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.models import RunOptions
from lotus_tasks.spine.outbox import OutboxTransaction, follow_up_id
from lotus_tasks.values import PerceptId
from lotus_tasks.work import CommandSpec
from tests.integration.inprocess import Workers, workers_in_process


@pytest.fixture
def workers(services) -> Iterator[Workers]:
    with workers_in_process(services) as workers:
        yield workers


def ask(workers: Workers, question: str, options: RunOptions) -> None:
    with workers.database.transaction() as conn:
        submit_run(conn, question, options, conversation_id=None)
    workers.drain()


def test_every_declared_event_is_published_and_each_subscriber_runs(workers: Workers, tmp_path: Path):
    (tmp_path / "boat.md").write_text("# Boat\n\nThe spare key hangs behind the blue door in Marstal.\n")
    workers.run("perception.ingest", path=str(tmp_path))
    ask(workers, "where is the spare key?", RunOptions(origin=USER))
    (run,) = workers.rows("SELECT id FROM runs")
    now = {"tool": "now", "arguments": {}}
    workers.submit(CommandSpec(name="reasoning.use_tool", key="a run's tool", payload=now, run_id=run["id"]))
    workers.drain()
    ask(workers, "a recall that asks for too much fails", RunOptions(origin=USER, memories=100_000))

    published = workers.rows("SELECT id, key, name FROM events")
    assert {row["name"] for row in published} == set(EVENTS)
    ran = set()
    for row in published:
        cause = row["key"].removesuffix(f"/{row['name']}")
        for task in bootstrap.subscribed(row["name"]):
            (command,) = workers.rows("SELECT * FROM commands WHERE id = %s", follow_up_id(cause, row["name"], task))
            assert command["payload"]["event_id"] == row["id"]
            assert command["status"] == "succeeded", (row["name"], task, command["error"])
            ran.add((row["name"], task))
    assert ran == {(event, task) for event in EVENTS for task in bootstrap.subscribed(event)}


def test_a_run_whose_command_failed_ends_with_the_reason(workers: Workers):
    ask(workers, "a recall that asks for too much fails", RunOptions(origin=USER, memories=100_000))
    (run,) = workers.rows("SELECT status, error, answer FROM runs")
    assert run["status"] in ("failed", "succeeded")
    assert "100000" in (run["error"] or "") or run["answer"]


def test_an_event_published_twice_by_one_cause_is_one_event_and_one_command(workers: Workers):
    event = PerceptCaptured(percept_id=PerceptId(follow_up_id("a", "b", "c")), source="/gone")
    for _ in range(2):
        with workers.database.transaction() as conn:
            OutboxTransaction(conn=conn, subscribers=bootstrap.subscribed, cause="test").publish(event)
    workers.drain()
    assert len(workers.rows("SELECT 1 FROM events WHERE name = 'percept.captured'")) == 1
    assert [row["status"] for row in workers.rows("SELECT status FROM commands WHERE name = 'memory.store'")] == [
        "succeeded"
    ]
