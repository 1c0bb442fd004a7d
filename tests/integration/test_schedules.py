"""Schedules in a real PostgreSQL: each due time once, and what was missed by its policy. The clock is an argument."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from lotus_tasks.errors import InvalidInput, NotFound
from lotus_tasks.reasoning.adapters.schedules import PostgresSchedules
from lotus_tasks.spine.database import Database
from lotus_tasks.values import RunId, utc_now
from tests.integration.inprocess import Workers, workers_in_process

MONDAY = datetime(2027, 1, 4, 6, 30, 12, 345, tzinfo=UTC)
EIGHT = datetime(2027, 1, 4, 7, 0, tzinfo=UTC)  # 8:00 in Copenhagen


@pytest.fixture
def database(services) -> Iterator[Database]:
    with Database(services.runtime.database_url) as database:
        yield database


def add(
    database: Database, timetable: str = "every weekday at 8:00", question: str = "what is on today?", **more
) -> dict:
    with database.transaction() as conn:
        schedules = PostgresSchedules(conn, limits={})
        return schedules.add(timetable, question, **{"zone": "Europe/Copenhagen", "now": MONDAY, **more})


def tick(database: Database, now: datetime) -> list[RunId]:
    with database.transaction() as conn:
        return PostgresSchedules(conn, limits={}).start_due(now=now)


def find(database: Database, name: str) -> dict:
    with database.transaction() as conn:
        return PostgresSchedules(conn, limits={}).find(name)


def rows(database: Database, query: str, *parameters) -> list[dict]:
    with database.transaction() as conn:
        return conn.execute(query, parameters).fetchall()


def slots(database: Database) -> list[tuple[datetime, bool]]:
    return [
        (row["slot"], row["run_id"] is not None)
        for row in rows(database, "SELECT slot, run_id FROM schedule_slots ORDER BY slot")
    ]


def test_a_schedule_starts_its_question_when_it_is_due_and_is_due_again(database):
    made = add(database, options={"provider": "offline"})
    assert made["next_due"] == EIGHT
    assert tick(database, EIGHT - timedelta(seconds=1)) == []
    (run_id,) = tick(database, EIGHT + timedelta(seconds=4))
    (run,) = rows(database, "SELECT * FROM runs")
    assert (run["id"], run["question"], run["options"]["provider"]) == (run_id, "what is on today?", "offline")
    assert [row["name"] for row in rows(database, "SELECT name FROM commands")] == ["memory.recall"]
    assert find(database, made["name"])["next_due"] == EIGHT + timedelta(days=1)
    assert tick(database, EIGHT + timedelta(seconds=14)) == []


def test_two_ticks_at_once_start_each_due_time_once(database):
    for number in range(12):
        add(database, "every hour", f"question {number}")
    barrier = threading.Barrier(4)
    started: list[RunId] = []
    failures: list[BaseException] = []

    def tick_together() -> None:
        try:
            barrier.wait(timeout=10)
            started.extend(tick(database, MONDAY + timedelta(hours=1)))
        except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=tick_together) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
    assert len(started) == len(set(started)) == 12
    assert sorted(row["question"] for row in rows(database, "SELECT question FROM runs")) == sorted(
        f"question {number}" for number in range(12)
    )


def finish(database: Database, status: str = "succeeded") -> None:
    rows(database, "UPDATE runs SET status = %s::run_status RETURNING id", status)


@pytest.mark.parametrize("status", ["queued", "running", "waiting"])
def test_a_time_that_comes_while_the_last_run_is_unfinished_is_skipped_and_said_so(database, status):
    made = add(database, "every hour")
    hour = made["next_due"]
    (run_id,) = tick(database, hour)
    finish(database, status)
    assert tick(database, hour + timedelta(hours=1)) == []
    assert slots(database) == [(hour, True), (hour + timedelta(hours=1), False)]
    with database.transaction() as conn:
        (listed,) = PostgresSchedules(conn, limits={}).all()
    assert listed["last_note"] == f"skipped: run {str(run_id)[:8]} had not ended"
    assert listed["next_due"] == hour + timedelta(hours=2)
    finish(database)
    assert len(tick(database, hour + timedelta(hours=2))) == 1
    with database.transaction() as conn:
        assert PostgresSchedules(conn, limits={}).all()[0]["last_note"] is None


def test_an_unfinished_run_keeps_no_other_schedule_from_its_time(database):
    add(database, "every hour", "one", name="one")
    two = add(database, "every 2 hours", "two", name="two")
    assert len(tick(database, MONDAY + timedelta(hours=1))) == 1
    assert len(tick(database, two["next_due"])) == 1


def test_a_due_time_that_has_a_run_never_gets_another_even_where_the_schedule_says_it_is_due(database):
    add(database)
    assert len(tick(database, EIGHT)) == 1
    rows(database, "UPDATE schedules SET next_due = %s RETURNING id", EIGHT)
    assert tick(database, EIGHT) == []
    assert len(rows(database, "SELECT 1 FROM runs")) == 1


def test_a_tick_that_dies_before_its_commit_leaves_the_due_time_to_the_next(database):
    add(database)
    with contextlib.suppress(ZeroDivisionError), database.transaction() as conn:
        assert len(PostgresSchedules(conn, limits={}).start_due(now=EIGHT)) == 1
        raise ZeroDivisionError
    assert rows(database, "SELECT 1 FROM runs") == []
    assert len(tick(database, EIGHT + timedelta(seconds=10))) == 1


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("once", [(0, False), (1, False), (2, True)]),
        ("skip", [(0, False), (1, False), (2, False)]),
        ("all", [(0, True), (1, True), (2, True)]),
    ],
)
def test_what_was_missed_while_lotus_was_off_follows_the_policy(database, missed, expected):
    made = add(database, missed=missed)
    started = tick(database, EIGHT + timedelta(days=2, hours=5))  # Wednesday afternoon: three mornings passed
    assert slots(database) == [(EIGHT + timedelta(days=day), ran) for day, ran in expected]
    assert len(started) == sum(ran for _, ran in expected)
    assert find(database, made["name"])["next_due"] == EIGHT + timedelta(days=3)


def test_one_run_for_all_that_was_missed_says_so(database):
    add(database)
    tick(database, EIGHT + timedelta(days=2, hours=5))
    (occasion,) = rows(database, "SELECT * FROM occasions")
    assert occasion["reason"] == ("every weekday at 8:00: due 2027-01-06 08:00 Europe/Copenhagen, and 2 missed before")


def test_a_time_that_comes_twice_when_the_clocks_change_starts_one_run(database):
    add(database, "every day at 2:30", now=datetime(2027, 10, 30, 12, 0, tzinfo=UTC))
    first_pass = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert len(tick(database, first_pass)) == 1
    assert tick(database, first_pass + timedelta(hours=1)) == []


def test_a_paused_schedule_starts_nothing_and_makes_up_for_nothing_when_resumed(database):
    made = add(database, missed="all")
    with database.transaction() as conn:
        PostgresSchedules(conn, limits={}).pause(made, now=MONDAY)
    noon = EIGHT + timedelta(days=1, hours=4)
    assert tick(database, noon) == []
    with database.transaction() as conn:
        due = PostgresSchedules(conn, limits={}).resume(made, now=noon)
    assert due == EIGHT + timedelta(days=2)
    assert tick(database, noon) == []
    assert len(tick(database, due)) == 1


def test_a_single_moment_is_done_after_its_run(database):
    made = add(database, "at 2027-01-04 8:00")
    assert len(tick(database, EIGHT)) == 1
    assert find(database, made["name"])["next_due"] is None


def test_running_by_hand_leaves_the_times_alone(database):
    made = add(database)
    with database.transaction() as conn:
        PostgresSchedules(conn, limits={}).run_now(made, now=MONDAY)
    assert len(rows(database, "SELECT 1 FROM runs")) == 1
    assert find(database, made["name"])["next_due"] == EIGHT
    assert len(tick(database, EIGHT)) == 1


def test_a_removed_schedule_leaves_its_runs(database):
    made = add(database)
    tick(database, EIGHT)
    with database.transaction() as conn:
        PostgresSchedules(conn, limits={}).remove(made)
    assert len(rows(database, "SELECT 1 FROM runs JOIN occasions ON occasions.run_id = runs.id")) == 1
    with pytest.raises(NotFound):
        find(database, made["name"])


def test_a_schedule_that_can_not_be_read_any_more_is_paused_with_the_reason_and_the_others_go_on(database):
    broken = add(database, question="broken")
    add(database, question="whole")
    rows(database, "UPDATE schedules SET zone = 'Mars/Olympus' WHERE id = %s RETURNING id", broken["id"])
    assert len(tick(database, EIGHT)) == 1
    row = find(database, broken["name"])
    assert row["paused_at"] is not None
    assert "Mars/Olympus" in row["trouble"]


def test_names_are_made_from_the_question_and_a_wanted_one_is_taken_once(database):
    assert [add(database)["name"] for _ in range(2)] == ["what-is-on-today", "what-is-on-today-2"]
    assert add(database, name="morning")["name"] == "morning"
    with pytest.raises(InvalidInput, match="morning already"):
        add(database, name="morning")


def test_a_past_moment_is_refused(database):
    with pytest.raises(InvalidInput, match="past"):
        add(database, "at 2020-01-01 8:00")


@pytest.fixture
def workers(services) -> Iterator[Workers]:
    with workers_in_process(services) as workers:
        yield workers


def test_beats_tick_has_a_worker_start_what_is_due_and_the_answer_is_in_the_inbox(workers):
    from lotus_tasks.worker.system import start_due

    start_due(1)
    assert workers.rows("SELECT 1 FROM commands") == []
    minute_ago = utc_now() - timedelta(seconds=61)
    add(workers.database, "every minute", now=minute_ago, zone="UTC")
    start_due(2)
    start_due(2)
    workers.drain()
    (run,) = workers.rows("SELECT runs.* FROM runs JOIN occasions ON occasions.run_id = runs.id")
    assert run["status"] == "succeeded", run["error"]
