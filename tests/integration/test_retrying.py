"""A run that is tried again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stack import Services

from lotus_tasks.origins import USER
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.models import RunOptions
from tests.integration.inprocess import Workers, workers_in_process


@pytest.fixture
def workers(services: Services) -> Iterator[Workers]:
    with workers_in_process(services) as workers:
        yield workers


def test_a_retry_counts_its_time_from_the_retry(workers: Workers):
    with workers.database.transaction() as conn:
        run = submit_run(conn, "Where is the key?", RunOptions(origin=USER, provider="nosuch"), conversation_id=None)
    workers.drain()
    (failed,) = workers.rows("SELECT * FROM runs")
    assert failed["status"] == "failed"
    with workers.database.transaction() as conn:
        conn.execute("UPDATE runs SET created_at = created_at - interval '1 hour', options = options - 'provider'")
        conn.execute(
            "UPDATE commands SET created_at = created_at - interval '1 hour', started_at = started_at - interval '1 hour'"
        )
    assert workers.run("reasoning.retry", run_id=str(run.run_id))["status"] == "succeeded"
    (again,) = workers.rows("SELECT * FROM runs")
    assert again["status"] == "succeeded", again["error"]
    timings = again["result"]["timings_ms"]
    assert 0 <= timings["queued"] <= timings["total"] < 60_000
    assert "retried_at" not in again["result"]
