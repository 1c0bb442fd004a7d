"""Commands and events in a real PostgreSQL: claims, fences, retries, wake-up calls."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from stack import wait_until

from lotus_tasks.errors import ConfigurationError, Permanent, StaleLease, Transient
from lotus_tasks.events import PerceptCaptured, RunConcluded
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Database
from lotus_tasks.spine.leases import LeaseKeeper
from lotus_tasks.spine.migrate import migrate
from lotus_tasks.spine.outbox import Claim, Outbox, OutboxTransaction
from lotus_tasks.spine.sweep import sweep, tell_stranded
from lotus_tasks.values import ConversationId, PerceptId, RunId, utc_now
from lotus_tasks.work import CommandSpec, Outcome

SUBSCRIBERS = {"percept.captured": ["memory.store", "memory.count"], "command.failed": ["reasoning.advance"]}
SERVED = ["memory.recall", "memory.store", "memory.count", "reasoning.advance"]


@pytest.fixture
def database(services) -> Iterator[Database]:
    with Database(services.runtime.database_url) as database:
        yield database


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(
        database, subscribers=lambda event: SUBSCRIBERS.get(event, ()), lease_s=5.0, queues=["memory", "reasoning"]
    )


def submit(outbox: Outbox, *, sends_itself: bool = True, **fields) -> CommandSpec:
    spec = CommandSpec(name=fields.pop("name", "memory.recall"), key=fields.pop("key", str(uuid.uuid4())), **fields)
    with outbox.database.transaction() as conn:
        tx = OutboxTransaction(conn=conn, subscribers=outbox.subscribers, cause="test", sends_itself=sends_itself)
        tx.submit(spec)
    return spec


def state(outbox: Outbox, spec: CommandSpec) -> dict:
    return one(outbox, "SELECT * FROM commands WHERE id = %s", spec.id)


def one(outbox: Outbox, query: str, *parameters) -> dict:
    with outbox.database.transaction() as conn:
        return conn.execute(query, parameters).fetchone()


def run_out(outbox: Outbox, spec: CommandSpec) -> None:
    """The lease of a worker that died long ago."""
    with outbox.database.transaction() as conn:
        conn.execute(
            "UPDATE commands SET lease_until = now() - interval '1 s', next_send_at = now() - interval '1 s' WHERE id = %s",
            [spec.id],
        )


def open_run(outbox: Outbox) -> RunId:
    run_id, conversation = uuid.uuid4(), uuid.uuid4()
    with outbox.database.transaction() as conn:
        conn.execute("INSERT INTO conversations (id) VALUES (%s)", [conversation])
        conn.execute("INSERT INTO runs (id, conversation_id, question) VALUES (%s, %s, 'q')", [run_id, conversation])
    return RunId(run_id)


def test_the_same_key_is_submitted_once(outbox):
    submit(outbox, key="k")
    submit(outbox, key="k")
    assert one(outbox, "SELECT count(*) FROM commands")["count"] == 1


def test_a_claim_counts_the_attempt_and_the_fence_and_excludes_a_second_worker(outbox):
    spec = submit(outbox)
    claim = outbox.claim(spec.id, owner="a")
    assert (claim.attempt, claim.fence > 0) == (1, True)
    assert outbox.claim(spec.id, owner="b") is None


def test_a_claim_starts_its_run(outbox):
    run_id = open_run(outbox)
    outbox.claim(submit(outbox, run_id=run_id).id, owner="a")
    run = one(outbox, "SELECT status, started_at FROM runs WHERE id = %s", run_id)
    assert run["status"] == "running"
    assert run["started_at"] is not None


def test_a_lease_that_ran_out_is_taken_over_and_the_stale_workers_write_is_refused(outbox):
    spec = submit(outbox)
    stale = outbox.claim(spec.id, owner="a")
    run_out(outbox, spec)
    fresh = outbox.claim(spec.id, owner="b")
    event = PerceptCaptured(percept_id=PerceptId(uuid.uuid4()), source="s")
    with pytest.raises(StaleLease):
        outbox.finish(stale, Outcome(result={"by": "a"}, events=[event]))
    outbox.finish(fresh, Outcome(result={"by": "b"}))
    row = state(outbox, spec)
    assert (row["status"], row["result"], row["takeovers"], row["attempt"]) == ("succeeded", {"by": "b"}, 1, 2)
    assert one(outbox, "SELECT count(*) FROM events")["count"] == 0


def test_a_stale_workers_write_is_rolled_back_whole(outbox):
    spec = submit(outbox)
    stale = outbox.claim(spec.id, owner="a")
    run_out(outbox, spec)
    outbox.claim(spec.id, owner="b")
    with pytest.raises(StaleLease):
        outbox.finish(
            stale, Outcome(write=lambda tx: tx.submit(CommandSpec(name="memory.recall", key="from the dead")))
        )
    assert one(outbox, "SELECT count(*) FROM commands")["count"] == 1


def test_success_commits_result_events_and_follow_ups_together(outbox):
    spec = submit(outbox)
    claim = outbox.claim(spec.id, owner="a")
    event = PerceptCaptured(percept_id=PerceptId(uuid.uuid4()), source="boat.md")
    follow_up = CommandSpec(name="memory.recall", key="next")
    outcome = Outcome(result={"n": 0}, events=[event], commands=[follow_up], write=lambda _: {"n": 1})
    wake_ups = outbox.finish(claim, outcome)
    assert state(outbox, spec)["result"] == {"n": 1}
    assert sorted(wake_up.name for wake_up in wake_ups) == ["memory.count", "memory.recall", "memory.store"]
    payload = one(outbox, "SELECT payload FROM commands WHERE name = 'memory.store'")["payload"]
    assert payload["source"] == "boat.md"
    assert payload["event"] == "percept.captured"


def test_a_failing_write_leaves_the_command_to_be_done_again(outbox):
    spec = submit(outbox)
    claim = outbox.claim(spec.id, owner="a")
    with pytest.raises(ZeroDivisionError):
        outbox.finish(claim, Outcome(write=lambda _: 1 / 0))
    assert state(outbox, spec)["status"] == "running"


def test_a_transient_error_queues_the_command_again_until_its_attempts_are_spent(outbox):
    run_id = open_run(outbox)
    spec = submit(outbox, run_id=run_id, max_attempts=2)
    outbox.retry(outbox.claim(spec.id, owner="a"), Transient("busy"), delay_s=0)
    assert (state(outbox, spec)["status"], state(outbox, spec)["error"]) == ("queued", "busy")
    wake_ups = outbox.retry(outbox.claim(spec.id, owner="a"), Transient("still busy"), delay_s=0)
    assert (state(outbox, spec)["status"], state(outbox, spec)["error"]) == ("failed", "still busy")
    assert [wake_up.name for wake_up in wake_ups] == ["reasoning.advance"]


def test_a_command_that_waits_for_its_time_is_not_claimed_early(outbox):
    spec = submit(outbox, not_before=utc_now() + timedelta(hours=1))
    assert outbox.claim(spec.id, owner="a") is None
    assert outbox.take_due(lambda _: 0) == []


def test_handing_back_spends_no_attempt(outbox):
    spec = submit(outbox, max_attempts=1)
    outbox.hand_back(outbox.claim(spec.id, owner="a"))
    assert outbox.claim(spec.id, owner="b").attempt == 1


def test_what_kills_its_worker_every_time_fails_and_tells_its_run(outbox):
    run_id = open_run(outbox)
    spec = submit(outbox, run_id=run_id)
    for _ in range(3):
        assert outbox.claim(spec.id, owner="a") is not None
        run_out(outbox, spec)
    assert outbox.claim(spec.id, owner="a") is None
    wake_ups = outbox.end_lost()
    assert state(outbox, spec)["status"] == "failed"
    assert "died 3 times" in state(outbox, spec)["error"]
    assert [wake_up.name for wake_up in wake_ups] == ["reasoning.advance"]


def test_a_run_that_cannot_be_told_what_happened_to_it_fails_instead_of_waiting_for_ever(outbox):
    run_id = open_run(outbox)
    delivery = {"event": "memory.recalled", "run_id": str(run_id)}
    spec = submit(outbox, name="reasoning.advance", run_id=run_id, payload=delivery)
    assert outbox.end(outbox.claim(spec.id, owner="a"), Permanent("a bug")) == []
    assert one(outbox, "SELECT status, error FROM runs") == {"status": "failed", "error": "a bug"}
    assert one(outbox, "SELECT count(*) FROM events")["count"] == 0


def test_what_is_not_idempotent_and_was_cut_off_becomes_unknown_and_never_runs_again(outbox):
    run_id = open_run(outbox)
    spec = submit(outbox, run_id=run_id, idempotent=False)
    outbox.claim(spec.id, owner="a")
    run_out(outbox, spec)
    assert outbox.claim(spec.id, owner="b") is None
    outbox.end_lost()
    assert state(outbox, spec)["status"] == "unknown"
    assert one(outbox, "SELECT payload FROM events WHERE name = 'command.failed'")["payload"]["unknown"] is True


def test_an_event_of_one_cause_is_published_once(outbox):
    event = RunConcluded(run_id=RunId(uuid.uuid4()), conversation_id=ConversationId(uuid.uuid4()))
    for _ in range(2):
        with outbox.database.transaction() as conn:
            OutboxTransaction(conn=conn, subscribers=outbox.subscribers, cause="c").publish(event)
    assert one(outbox, "SELECT count(*) FROM events")["count"] == 1


def test_a_command_without_a_sender_is_sent_at_once(outbox):
    spec = submit(outbox, sends_itself=False)
    assert [wake_up.command_id for wake_up in outbox.take_fresh()] == [spec.id]
    assert outbox.take_fresh() == []


def test_a_command_whose_sender_has_just_committed_is_left_to_it(outbox):
    submit(outbox)
    assert outbox.take_fresh() == []
    assert outbox.take_due(lambda _: 0) == []


def test_a_lost_message_is_sent_again_but_not_one_that_still_waits_on_its_queue(outbox):
    specs = [submit(outbox) for _ in range(3)]
    for spec in specs:
        run_out(outbox, spec)
    assert outbox.take_due(lambda _: 3) == []
    assert len(outbox.take_due(lambda _: 1)) == 2
    assert [wake_up.command_id for wake_up in outbox.take_due(lambda _: 0)] == [specs[2].id]


def test_nothing_is_sent_again_while_the_depth_of_its_queue_is_unknown(outbox):
    run_out(outbox, submit(outbox))
    assert outbox.take_due(lambda _: None) == []


def test_what_surely_needs_a_wake_up_call_is_not_starved_by_a_thousand_that_wait(outbox):
    with outbox.database.transaction() as conn:
        conn.execute(
            "INSERT INTO commands (id, name, queue, sends, next_send_at, created_at)"
            " SELECT gen_random_uuid(), 'memory.recall', 'memory', 1, now() - interval '1 s', now() - interval '1 h'"
            " FROM generate_series(1, 1100)"
        )
    spec = submit(outbox)
    outbox.claim(spec.id, owner="a")
    run_out(outbox, spec)
    assert [wake_up.command_id for wake_up in outbox.take_due(lambda _: 10**6)] == [spec.id]


def test_work_that_follows_from_work_of_no_run_is_background_and_a_runs_is_not(outbox):
    event = PerceptCaptured(percept_id=PerceptId(uuid.uuid4()), source="boat.md")
    wake_ups = outbox.finish(outbox.claim(submit(outbox).id, owner="a"), Outcome(events=[event]))
    assert {wake_up.background for wake_up in wake_ups} == {True}
    follow_up = CommandSpec(name="memory.recall", key="next", run_id=open_run(outbox))
    (wake_up,) = outbox.finish(outbox.claim(submit(outbox).id, owner="a"), Outcome(commands=[follow_up]))
    assert not wake_up.background


def test_what_was_cancelled_is_not_claimed_retried_or_handed_back(outbox):
    run_id = open_run(outbox)
    waiting, failing, stopping = (submit(outbox, run_id=run_id) for _ in range(3))
    claims = [outbox.claim(spec.id, owner="a") for spec in (failing, stopping)]
    with outbox.database.transaction() as conn:
        conn.execute("UPDATE runs SET status = 'cancelled' WHERE id = %s", [run_id])
    assert outbox.claim(waiting.id, owner="a") is None
    outbox.retry(claims[0], Transient("busy"), delay_s=0)
    outbox.hand_back(claims[1])
    assert state(outbox, failing)["status"] == "failed"
    assert state(outbox, stopping)["status"] == "cancelled"


def test_a_tick_is_taken_once_and_again_after_a_clock_that_was_ahead(outbox):
    def take(slot: int) -> bool:
        query = queries.load("outbox").take_tick
        with outbox.database.transaction() as conn:
            return conn.execute(query, {"job": "sweep", "slot": slot}).fetchone() is not None

    assert [take(10), take(10), take(9), take(11)] == [True, False, False, True]
    assert [take(1_000), take(12), take(12)] == [True, True, False]


def test_what_died_with_its_worker_is_sent_again(outbox):
    spec = submit(outbox)
    outbox.claim(spec.id, owner="a")
    run_out(outbox, spec)
    assert [wake_up.command_id for wake_up in outbox.take_due(lambda _: 99)] == [spec.id]


def test_a_worker_that_starts_frees_what_its_former_self_held(outbox):
    spec = submit(outbox)
    outbox.claim(spec.id, owner="worker-memory")
    outbox.expire_leases_of("worker-memory")
    assert outbox.claim(spec.id, owner="worker-memory").attempt == 2


def test_a_command_no_module_serves_fails_by_name(outbox):
    spec = submit(outbox, name="memory.dream")
    sweep(outbox, SERVED, send=lambda wake_ups: len(list(wake_ups)), depth=lambda _: 0)
    assert (state(outbox, spec)["status"], state(outbox, spec)["error"]) == ("failed", "no module serves memory.dream")


def test_the_keeper_renews_a_lease_and_learns_that_the_run_was_cancelled(outbox):
    outbox.lease_s = 1.0
    run_id = open_run(outbox)
    spec = submit(outbox, run_id=run_id)
    claim = outbox.claim(spec.id, owner="a")
    first = state(outbox, spec)["lease_until"]
    keeper = LeaseKeeper(outbox)
    try:
        with keeper.hold(claim) as lease:
            wait_until(lambda: state(outbox, spec)["lease_until"] > first, what="the renewal")
            assert lease.is_current
            with outbox.database.transaction() as conn:
                conn.execute("UPDATE runs SET status = 'cancelled' WHERE id = %s", [run_id])
            wait_until(lambda: lease.cancelled, what="the cancellation")
            with outbox.database.transaction() as conn:
                conn.execute("UPDATE commands SET fence = fence + 1 WHERE id = %s", [spec.id])
            wait_until(lambda: not lease.is_current, what="the loss of the lease")
    finally:
        keeper.close()


def test_ending_a_command_twice_changes_nothing(outbox):
    spec = submit(outbox)
    claim = outbox.claim(spec.id, owner="a")
    outbox.end(claim, Permanent("no"))
    assert outbox.end(claim, Permanent("no again")) == []
    assert state(outbox, spec)["error"] == "no"


def strand(outbox: Outbox, count: int) -> list[CommandSpec]:
    """Commands of a served task on a queue that nobody has, sent once by whoever inserted them."""
    specs = [submit(outbox) for _ in range(count)]
    with outbox.database.transaction() as conn:
        conn.execute("UPDATE commands SET queue = 'attic', next_send_at = now() - interval '1 s'")
    return specs


def register(outbox: Outbox, *, age_s: float = 0.0) -> None:
    with outbox.database.transaction() as conn:
        conn.execute(
            "INSERT INTO workers (name, pid, queues, slots, seen_at) VALUES ('far', 1, '{attic}', 1, now() - %s * interval '1 s')"
            " ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at",
            [age_s],
        )


def test_what_waits_on_a_queue_that_nobody_has_is_told_once_and_sent_when_a_worker_has_it(outbox, capsys):
    specs = strand(outbox, 50)
    told = frozenset[str]()
    for _ in range(3):
        assert outbox.take_fresh() == outbox.take_due(lambda _: 0) == []
        told = tell_stranded(outbox, told)
    assert (told, outbox.stranded()) == ({"attic"}, {"attic": 50})
    assert capsys.readouterr().out.count("no worker has") == 1
    assert one(outbox, "SELECT max(sends) FROM commands")["max"] == 1
    register(outbox, age_s=60)
    assert outbox.take_due(lambda _: 0) == []
    register(outbox)
    assert {wake_up.command_id for wake_up in outbox.take_due(lambda _: 0)} == {spec.id for spec in specs}
    assert (tell_stranded(outbox, told), outbox.stranded()) == (frozenset(), {})


def test_a_long_commit_keeps_no_other_lease_from_being_renewed(database, outbox):
    """A command's row is locked while what it wrote is being committed; the renewal used to wait for it, for all."""
    outbox = Outbox(database, subscribers=outbox.subscribers, lease_s=1.0, queues=outbox.queues)
    long, other = submit(outbox), submit(outbox)
    claims = [outbox.claim(spec.id, owner="a") for spec in (long, other)]
    began, go_on = threading.Event(), threading.Event()

    def write(_tx) -> None:
        began.set()
        assert go_on.wait(30)

    committing = threading.Thread(target=lambda: outbox.finish(claims[0], Outcome(write=write)))
    keeper = LeaseKeeper(outbox)
    try:
        with keeper.hold(claims[0]) as first, keeper.hold(claims[1]) as second:
            committing.start()
            assert began.wait(10)
            first_end = one(outbox, "SELECT clock_timestamp() + interval '2 s' AS at")["at"]
            wait_until(
                lambda: state(outbox, other)["lease_until"] > first_end, what="a lease renewed beyond its first end"
            )
            assert outbox.end_lost() == []
            assert outbox.claim(other.id, owner="b") is None
            assert (first.is_current, second.is_current) == (True, True)
            go_on.set()
            committing.join(10)
        assert state(outbox, long)["status"] == "succeeded"
        assert state(outbox, other)["attempt"] == 1
    finally:
        go_on.set()
        keeper.close()


