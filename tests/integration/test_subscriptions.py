"""Subscriptions in a real PostgreSQL: each event once, within the rate, and never in a loop."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from lotus_tasks.errors import InvalidInput
from lotus_tasks.events import EVENTS, Event, MemoryStored, PerceptCaptured
from lotus_tasks.origins import OUTSIDE, USER
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.adapters.subscriptions import PostgresSubscriptions
from lotus_tasks.reasoning.models import RunOptions
from lotus_tasks.reasoning.service.following import DEEPEST
from lotus_tasks.spine.outbox import OutboxTransaction
from lotus_tasks.values import PerceptId, utc_now
from lotus_tasks.work import CommandSpec
from tests.integration.inprocess import Workers, workers_in_process


@pytest.fixture
def workers(services) -> Iterator[Workers]:
    with workers_in_process(services) as workers:
        yield workers


def subscribe(workers: Workers, event: str = "memory.stored", question: str = "what is new?", **more) -> dict:
    with workers.database.transaction() as conn:
        subscriptions = PostgresSubscriptions(conn, limits={})
        return subscriptions.add(event, more.pop("patterns", {}), question, **{"per_hour": 10, **more})


def publish(workers: Workers, event: Event, *, cause: str | None = None) -> int:
    """Publish as a module does; returns the event's id."""
    key = cause or f"test/{uuid.uuid4()}"
    with workers.database.transaction() as conn:
        OutboxTransaction(conn=conn, subscribers=lambda _: (), cause=key, sends_itself=False).publish(event)
        row = conn.execute("SELECT id FROM events WHERE key = %s", [f"{key}/{event.name}"]).fetchone()
    return row["id"]


def stored(source: str = "/n/a.md") -> MemoryStored:
    return MemoryStored(source=source, count=1)


def started(workers: Workers) -> list[dict]:
    return workers.rows(
        "SELECT runs.*, occasions.name, occasions.reason, occasions.ancestry"
        " FROM runs JOIN occasions ON occasions.run_id = runs.id ORDER BY occasions.created_at"
    )


def held_back(workers: Workers) -> list[str]:
    return [row["note"] for row in workers.rows("SELECT note FROM subscription_events WHERE note IS NOT NULL")]


def test_a_matching_event_starts_the_question_with_its_fields_and_another_does_not(workers):
    subscribe(workers, question="what changed in {source}?", patterns={"source": "/n/**"})
    publish(workers, stored("/n/deep/a.md"))
    publish(workers, stored("/elsewhere/a.md"))
    publish(workers, PerceptCaptured(percept_id=PerceptId(uuid.uuid4()), source="/n/b.md"))
    workers.drain()
    (run,) = started(workers)
    assert (run["status"], run["question"]) == ("succeeded", "what changed in /n/deep/a.md?")
    assert run["reason"] == "memory.stored source=/n/deep/a.md"
    assert (run["options"]["origin"], run["origin"]) == (OUTSIDE, OUTSIDE)


def test_an_event_starts_each_subscription_once_however_often_it_is_followed_up(workers):
    subscribe(workers, question="one?", patterns={"source": "/n/**"})
    subscribe(workers, question="two?", patterns={"source": "/n/**"})
    event_id = publish(workers, stored())

    def follow(_: int) -> int:
        with workers.database.transaction() as conn:
            return len(PostgresSubscriptions(conn, limits={}).follow_up(event_id, now=utc_now()))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(follow, range(8))) == 2
    workers.drain()
    assert sorted(run["question"] for run in started(workers)) == ["one?", "two?"]


def test_an_event_published_twice_by_one_cause_starts_one_run(workers):
    subscribe(workers)
    for _ in range(2):
        publish(workers, stored(), cause="once")
    workers.drain()
    assert len(started(workers)) == 1


def test_an_event_without_subscribers_makes_no_command(workers):
    subscribe(workers, event="percept.captured")
    publish(workers, stored())
    assert workers.rows("SELECT 1 FROM commands") == []


def test_events_from_before_a_subscription_and_during_its_pause_start_nothing(workers):
    early = publish(workers, stored())
    subscription = subscribe(workers)
    with workers.database.transaction() as conn:
        subscriptions = PostgresSubscriptions(conn, limits={})
        assert subscriptions.follow_up(early, now=utc_now()) == []
        subscriptions.pause(subscription)
    publish(workers, stored())
    workers.drain()
    assert started(workers) == []
    with workers.database.transaction() as conn:
        PostgresSubscriptions(conn, limits={}).resume(subscription)
    publish(workers, stored())
    workers.drain()
    assert len(started(workers)) == 1


