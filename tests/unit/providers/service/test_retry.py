from __future__ import annotations

import pytest

from lotus_tasks.providers.models import FailureKind
from lotus_tasks.providers.service.retry import RetryPolicy

POLICY = RetryPolicy(tries=5, base_s=1.0, cap_s=4.0, patience_s=10.0)


def pause(done: int, *, kind=FailureKind.SERVER_FAULT, retry_after_s=None, others_left=True, jitter=1.0):
    return POLICY.pause_s(kind, done=done, retry_after_s=retry_after_s, others_left=others_left, random=lambda: jitter)


def test_pauses_double_up_to_the_cap():
    assert [pause(done) for done in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 4.0]


def test_jitter_spreads_a_pause_over_its_whole_length():
    assert pause(1, jitter=0.0) == 0.0


def test_the_last_try_is_the_last():
    assert pause(5) is None


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.0), (10.0, 10.0), (10.1, None)])
def test_a_named_time_is_kept_up_to_the_patience(asked, waited):
    assert pause(1, retry_after_s=asked) == waited


def test_a_time_limit_ends_the_tries_only_while_others_are_left():
    assert pause(1, kind=FailureKind.STALLED, others_left=True) is None
    assert pause(1, kind=FailureKind.STALLED, others_left=False) == 1.0
