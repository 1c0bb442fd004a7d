"""Processes are killed and the broker is emptied in the middle of real work: every ask still succeeds, once, in time."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
import redis
from stack import Lotus, lotus_home, wait_until

from lotus_tasks.local.home import Home
from lotus_tasks.origins import USER
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.models import RunOptions
from lotus_tasks.spine.database import connect
from lotus_tasks.stack.orphans import find_processes
from tests.modelserver.handle import ModelServerHandle

WITHIN_S = 15.0
"""From the fault to the answer (docs/architecture.md, promise 1)."""
POWER_CUTS = 10
ASKS_A_CUT = 8
REPLY = "one two three four five six seven eight nine ten"


def submit(lotus: Lotus, question: str) -> str:
    done = lotus.run("ask", question, "--detach")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def show(lotus: Lotus, run_id: str) -> dict[str, Any]:
    done = lotus.run("runs", "show", run_id, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_for_step(lotus: Lotus, run_id: str, kind: str, status: str = "running") -> None:
    with lotus.database() as conn:
        query = (
            "SELECT 1 FROM steps JOIN commands ON commands.id = command_id"
            " WHERE steps.run_id = %s AND kind = %s AND commands.status = %s"
        )
        wait_until(lambda: conn.execute(query, [run_id, kind, status]).fetchone(), what=f"{kind} {status}")


def wait_for_end(lotus: Lotus, run_ids: list[str], fault_at: float) -> None:
    for run_id in run_ids:
        lotus.wait_for_run(run_id, "succeeded", timeout_s=WITHIN_S - (time.monotonic() - fault_at))


def assert_once(lotus: Lotus, run_ids: list[str]) -> None:
    """Each run succeeded with one step of each kind, one event of each kind, and its exchange remembered once."""
    with lotus.database() as conn:
        for run_id in run_ids:
            assert show(lotus, run_id)["status"] == "succeeded"
            kinds = [row[0] for row in conn.execute("SELECT kind FROM steps WHERE run_id = %s ORDER BY seq", [run_id])]
            assert kinds == ["recall", "think", "conclude"]
            query = "SELECT name, count(*) FROM events WHERE payload ->> 'run_id' = %s GROUP BY name"
            events = dict(conn.execute(query, [run_id]).fetchall())
            assert events == {"memory.recalled": 1, "provider.completed": 1, "run.concluded": 1}
        doubled = "SELECT key FROM events GROUP BY key HAVING count(*) > 1"
        assert conn.execute(doubled).fetchall() == []


def test_killing_the_providers_worker_in_mid_stream_only_delays_the_answer(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.25)
    asking = lotus.popen("ask", "count to ten")
    model.wait_for(lambda calls: calls and calls[0]["tokens_sent"] >= 3, within_s=15)
    fault_at = time.monotonic()
    lotus.kill("worker-providers")
    model.script(token_delay_s=0.0)
    stdout, stderr = asking.communicate(timeout=60)
    assert asking.returncode == 0, stderr.decode()
    assert time.monotonic() - fault_at < WITHIN_S
    assert stdout.decode() == REPLY + "\n"
    run_id = json.loads(lotus.run("runs", "list", "-n", "1", "--json").stdout)[0]["run_id"]
    shown = show(lotus, run_id)
    assert shown["resumed"] == 1
    assert [step["attempt"] for step in shown["steps"]] == [1, 2, 1]
    assert_once(lotus, [run_id])
    assert len(model.calls) == 2


def test_killing_the_reasoning_worker_between_two_steps_only_delays_the_answer(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, first_token_delay_s=1.0)
    run_id = submit(lotus, "count to ten")
    wait_for_step(lotus, run_id, "think")
    fault_at = time.monotonic()
    lotus.kill("worker-reasoning")
    wait_for_end(lotus, [run_id], fault_at)
    assert show(lotus, run_id)["answer"] == REPLY
    assert_once(lotus, [run_id])
    assert len(model.calls) == 1


def test_flushing_redis_with_ten_asks_queued_loses_none_and_doubles_none(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, first_token_delay_s=0.7)
    run_ids = [submit(lotus, f"count to ten, {number}") for number in range(10)]
    with redis.Redis.from_url(lotus.runtime.redis_url) as client:
        fault_at = time.monotonic()
        client.flushall()
        assert client.dbsize() < 10
    wait_for_end(lotus, run_ids, fault_at)
    assert_once(lotus, run_ids)
    assert len(model.calls) == 10


@pytest.mark.parametrize("process", ["relay", "beat", "worker-memory", "valkey", "postgres", "chroma"])
def test_killing_any_other_process_only_delays_the_answer(lotus: Lotus, model: ModelServerHandle, process: str):
    model.script(reply=REPLY, first_token_delay_s=0.5)
    run_ids = [submit(lotus, f"count, {process} {number}") for number in range(3)]
    fault_at = time.monotonic()
    lotus.kill(process)
    if process == "postgres":
        wait_until(lambda: lotus.run("runs", "list").returncode == 0, what="PostgreSQL's return")
    wait_for_end(lotus, run_ids, fault_at)
    assert_once(lotus, run_ids)


def test_a_task_that_kills_its_worker_every_time_fails_its_run_and_the_queue_goes_on(
    lotus: Lotus, model: ModelServerHandle
):
    model.fault("hang", times=10)
    run_id = submit(lotus, "hang")
    for attempt in (1, 2, 3):
        model.wait_for(lambda calls, wanted=attempt: len(calls) >= wanted, within_s=WITHIN_S)
        lotus.kill("worker-providers")
    lotus.wait_for_run(run_id, "failed")
    assert "died 3 times" in show(lotus, run_id)["error"]
    model.reset()
    done = lotus.run("ask", "and now?")
    assert (done.returncode, done.stdout) == (0, "The scripted model answers.\n"), done.stderr


@pytest.mark.parametrize("fault", [{"kind": "hang"}, {"kind": "stall", "after_tokens": 2}], ids=["before", "during"])
def test_killing_the_providers_worker_while_an_answer_goes_on_leaves_it_whole_and_gone_on_with_once(
    lotus: Lotus, model: ModelServerHandle, fault: dict[str, Any]
):
    first, rest = "The keel is five metres long and the mast is", " twelve metres high, and the boom is four."
    model.script(rules=[{"contains": "You were cut off", "reply": rest, "stop_reason": "stop"}])
    model.script(reply=first, stop_reason="length")
    model.fault(every=2, **fault)  # the continuation
    asking = lotus.popen("ask", "How long is the boat?")
    wanted = fault.get("after_tokens", 0)
    model.wait_for(lambda calls: len(calls) == 2 and calls[1]["tokens_sent"] >= wanted, within_s=15)
    fault_at = time.monotonic()
    lotus.kill("worker-providers")
    stdout, stderr = asking.communicate(timeout=60)
    assert asking.returncode == 0, stderr.decode()
    assert time.monotonic() - fault_at < WITHIN_S
    assert stdout.decode() == f"{first}{rest}\n"
    run_id = json.loads(lotus.run("runs", "list", "-n", "1", "--json").stdout)[0]["run_id"]
    shown = show(lotus, run_id)
    assert (shown["answer"], shown["resumed"]) == (first + rest, 1)
    assert [step["attempt"] for step in shown["steps"]] == [1, 2, 1]
    assert_once(lotus, [run_id])
    asked = ["You were cut off" in call["body"]["messages"][-1]["content"] for call in model.calls]
    assert asked == [False, True, False, True]


def cut_the_power(lotus: Lotus) -> None:
    """Nothing of it gets another instruction: the supervisor first, so that it starts nothing."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in sorted(find_processes(Home(lotus.home)), key=lambda one: one.name != "supervisor"):
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)
    wait_until(lambda: not lotus.processes(), what="the end of everything")


