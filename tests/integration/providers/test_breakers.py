"""One breaker for all workers: what every BreakerStore does, in this process and in Redis."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stack import Services

from lotus_tasks.providers.adapters.breakers import LocalBreakers, RedisBreakers
from lotus_tasks.providers.ports import BreakerStore
from lotus_tasks.providers.service.breaker import BreakerPolicy
from lotus_tasks.spine.streams import connect_redis
from tests.unit.providers.service.doubles import Time

POLICY = BreakerPolicy(failures=3, pause_s=5.0, trial_s=30.0)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=["local", "redis"])
def breakers(request: pytest.FixtureRequest, time: Time) -> BreakerStore:
    if request.param == "local":
        return LocalBreakers(POLICY, clock=time)
    services: Services = request.getfixturevalue("services")
    return RedisBreakers(connect_redis(services.runtime.redis_url), POLICY, clock=time)


def fail(breakers: BreakerStore, times: int, provider: str = "a") -> None:
    for _ in range(times):
        breakers.record_failure(provider, retry_after_s=None)


def test_a_provider_nobody_complained_about_may_be_called(breakers):
    assert breakers.blocked_for_s("a") == 0


def test_it_opens_after_enough_failures(breakers):
    fail(breakers, 3)
    assert breakers.blocked_for_s("a") == pytest.approx(5.0)


def test_providers_have_breakers_of_their_own(breakers):
    fail(breakers, 3)
    assert breakers.blocked_for_s("b") == 0


def test_a_success_forgets_the_failures(breakers):
    fail(breakers, 2)
    breakers.record_success("a")
    fail(breakers, 2)
    assert breakers.blocked_for_s("a") == 0


def test_after_the_pause_exactly_one_caller_gets_through(breakers, time):
    fail(breakers, 3)
    time.now += 5.1
    assert [breakers.blocked_for_s("a") > 0 for _ in range(3)] == [False, True, True]


def test_a_successful_trial_closes_it(breakers, time):
    fail(breakers, 3)
    time.now += 5.1
    breakers.blocked_for_s("a")
    breakers.record_success("a")
    assert breakers.blocked_for_s("a") == 0


@pytest.fixture
def connect(services: Services, time: Time) -> Callable[[], RedisBreakers]:
    return lambda: RedisBreakers(connect_redis(services.runtime.redis_url), POLICY, clock=time)


def test_what_one_worker_saw_another_one_knows(connect):
    fail(connect(), 3)
    assert connect().blocked_for_s("a") == pytest.approx(5.0)


def test_a_breaker_in_redis_expires(connect, services):
    fail(connect(), 3)
    assert 0 < services.redis().ttl("lotus:breaker:a") <= POLICY.memory_s


def test_without_redis_each_worker_goes_by_what_it_saw_itself(time, tmp_path):
    breakers = RedisBreakers(connect_redis(f"unix://{tmp_path}/nobody.sock", timeout_s=0.2), POLICY, clock=time)
    assert breakers.blocked_for_s("a") == 0
    fail(breakers, 3)
    assert breakers.blocked_for_s("a") == pytest.approx(5.0)


def test_a_flushed_redis_costs_one_more_call(connect, services):
    fail(connect(), 3)
    services.redis().flushall()
    assert connect().blocked_for_s("a") == 0