def taken_over(outbox: Outbox) -> tuple[CommandSpec, Claim, Claim]:
    """A command, the claim of the worker that lost it, and its new owner's."""
    spec = submit(outbox)
    stale = outbox.claim(spec.id, owner="a")
    run_out(outbox, spec)
    return spec, stale, outbox.claim(spec.id, owner="b")


def test_a_stale_worker_neither_retries_nor_ends_nor_hands_back_what_is_anothers(outbox):
    spec, stale, fresh = taken_over(outbox)
    before = state(outbox, spec)
    assert outbox.retry(stale, Transient("busy"), delay_s=0) == []
    assert outbox.end(stale, Permanent("no")) == []
    outbox.hand_back(stale)
    assert state(outbox, spec) == before
    outbox.finish(fresh, Outcome())
    assert state(outbox, spec)["status"] == "succeeded"


def test_a_stale_worker_renews_nothing_and_learns_that_its_lease_is_gone(outbox):
    spec, stale, _ = taken_over(outbox)
    before = state(outbox, spec)["lease_until"]
    renewing = {"ids": [spec.id], "fences": [stale.fence], "lease_s": 600.0, "extend": True}
    with outbox.database.transaction() as conn:
        (row,) = conn.execute(queries.load("outbox").renew, renewing).fetchall()
    assert row["current"] is False
    assert state(outbox, spec)["lease_until"] == before


