from __future__ import annotations

import pytest

from lotus_tasks.providers.service.breaker import BreakerPolicy, BreakerState

POLICY = BreakerPolicy(failures=3, pause_s=5.0, longest_pause_s=20.0, trial_s=30.0)


def fail(state: BreakerState, now: float, times: int = 1, retry_after_s: float | None = None) -> BreakerState:
    for _ in range(times):
        state = POLICY.after_failure(state, now, retry_after_s=retry_after_s)
    return state


def wait(state: BreakerState, now: float) -> float:
    return POLICY.admit(state, now)[1]


def test_failures_below_the_threshold_change_nothing_for_callers():
    assert wait(fail(BreakerState(), 100.0, 2), 100.0) == 0


def test_the_threshold_opens_for_the_pause():
    assert wait(fail(BreakerState(), 100.0, 3), 101.0) == pytest.approx(4.0)


def test_after_the_pause_one_caller_is_let_through():
    state, first = POLICY.admit(fail(BreakerState(), 100.0, 3), 105.0)
    assert first == 0
    assert wait(state, 105.0) == pytest.approx(30.0)


def test_a_trial_that_never_ends_gives_way_to_another():
    state, _ = POLICY.admit(fail(BreakerState(), 100.0, 3), 105.0)
    assert wait(state, 135.0) == 0


def test_a_failed_trial_doubles_the_pause_up_to_its_bound():
    state, pauses, now = fail(BreakerState(), 100.0, 3), [], 100.0
    for _ in range(4):
        pauses.append(wait(state, now))
        now += pauses[-1]
        state, _ = POLICY.admit(state, now)
        state = fail(state, now)
    assert pauses == pytest.approx([5.0, 10.0, 20.0, 20.0])


def test_failures_of_calls_already_under_way_do_not_lengthen_the_pause():
    state = fail(BreakerState(), 100.0, 3)
    assert wait(fail(state, 102.0, 10), 102.0) == pytest.approx(3.0)


def test_a_long_retry_after_opens_at_once():
    assert wait(fail(BreakerState(), 100.0, retry_after_s=60.0), 100.0) == pytest.approx(60.0)


def test_a_short_retry_after_is_the_retry_policys_business():
    assert wait(fail(BreakerState(), 100.0, retry_after_s=2.0), 100.0) == 0


def test_a_trial_that_fails_after_the_rest_the_provider_asked_for_opens_again():
    state = fail(BreakerState(), 100.0, retry_after_s=60.0)
    state, let_through = POLICY.admit(state, 160.0)
    assert let_through == 0
    state = fail(state, 161.0)
    # Doubled, and after fewer failures than open a breaker that was closed.
    assert state.failures < POLICY.failures
    assert wait(state, 161.0) == pytest.approx(10.0)
    assert POLICY.admit(state, 171.0)[1] == 0


def test_a_rest_that_a_provider_asks_for_is_capped():
    state = fail(BreakerState(), 100.0, retry_after_s=1e9)
    assert wait(state, 100.0) == pytest.approx(POLICY.longest_obeyed_s)
    assert state.asked_until == pytest.approx(100.0 + POLICY.longest_obeyed_s)


def test_what_is_kept_of_a_breaker_outlives_its_longest_rest():
    assert POLICY.memory_s >= POLICY.longest_obeyed_s + POLICY.trial_s


def test_only_a_rest_that_was_asked_for_is_remembered_as_one():
    assert fail(BreakerState(), 100.0, 3).asked_until == 0
    assert fail(BreakerState(), 100.0, retry_after_s=12.0).asked_until == pytest.approx(112.0)
    later = fail(fail(BreakerState(), 100.0, retry_after_s=60.0), 101.0, retry_after_s=12.0)
    assert later.asked_until == pytest.approx(160.0)


def test_a_rest_that_a_server_lengthens_while_it_lasts_counts_as_one_opening():
    state = fail(fail(BreakerState(), 100.0, 3), 101.0, 5, retry_after_s=15.0)
    assert wait(state, 101.0) == pytest.approx(15.0)
    state, _ = POLICY.admit(fail(state, 102.0, 1, retry_after_s=15.0), 117.0)
    assert wait(fail(state, 117.0), 117.0) == pytest.approx(10.0)  # the second pause, not the fourth
