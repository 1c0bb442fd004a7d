"""Model calls in PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from stack import Services

from lotus_tasks.providers.adapters.ledger import record_calls, spent_usd
from lotus_tasks.providers.models import CallRecord, FailureKind, Price, Usage
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import connect
from lotus_tasks.values import CommandId, utc_now
from tests.unit.providers.service.doubles import row

ROWS = {"a": row("a", price=Price(input_usd=1.0, output_usd=10.0))}


def call(*, days_ago: float = 0, failure: FailureKind | None = None, first_token_ms: float | None = 50.0) -> CallRecord:
    return CallRecord(
        provider="a",
        model="m",
        started_at=utc_now() - timedelta(days=days_ago),
        usage=Usage(input_tokens=1000, output_tokens=100),
        failure=failure,
        first_token_ms=first_token_ms,
        total_ms=200.0,
    )


@pytest.fixture
def conn(services: Services):
    with connect(services.runtime.database_url, autocommit=True) as conn:
        yield conn


def record(conn, *calls: CallRecord) -> None:
    record_calls(conn, CommandId(uuid.uuid4()), calls, ROWS)


def test_calls_are_summed_by_day_and_model_with_their_failures(conn):
    record(conn, call(), call(first_token_ms=70.0), call(failure=FailureKind.CUT), call(days_ago=2))
    today, earlier = conn.execute(queries.load("providers").usage_by_day, {"days": 7}).fetchall()
    assert (today["calls"], today["failed"], today["failures"], today["error_rate"]) == (3, 1, ["cut"], 0.3333)
    assert (today["input_tokens"], today["output_tokens"]) == (3000, 300)
    assert today["cost_usd"] == pytest.approx(0.006)
    assert today["first_token_ms_p50"] == pytest.approx(60.0)
    assert earlier["calls"] == 1


def test_what_was_spent_since_a_moment_leaves_out_what_came_before(conn):
    record(conn, call(), call(days_ago=2))
    assert spent_usd(conn, "a", since=utc_now() - timedelta(days=1)) == pytest.approx(0.002)


def test_a_provider_that_was_never_called_has_cost_nothing(conn):
    assert spent_usd(conn, "b", since=utc_now()) == 0


def test_old_calls_are_dropped(conn):
    record(conn, call(), call(days_ago=500))
    conn.execute(queries.load("providers").prune_calls, {"keep_days": 400})
    assert conn.execute("SELECT count(*) AS n FROM provider_calls").fetchone()["n"] == 1
