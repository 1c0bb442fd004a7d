"""A model that is away for a while is waited for before memory is quoted in its place."""

from __future__ import annotations

import pytest

from lotus_tasks.errors import Cancelled
from lotus_tasks.providers.adapters.offline import OfflineChatModel
from lotus_tasks.providers.models import FailureKind, LimitReached, Limits
from lotus_tasks.providers.service.breaker import BreakerPolicy
from lotus_tasks.providers.service.outage import OutagePolicy
from tests.unit.providers.service.doubles import (
    ActingModel,
    Stage,
    Turnstile,
    question,
    refusal,
    row,
    speech,
    stage,
    unavailable,
)

OFFLINE = OfflineChatModel()


class AwayModel(ActingModel):
    """Fails as ``failure`` says until ``scene``'s clock says ``back_at``."""

    def until(self, scene: Stage, back_at: float, failure) -> Stage:
        self.scene, self.back_at, self.failure = scene, back_at, failure
        return scene

    def stream(self, request, *, model, watch):
        self.acts = [self.failure if self.scene.time.now < self.back_at else speech("Yes.")]
        return super().stream(request, model=model, watch=watch)


def away(seconds: float, failure, **details) -> Stage:
    model = AwayModel(row("a"), [])
    scene = stage(model, OFFLINE, **details)
    return model.until(scene, scene.time.now + seconds, failure)


PASSING = [
    unavailable("connection refused", FailureKind.REFUSED),
    unavailable("503", FailureKind.SERVER_FAULT),
    unavailable("429", FailureKind.RATE_LIMITED, 3.0),
    unavailable("cut", FailureKind.CUT),
    unavailable("no first token", FailureKind.NO_FIRST_TOKEN),
    unavailable("silent", FailureKind.STALLED),
    unavailable("name not found (DNS)", FailureKind.UNRESOLVED),
]


@pytest.mark.parametrize("failure", PASSING, ids=lambda failure: failure.kind.value)
def test_an_outage_of_five_seconds_is_outlasted(failure):
    scene = away(5.0, failure)
    completion = scene.complete()
    assert (completion.text, completion.provider) == ("Yes.", "a")
    assert 5.0 <= scene.time.slept < 8.0
    assert "waiting up to 25 s for a to answer again" in scene.sink.notices
    (line,) = completion.degraded
    assert line.startswith(f"a: {failure.summary}")
    assert line.endswith("s later")


def test_patience_ends_with_a_last_try_and_memory_is_quoted():
    scene = away(1000.0, PASSING[0], outage=OutagePolicy(patience_s=11.0))
    completion = scene.complete()
    assert completion.provider == "offline"
    assert completion.degraded == ("a: connection refused, still after 11 s",)
    # 0.25 s before the second of its first two tries, then patience to the second.
    assert scene.time.slept == pytest.approx(11.25, abs=0.1)
    assert scene.sink.notices[-1] == "a: connection refused, still after 11 s"


def test_without_patience_memory_is_quoted_at_once():
    scene = away(5.0, PASSING[0], outage=OutagePolicy(patience_s=0.0))
    assert scene.complete().provider == "offline"
    assert scene.time.slept < 0.6


@pytest.mark.parametrize(
    "failure",
    [
        refusal(),
        refusal("unknown model x", FailureKind.UNKNOWN_MODEL),
        unavailable("empty reply", FailureKind.EMPTY),
        unavailable("unreadable reply", FailureKind.GARBAGE),
        unavailable("429", FailureKind.RATE_LIMITED, 60.0),
    ],
    ids=lambda failure: failure.summary,
)
def test_what_no_waiting_mends_is_not_waited_for(failure):
    scene = away(5.0, failure)
    assert scene.complete().provider == "offline"
    assert scene.time.slept < 0.6
    assert not [notice for notice in scene.sink.notices if "waiting" in notice]


def test_a_model_that_is_not_there_or_was_never_set_up_is_not_waited_for():
    models = (
        ActingModel(row("a", missing="A_KEY isn't set"), [PASSING[0]]),
        ActingModel(row("b"), [PASSING[0]], present=False),
    )
    scene = stage(*models, OFFLINE)
    assert scene.complete().provider == "offline"
    assert scene.time.slept == 0


def test_own_limits_are_not_an_outage():
    full = [LimitReached("its calls are all taken", "full", retry_after_s=20.0) for _ in range(9)]
    scene = stage(
        ActingModel(row("a", limits=Limits(concurrent_calls=1)), [speech("no")]), OFFLINE, meter=Turnstile(full)
    )
    assert scene.complete().provider == "offline"
    assert scene.time.slept == 0


def test_the_breaker_does_not_shorten_the_wait():
    scene = away(5.0, PASSING[1], breaker=BreakerPolicy(failures=1, pause_s=60.0))
    scene.breakers.record_failure("a", retry_after_s=None)
    assert scene.breakers.blocked_for_s("a") > 25
    completion = scene.complete()
    assert completion.provider == "a"
    assert 5.0 <= scene.time.slept < 8.0
    assert scene.breakers.blocked_for_s("a") == 0


def test_a_rest_that_the_server_asked_for_is_kept_by_those_who_wait():
    scene = away(0.0, PASSING[1])
    scene.breakers.record_failure("a", retry_after_s=12.0)
    assert scene.complete().provider == "a"
    assert scene.time.slept == pytest.approx(12.0, abs=0.2)


def test_a_longer_rest_that_the_server_asked_for_is_not_waited_for():
    scene = away(0.0, PASSING[1])
    scene.breakers.record_failure("a", retry_after_s=100.0)
    assert scene.complete().provider == "offline"
    assert scene.time.slept == 0


def test_of_two_that_are_out_the_one_that_comes_back_answers():
    back = AwayModel(row("b"), [])
    scene = stage(ActingModel(row("a"), [PASSING[0]]), back, OFFLINE)
    back.until(scene, scene.time.now + 5, PASSING[1])
    completion = scene.complete()
    assert completion.provider == "b"
    assert completion.degraded[0] == "a: connection refused after 2 tries"


def test_one_that_refuses_while_it_is_waited_for_is_left():
    model = ActingModel(row("a"), [PASSING[0], PASSING[0], refusal()])
    scene = stage(model, OFFLINE)
    completion = scene.complete()
    assert completion.provider == "offline"
    assert completion.degraded == ("a: wrong key (401)",)
    assert len(model.requests) == 3


def test_the_wait_ends_when_the_run_is_cancelled():
    scene = away(1000.0, PASSING[0])
    gave_up_at = scene.time.now + 4

    def interrupt() -> None:
        if scene.time.now >= gave_up_at:
            raise Cancelled("the run was cancelled")

    with pytest.raises(Cancelled):
        scene.complete(question(), interrupt)
    assert scene.time.slept == pytest.approx(4.0, abs=0.2)


def test_with_another_model_behind_it_nobody_waits():
    scene = stage(ActingModel(row("a"), [PASSING[0]]), ActingModel(row("b"), [speech("Yes.")]), OFFLINE)
    assert scene.complete().provider == "b"
    assert scene.time.slept < 0.6
