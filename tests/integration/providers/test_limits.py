"""Limits on calls, tokens and money, kept for all workers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stack import Services

from lotus_tasks.errors import ServiceDown
from lotus_tasks.providers.adapters.limits import SharedMeter
from lotus_tasks.providers.models import BudgetSpent, LimitReached, Limits, ProviderRow, Usage
from lotus_tasks.spine.streams import connect_redis
from tests.unit.providers.service.doubles import Time, row

MIDDAY = 1_800_000_000.0 // 86400 * 86400 + 43200


@pytest.fixture
def time() -> Time:
    return Time(now=MIDDAY)


@pytest.fixture
def connect(services: Services, time: Time) -> Callable[..., SharedMeter]:
    def connect(spent_usd: float = 0.0) -> SharedMeter:
        client = connect_redis(services.runtime.redis_url)
        return SharedMeter(client, lambda provider, since: spent_usd, clock=time)

    return connect


def admits(meter: SharedMeter, limited: ProviderRow, *, expected_tokens: int = 1) -> bool:
    """Whether one more call gets a place; it keeps it."""
    try:
        meter.admit(limited, expected_tokens=expected_tokens)
    except LimitReached:
        return False
    return True


def used(tokens: int) -> Usage:
    return Usage(input_tokens=tokens, output_tokens=0)


def test_calls_at_once_are_bounded_for_all_workers(connect):
    limited = row("a", limits=Limits(concurrent_calls=2))
    connect().admit(limited, expected_tokens=1)
    connect().admit(limited, expected_tokens=1)
    with pytest.raises(LimitReached, match="2 calls at once"):
        connect().admit(limited, expected_tokens=1)


def test_a_place_given_back_is_free(connect):
    limited = row("a", limits=Limits(concurrent_calls=1))
    connect().admit(limited, expected_tokens=1).leave(used(1))
    assert admits(connect(), limited)
    assert not admits(connect(), limited)


def test_one_who_is_turned_away_takes_no_place(connect):
    limited = row("a", limits=Limits(concurrent_calls=1))
    first = connect().admit(limited, expected_tokens=1)
    for _ in range(3):
        with pytest.raises(LimitReached):
            connect().admit(limited, expected_tokens=1)
    first.leave(used(1))
    assert admits(connect(), limited)
    assert not admits(connect(), limited)


def test_the_place_of_a_dead_worker_comes_free(connect, time):
    limited = row("a", limits=Limits(concurrent_calls=1))
    connect().admit(limited, expected_tokens=1)
    time.now += 29
    assert not admits(connect(), limited)
    time.now += 2
    assert admits(connect(), limited)
    assert not admits(connect(), limited)


def test_a_long_call_keeps_its_place(connect, time):
    limited = row("a", limits=Limits(concurrent_calls=1))
    admission = connect().admit(limited, expected_tokens=1)
    for _ in range(4):
        time.now += 15
        admission.keep()
    with pytest.raises(LimitReached):
        connect().admit(limited, expected_tokens=1)


def test_tokens_are_bounded_by_the_minute(connect, time):
    limited = row("a", limits=Limits(tokens_per_minute=100))
    connect().admit(limited, expected_tokens=60)
    with pytest.raises(LimitReached) as caught:
        connect().admit(limited, expected_tokens=60)
    assert 0 < caught.value.retry_after_s <= 60
    time.now += caught.value.retry_after_s
    assert admits(connect(), limited, expected_tokens=60)
    assert not admits(connect(), limited, expected_tokens=60)


def test_tokens_that_were_not_used_are_given_back(connect):
    limited = row("a", limits=Limits(tokens_per_minute=100))
    connect().admit(limited, expected_tokens=90).leave(used(20))
    assert admits(connect(), limited, expected_tokens=80)
    assert not admits(connect(), limited)


def test_a_call_larger_than_the_limit_has_a_minute_of_its_own(connect):
    limited = row("a", limits=Limits(tokens_per_minute=100))
    assert admits(connect(), limited, expected_tokens=500)
    assert not admits(connect(), limited)


def test_a_call_turned_away_for_its_tokens_holds_no_place(connect):
    limited = row("a", limits=Limits(tokens_per_minute=100, concurrent_calls=1))
    connect().admit(limited, expected_tokens=100).leave(used(100))
    for _ in range(2):  # a place kept by the first would be what the second is told of
        with pytest.raises(LimitReached, match="tokens a minute"):
            connect().admit(limited, expected_tokens=50)


@pytest.mark.parametrize(("spent", "allowed"), [(1.99, True), (2.0, False)])
def test_money_is_bounded_by_the_day(connect, spent, allowed):
    limited = row("a", limits=Limits(daily_usd=2.0))
    if allowed:
        assert admits(connect(spent), limited)
    else:
        with pytest.raises(BudgetSpent, match=r"\$2 for today are spent"):
            connect(spent).admit(limited, expected_tokens=1)


def test_the_day_begins_at_midnight_utc(services, time):
    asked = []

    def spent_since(provider, since):
        asked.append((provider, since.isoformat()))
        return 0.0

    meter = SharedMeter(connect_redis(services.runtime.redis_url), spent_since, clock=time)
    meter.admit(row("a", limits=Limits(daily_usd=2.0)), expected_tokens=1)
    assert asked == [("a", "2027-01-15T00:00:00+00:00")]


def test_without_redis_calls_go_through(tmp_path, time):
    client = connect_redis(f"unix://{tmp_path}/nobody.sock", timeout_s=0.2)
    meter = SharedMeter(client, lambda provider, since: 0.0, clock=time)
    limited = row("a", limits=Limits(concurrent_calls=1, tokens_per_minute=1))
    assert [admits(meter, limited, expected_tokens=50) for _ in range(3)] == [True, True, True]
    meter.admit(limited, expected_tokens=50).leave(used(50))


def test_without_postgres_calls_go_through(services, time):
    asked = []

    def down(provider, since):
        asked.append(provider)
        raise ServiceDown("PostgreSQL went away")

    meter = SharedMeter(connect_redis(services.runtime.redis_url), down, clock=time)
    assert admits(meter, row("a", limits=Limits(daily_usd=2.0)))
    assert asked == ["a"]
