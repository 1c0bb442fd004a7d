from __future__ import annotations

import pytest

from lotus_tasks.errors import Cancelled
from lotus_tasks.providers.models import FailureKind, ModelUnavailable, TimeLimits
from lotus_tasks.providers.service.watching import CallWatch
from tests.unit.providers.service.doubles import Time

LIMITS = TimeLimits(first_token_s=5.0, between_tokens_s=2.0, overall_s=20.0)


def make(time: Time, interrupt=lambda: None) -> CallWatch:
    return CallWatch(provider="p", limits=LIMITS, interrupt=interrupt, clock=time)


def failure(watch: CallWatch) -> FailureKind:
    with pytest.raises(ModelUnavailable) as caught:
        watch.check()
    return caught.value.kind


def test_a_call_within_its_limits_goes_on_and_is_timed():
    time = Time()
    looks = []
    watch = make(time, interrupt=lambda: looks.append(time.now))
    time.now += 4.9
    watch.check()
    watch.saw_token()
    time.now += 1.9
    watch.check()
    assert len(looks) == 2
    assert watch.first_token_ms == pytest.approx(4900)
    assert watch.elapsed_ms == pytest.approx(6800)


def test_the_first_token_has_a_limit_of_its_own():
    time = Time()
    watch = make(time)
    time.now += 5.1
    assert failure(watch) is FailureKind.NO_FIRST_TOKEN


def test_silence_between_tokens_has_a_limit():
    time = Time()
    watch = make(time)
    watch.saw_token()
    time.now += 2.1
    assert failure(watch) is FailureKind.STALLED


def test_the_whole_call_has_a_limit():
    time = Time()
    watch = make(time)
    for _ in range(21):
        watch.saw_token()
        time.now += 1.0
    assert failure(watch) is FailureKind.TOO_LONG


def test_an_interruption_is_repeated_although_its_cause_is_gone():
    causes = [Cancelled("c")]

    def interrupt():
        if causes:
            raise causes.pop()

    watch = make(Time(), interrupt)
    for _ in range(2):
        with pytest.raises(Cancelled):
            watch.check()
