"""One worker process for all queues: killed in mid-work it only delays, and slow models leave its other slots free."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping

import pytest
from stack import Lotus, lotus_home, wait_until

from tests.modelserver.handle import ModelServerHandle

WITHIN_S = 15.0
REPLY = "one two three four five six seven eight nine ten"


@pytest.fixture(scope="module")
def shared(lotus_settings: Mapping[str, str]) -> Iterator[Lotus]:
    """A running LOTUS whose workers are one process."""
    with lotus_home(**{**lotus_settings, "LOTUS_WORKERS": "shared"}) as lotus:
        lotus.up()
        yield lotus


def test_killing_the_only_worker_in_mid_stream_only_delays_the_answer(shared: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.25)
    asking = shared.popen("ask", "count to ten")
    model.wait_for(lambda calls: calls and calls[0]["tokens_sent"] >= 3, within_s=15)
    fault_at = time.monotonic()
    shared.kill("worker")
    model.script(token_delay_s=0.0)
    stdout, stderr = asking.communicate(timeout=60)
    assert asking.returncode == 0, stderr.decode()
    assert time.monotonic() - fault_at < WITHIN_S
    assert stdout.decode() == REPLY + "\n"
    run_id = json.loads(shared.run("runs", "list", "-n", "1", "--json").stdout)[0]["run_id"]
    with shared.database() as conn:
        query = "SELECT name, count(*) FROM events WHERE payload ->> 'run_id' = %s GROUP BY name"
        events = dict(conn.execute(query, [run_id]).fetchall())
    assert events == {"memory.recalled": 1, "provider.completed": 1, "run.concluded": 1}
    assert len(model.calls) == 2


def test_slow_models_take_the_slots_of_their_queue_and_no_others(shared: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, first_token_delay_s=60.0)
    runs = [shared.run("ask", f"slow {number}", "--detach").stdout.strip() for number in range(4)]
    model.wait_for(lambda calls: len(calls) >= 2, within_s=15)
    query = "SELECT count(*) FROM commands WHERE name = 'providers.complete' AND status = 'queued'"
    with shared.database() as conn:
        wait_until(lambda: conn.execute(query).fetchone() == (2,), what="two that wait")
    assert len(model.calls) == 2
    stored = shared.run("remember", "The boat is moored at Kiel.")
    assert stored.returncode == 0, stored.stderr
    status = json.loads(shared.run("status", "--json").stdout)
    queues = {row["name"]: row for row in status["queues"]}
    assert {name: row["consumers"] for name, row in queues.items()} == dict.fromkeys(queues, 1)
    assert not queues["memory"]["saturated"]
    assert shared.run("logs", "worker-memory", "-n", "1").returncode == 0
    for run in runs:
        shared.run("runs", "cancel", run)
    shared_names = {row["name"] for row in status["processes"]}
    assert "worker" in shared_names
    assert not any(name.startswith("worker-") for name in shared_names)