def test_a_lease_is_renewed_again_and_again(outbox):
    """It outlives its own length twice, never by more than its length, and nobody else gets the command meanwhile."""
    outbox.lease_s = 2.0
    spec = submit(outbox)
    claim = outbox.claim(spec.id, owner="a")
    looked = "SELECT now(), lease_until, lease_until - now() AS left, fence FROM commands WHERE id = %s"
    seen = [one(outbox, looked, spec.id)]
    keeper = LeaseKeeper(outbox)

    def lived_twice() -> bool:
        seen.append(one(outbox, looked, spec.id))
        return seen[-1]["now"] > seen[0]["lease_until"] + timedelta(seconds=outbox.lease_s)

    try:
        with keeper.hold(claim) as lease:
            wait_until(lived_twice, what="twice the length of a lease")
            assert outbox.claim(spec.id, owner="b") is None
            assert lease.is_current
    finally:
        keeper.close()
    untils = [row["lease_until"] for row in seen]
    assert untils == sorted(untils)
    assert all(timedelta() < row["left"] <= timedelta(seconds=outbox.lease_s) for row in seen)
    assert {row["fence"] for row in seen} == {claim.fence}


def test_a_worker_that_starts_leaves_other_workers_commands_alone(outbox):
    others = submit(outbox)
    before = outbox.claim(others.id, owner="worker-providers")
    outbox.expire_leases_of("worker-memory")
    assert outbox.claim(others.id, owner="worker-memory") is None
    outbox.finish(before, Outcome())