@pytest.mark.chaos
@pytest.mark.timeout(1200)
def test_ten_power_cuts_in_the_middle_of_work_lose_no_ask_and_double_none(
    lotus_settings: Mapping[str, str], model: ModelServerHandle
):
    """What PostgreSQL had not written yet is lost with its memory, as in a power cut: only the disk's own cache isn't."""
    model.script(reply=REPLY, first_token_delay_s=0.3)
    accepted: list[str] = []
    with lotus_home(**lotus_settings) as lotus:
        lotus.up()
        for cut in range(POWER_CUTS):
            called = len(model.calls)
            with connect(lotus.runtime.database_url) as conn:
                for number in range(ASKS_A_CUT):
                    run = submit_run(conn, f"count, cut {cut}, number {number}", RunOptions(origin=USER), conversation_id=None)
                    conn.commit()
                    accepted.append(str(run.run_id))
            # A little later in the work each time: from the recall of the first to the end of the last.
            wanted = called + cut * ASKS_A_CUT // POWER_CUTS
            model.wait_for(lambda calls, wanted=wanted: len(calls) >= wanted, within_s=60)
            cut_the_power(lotus)
            lotus.up()
            for run_id in accepted[-ASKS_A_CUT:]:
                lotus.wait_for_run(run_id, "succeeded", timeout_s=90)
        assert_once(lotus, accepted)
        with lotus.database() as conn:
            found = conn.execute("SELECT count(*), count(*) FILTER (WHERE status = 'succeeded') FROM runs").fetchone()
        assert found == (len(accepted), len(accepted))
        assert lotus.run("down").returncode == 0