def test_the_rate_limit_holds_back_and_lets_go_after_an_hour(workers):
    subscribe(workers, per_hour=2)
    events = [publish(workers, stored()) for _ in range(4)]
    now = utc_now()

    def follow(event_id: int, at) -> int:
        with workers.database.transaction() as conn:
            return len(PostgresSubscriptions(conn, limits={}).follow_up(event_id, now=at))

    assert [follow(event_id, now) for event_id in events[:3]] == [1, 1, 0]
    assert held_back(workers) == ["rate limit: 2 runs within the hour"]
    assert follow(events[3], now + timedelta(minutes=61)) == 1


def test_the_rate_limit_holds_among_events_followed_up_at_once(workers):
    subscribe(workers, per_hour=3)
    events = [publish(workers, stored()) for _ in range(8)]

    def follow(event_id: int) -> int:
        with workers.database.transaction() as conn:
            return len(PostgresSubscriptions(conn, limits={}).follow_up(event_id, now=utc_now()))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(follow, events)) == 3


def test_a_run_started_by_an_event_does_not_start_its_subscription_again_through_its_own_events(workers):
    subscribe(workers, event="run.concluded")
    subscribe(workers, event="memory.stored", question="what was stored?")
    with workers.database.transaction() as conn:
        submit_run(conn, "where is the key?", RunOptions(origin=USER), conversation_id=None)
    workers.drain()
    # The user's run concludes and is stored: each starts one. Those conclude and are stored in turn: each starts the other, once.
    assert len(started(workers)) == 4
    assert sorted(len(run["ancestry"]) for run in started(workers)) == [1, 1, 2, 2]
    assert {note.partition(":")[0] for note in held_back(workers)} == {"loop"}


def test_the_run_behind_an_event_is_known_through_commands_and_events_that_have_none(workers):
    """run → command of the run → command without a run → event."""
    with workers.database.transaction() as conn:
        run = submit_run(conn, "where is the key?", RunOptions(origin=USER), conversation_id=None)
        (first,) = conn.execute("SELECT id FROM commands WHERE run_id = %s", [run.run_id]).fetchall()
        tx = OutboxTransaction(conn=conn, subscribers=lambda _: (), cause=str(first["id"]), sends_itself=False)
        second = tx.submit(CommandSpec(name="perception.ingest", key="second", payload={"path": "/gone"}))
    event_id = publish(workers, stored(), cause=str(second))
    (event,) = workers.rows("SELECT origin FROM events WHERE id = %s", event_id)
    assert event["origin"] == run.run_id


def test_a_chain_of_subscriptions_ends_at_the_depth_limit(workers):
    for number in range(DEEPEST + 2):
        subscribe(workers, event="run.concluded", question=f"question {number}", per_hour=1)
    with workers.database.transaction() as conn:
        submit_run(conn, "where is the key?", RunOptions(origin=USER), conversation_id=None)
    workers.drain()
    assert max(len(run["ancestry"]) for run in started(workers)) <= DEEPEST


def test_cancelling_the_run_that_published_leaves_the_follow_up_to_start(workers):
    subscribe(workers)
    with workers.database.transaction() as conn:
        run = submit_run(conn, "where is the key?", RunOptions(origin=USER), conversation_id=None)
        (first,) = conn.execute("SELECT id FROM commands WHERE run_id = %s", [run.run_id]).fetchall()
    publish(workers, stored(), cause=str(first["id"]))
    (follow_up,) = workers.rows("SELECT run_id, origin FROM commands WHERE name = 'reasoning.follow_up'")
    assert follow_up == {"run_id": None, "origin": run.run_id}


def test_an_event_nobody_declares_is_refused_with_those_there_are(workers):
    with pytest.raises(InvalidInput, match=r"'file.changed'; there are: .*percept.captured") as refused:
        subscribe(workers, event="file.changed", patterns={"path": "/n/**"})
    assert all(name in str(refused.value) for name in EVENTS)


def test_a_field_the_event_does_not_have_is_refused(workers):
    with pytest.raises(InvalidInput, match="no field 'path'; it has"):
        subscribe(workers, patterns={"path": "/n/**"})


def test_every_event_can_be_subscribed_to(workers):
    for name in EVENTS:
        subscribe(workers, event=name, question=f"after {name}")
    assert {row["event"] for row in workers.rows("SELECT event FROM event_followers")} == set(EVENTS)