def drop_past_times(outbox: Outbox) -> None:
    from lotus_tasks.worker.system import drop_past

    with outbox.database.transaction() as conn:
        drop_past(conn)


def test_old_prompts_of_runs_that_are_over_are_dropped_and_their_results_and_what_can_be_retried_kept(outbox):
    def ended(status: str, days: int) -> CommandSpec:
        run_id = open_run(outbox)
        spec = submit(outbox, run_id=run_id, payload={"prompt": "long"})
        outbox.finish(outbox.claim(spec.id, owner="a"), Outcome(result={"text": "yes"}))
        query = "UPDATE runs SET status = %s::run_status, finished_at = now() - %s * interval '1 day' WHERE id = %s RETURNING id"
        one(outbox, query, status, days, run_id)
        return spec

    gone = [ended("succeeded", 2), ended("cancelled", 15)]
    kept = [ended("succeeded", 0), ended("cancelled", 13), ended("failed", 400)]
    drop_past_times(outbox)
    for spec in gone:
        assert (state(outbox, spec)["payload"], state(outbox, spec)["result"]) == ({"pruned": True}, {"text": "yes"})
    for spec in kept:
        assert state(outbox, spec)["payload"] == {"prompt": "long"}


def test_commands_of_no_run_go_a_day_after_they_succeeded_and_two_weeks_after_they_failed(outbox):
    def ended(status: str, days: int) -> CommandSpec:
        spec = submit(outbox)
        query = "UPDATE commands SET status = %s::command_status, finished_at = now() - %s * interval '1 day' WHERE id = %s"
        one(outbox, f"{query} RETURNING id", status, days, spec.id)
        return spec

    gone = [ended("succeeded", 2), ended("failed", 15), ended("cancelled", 15), ended("unknown", 15)]
    kept = [ended("succeeded", 0), ended("failed", 13), ended("unknown", 13), submit(outbox)]
    drop_past_times(outbox)
    with outbox.database.statement() as conn:
        left = {row["id"] for row in conn.execute("SELECT id FROM commands").fetchall()}
    assert left & {spec.id for spec in gone} == set()
    assert left >= {spec.id for spec in kept}


def test_the_database_of_a_newer_lotus_is_refused(outbox):
    url = outbox.database.url
    one(outbox, "INSERT INTO schema_migrations (version, name) VALUES (9999, 'later') RETURNING version")
    try:
        with pytest.raises(ConfigurationError, match=r"schema 9999.*newer"):
            migrate(url)
    finally:
        one(outbox, "DELETE FROM schema_migrations WHERE version = 9999 RETURNING version")
    assert migrate(url) < 9999
