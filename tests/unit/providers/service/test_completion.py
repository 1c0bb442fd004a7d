"""The failover: try, wait, try again, move on, and say what failed."""

from __future__ import annotations

import pytest

from lotus_tasks.errors import Cancelled, HandBack, InvalidInput, LotusError
from lotus_tasks.providers.adapters.offline import OfflineChatModel
from lotus_tasks.providers.models import (
    BudgetSpent,
    FailureKind,
    LimitReached,
    Limits,
    ModelRefusal,
    ModelUnavailable,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from lotus_tasks.providers.service.breaker import BreakerPolicy
from lotus_tasks.providers.service.outage import OutagePolicy
from lotus_tasks.providers.service.retry import RetryPolicy
from tests.unit.providers.service.doubles import (
    ActingModel,
    Turnstile,
    memory,
    question,
    refusal,
    row,
    speech,
    stage,
    unavailable,
)


def test_the_first_provider_answers_and_nothing_is_degraded():
    scene = stage(ActingModel(row("a"), [speech("Be", "hind.")]), ActingModel(row("b"), [speech("no")]))
    completion = scene.complete()
    assert (completion.text, completion.provider, completion.model) == ("Behind.", "a", "a-1")
    assert completion.degraded == ()
    assert scene.sink.text == "Behind."


def test_a_passing_fault_is_tried_again_and_mentioned():
    scene = stage(ActingModel(row("a"), [unavailable(), speech("Yes.")]))
    completion = scene.complete()
    assert completion.text == "Yes."
    assert completion.degraded == ("a: 503, answered at try 2",)


def test_after_its_tries_the_next_provider_is_asked():
    scene = stage(ActingModel(row("a"), [unavailable()]), ActingModel(row("b"), [speech("Yes.")]))
    completion = scene.complete()
    assert completion.provider == "b"
    assert completion.degraded == ("a: 503 after 2 tries",)
    assert scene.sink.notices == ["a: 503 after 2 tries"]


@pytest.mark.parametrize("failure", [refusal(), refusal("unknown model x", FailureKind.UNKNOWN_MODEL)])
def test_a_refusal_moves_on_at_once(failure):
    first = ActingModel(row("a"), [failure])
    scene = stage(first, ActingModel(row("b"), [speech("Yes.")]))
    completion = scene.complete()
    assert completion.provider == "b"
    assert completion.degraded == (f"a: {failure.summary}",)
    assert len(first.requests) == 1
    assert scene.time.slept == 0


def test_retry_after_is_waited_for_when_it_is_short():
    scene = stage(ActingModel(row("a"), [unavailable("429", FailureKind.RATE_LIMITED, 3.0), speech("Yes.")]))
    assert scene.complete().provider == "a"
    assert scene.time.slept == pytest.approx(3.0)


def test_a_long_retry_after_moves_on_at_once():
    scene = stage(
        ActingModel(row("a"), [unavailable("429", FailureKind.RATE_LIMITED, 60.0)]),
        ActingModel(row("b"), [speech("Yes.")]),
    )
    assert scene.complete().provider == "b"
    assert scene.time.slept == 0


def test_a_provider_that_asked_for_a_long_pause_is_left_alone_by_the_next_request():
    sick = ActingModel(row("a"), [unavailable("429", FailureKind.RATE_LIMITED, 60.0)])
    scene = stage(sick, ActingModel(row("b"), [speech("Yes.")]))
    scene.complete()
    completion = scene.complete()
    assert len(sick.requests) == 1
    assert completion.degraded == ("a: resting 60 s after repeated failures",)


@pytest.mark.parametrize("kind", [FailureKind.NO_FIRST_TOKEN, FailureKind.STALLED])
def test_a_time_limit_is_not_waited_for_twice_while_another_provider_is_left(kind):
    slow = ActingModel(row("a"), [unavailable("late", kind)])
    scene = stage(slow, ActingModel(row("b"), [speech("Yes.")]))
    assert scene.complete().provider == "b"
    assert len(slow.requests) == 1


def test_a_time_limit_of_the_only_provider_is_tried_again():
    scene = stage(ActingModel(row("a"), [unavailable("late", FailureKind.NO_FIRST_TOKEN), speech("Yes.")]))
    assert scene.complete().text == "Yes."


def test_what_a_dead_stream_said_is_taken_back():
    scene = stage(
        ActingModel(row("a"), [[TextDelta("The key "), TextDelta("is"), unavailable("cut", FailureKind.CUT)]]),
        ActingModel(row("b"), [speech("The key hangs here.")]),
    )
    assert scene.complete().text == "The key hangs here."
    assert scene.sink.text == "The key hangs here."
    assert scene.sink.shown == ["", "The key is", "The key is"]


def test_a_stream_without_an_end_is_no_answer():
    scene = stage(ActingModel(row("a"), [[TextDelta("The key")]]), ActingModel(row("b"), [speech("Here.")]))
    completion = scene.complete()
    assert completion.text == "Here."
    assert completion.degraded == ("a: cut mid-stream after 2 tries",)


def test_an_empty_reply_is_no_answer():
    scene = stage(ActingModel(row("a"), [speech("  ")]), ActingModel(row("b"), [speech("Here.")]))
    assert scene.complete().degraded == ("a: empty reply after 2 tries",)


def test_tool_calls_without_text_are_an_answer():
    calls = [ToolCallDelta(index=0, id="c", name="search", arguments='{"q":'), ToolCallDelta(index=0, arguments='"x"}')]
    completion = stage(ActingModel(row("a"), [[*calls, *speech()]])).complete()
    assert [(call.id, call.name, call.arguments) for call in completion.tool_calls] == [("c", "search", {"q": "x"})]


def test_when_every_provider_may_recover_the_request_may_be_tried_again():
    scene = stage(
        ActingModel(row("a"), [unavailable()]), ActingModel(row("b"), [unavailable("429", retry_after_s=40.0)])
    )
    with pytest.raises(ModelUnavailable) as caught:
        scene.complete()
    assert "a: 503 after 2 tries" in str(caught.value)
    assert "b: 429" in str(caught.value)
    assert caught.value.retry_after_s == 40.0


def test_when_every_provider_refused_the_request_has_failed():
    scene = stage(ActingModel(row("a"), [refusal()]))
    with pytest.raises(ModelRefusal, match=r"wrong key.*providers check"):
        scene.complete()


def test_with_no_provider_at_all_the_error_says_so():
    with pytest.raises(ModelRefusal, match="none is configured"):
        stage().complete()


def test_the_offline_provider_answers_when_nobody_else_does():
    scene = stage(ActingModel(row("a"), [unavailable()]), OfflineChatModel())
    completion = scene.complete(question(memories=(memory(1, "The key hangs behind the door."),)))
    assert completion.provider == "offline"
    assert completion.text.startswith("The key hangs behind the door. [1]")
    assert completion.degraded == ("a: 503, still after 25 s",)


def test_a_provider_that_is_absent_without_being_asked_for_is_no_failure():
    scene = stage(ActingModel(row("a"), [speech("no")], present=False), ActingModel(row("b"), [speech("Yes.")]))
    completion = scene.complete()
    assert (completion.provider, completion.degraded) == ("b", ())


def test_a_private_question_for_one_provider_goes_to_no_other():
    other = ActingModel(row("b"), [speech("leak")])
    scene = stage(ActingModel(row("a"), [unavailable()]), other, OfflineChatModel())
    completion = scene.complete(question(provider="a"))
    assert completion.provider == "offline"
    assert other.requests == []


def test_an_unknown_provider_is_refused_by_name():
    with pytest.raises(InvalidInput, match="'nosuch'; there are: a"):
        stage(ActingModel(row("a"), [speech("x")])).complete(question(provider="nosuch"))


def test_an_unconfigured_provider_is_skipped_silently():
    scene = stage(
        ActingModel(row("a", missing="A_KEY isn't set"), [speech("no")]), ActingModel(row("b"), [speech("Yes.")])
    )
    assert scene.complete().degraded == ()


def test_an_unconfigured_provider_that_was_asked_for_is_named():
    scene = stage(ActingModel(row("a", missing="A_KEY isn't set"), [speech("no")]), OfflineChatModel(remedy="Add one."))
    assert scene.complete(question(provider="a")).degraded == ("a: not configured (A_KEY isn't set)",)


@pytest.mark.parametrize("error", [Cancelled("c"), HandBack("h")])
def test_an_interruption_ends_a_stream(error: LotusError):
    seen: list[int] = []

    def interrupt():
        seen.append(1)
        if len(seen) > 2:
            raise error

    scene = stage(ActingModel(row("a"), [speech(*"abcdefgh")]), ActingModel(row("b"), [speech("no")]))
    with pytest.raises(type(error)):
        scene.complete(interrupt=interrupt)
    assert len(scene.sink.text) < 8


def test_an_interruption_ends_a_pause():
    scene = stage(ActingModel(row("a"), [unavailable("429", FailureKind.RATE_LIMITED, 9.0)]))

    def interrupt():
        if scene.time.slept > 1:
            raise Cancelled("c")

    with pytest.raises(Cancelled):
        scene.complete(interrupt=interrupt)
    assert scene.time.slept < 1.2


def test_repeated_failures_open_the_breaker_and_a_trial_closes_it():
    sick = ActingModel(row("a"), [unavailable(), unavailable(), unavailable(), unavailable(), speech("Well.")])
    scene = stage(
        sick,
        ActingModel(row("b"), [speech("Yes.")]),
        breaker=BreakerPolicy(failures=4, pause_s=5.0),
        retry=RetryPolicy(tries=2, base_s=0.0),
        outage=OutagePolicy(patience_s=0),
    )
    assert [scene.complete().provider for _ in range(3)] == ["b", "b", "b"]
    assert len(sick.requests) == 4
    scene.time.now += 5.1
    assert [scene.complete().provider for _ in range(2)] == ["a", "a"]


def test_a_refusal_is_no_sign_of_sickness():
    wrong = ActingModel(row("a"), [refusal()])
    scene = stage(wrong, ActingModel(row("b"), [speech("Yes.")]), breaker=BreakerPolicy(failures=2))
    for _ in range(5):
        scene.complete()
    assert len(wrong.requests) == 5


def test_every_call_is_recorded_with_its_usage():
    scene = stage(
        ActingModel(row("a"), [unavailable()]),
        ActingModel(row("b"), [speech("Yes.", usage=Usage(input_tokens=9, output_tokens=4))]),
    )
    scene.complete()
    calls = scene.calls
    assert [(call.provider, call.failure) for call in calls] == [
        ("a", FailureKind.SERVER_FAULT),
        ("a", FailureKind.SERVER_FAULT),
        ("b", None),
    ]
    assert calls[-1].usage == Usage(input_tokens=9, output_tokens=4)


def test_usage_that_nobody_counted_is_estimated_and_says_so():
    from lotus_tasks.providers.models import StopDelta, StopReason

    completion = stage(ActingModel(row("a"), [[TextDelta("Behind the door."), StopDelta(StopReason.STOP)]])).complete()
    assert completion.usage.estimated
    assert completion.usage.output_tokens > 0


def test_a_question_too_long_for_one_model_goes_to_the_next():
    scene = stage(
        ActingModel(row("a", context_tokens=50), [speech("no")]),
        ActingModel(row("b", context_tokens=9000), [speech("Yes.")]),
    )
    completion = scene.complete(question("word " * 500))
    assert completion.provider == "b"
    assert completion.degraded == ("a: question too long for the model",)


def test_an_interrupted_call_is_recorded_with_what_it_has_cost_so_far():
    seen: list[int] = []

    def interrupt():
        seen.append(1)
        if len(seen) > 4:
            raise Cancelled("c")

    scene = stage(ActingModel(row("a"), [speech(*"abcdefgh")]))
    with pytest.raises(Cancelled):
        scene.complete(interrupt=interrupt)
    (call,) = scene.calls
    assert call.failure is FailureKind.INTERRUPTED
    assert call.usage.output_tokens > 0


LIMITED = Limits(concurrent_calls=1)


def busy(retry_after_s: float = 0.1) -> LimitReached:
    return LimitReached("all 1 calls at once are taken", "a: taken", retry_after_s=retry_after_s)


def test_a_place_among_the_calls_at_once_is_waited_for():
    scene = stage(
        ActingModel(row("a", limits=LIMITED), [speech("Yes.")]), meter=Turnstile(refusals=[busy() for _ in range(5)])
    )
    completion = scene.complete()
    assert (completion.text, completion.degraded) == ("Yes.", ())
    assert scene.time.slept == pytest.approx(0.5)


def test_a_place_that_does_not_come_free_sends_the_request_on():
    scene = stage(
        ActingModel(row("a", limits=LIMITED), [speech("no")]),
        ActingModel(row("b"), [speech("Yes.")]),
        meter=Turnstile(refusals=[busy() for _ in range(1000)]),
    )
    completion = scene.complete()
    assert completion.provider == "b"
    assert completion.degraded == ("a: all 1 calls at once are taken",)
    assert 55 < scene.time.slept < 65


def test_a_limit_that_lasts_sends_the_request_on_at_once():
    scene = stage(
        ActingModel(row("a", limits=LIMITED), [speech("no")]),
        ActingModel(row("b"), [speech("Yes.")]),
        meter=Turnstile(refusals=[busy(45.0)]),
    )
    assert scene.complete().provider == "b"
    assert scene.time.slept == 0


def test_a_spent_budget_sends_the_request_on_and_says_so():
    scene = stage(
        ActingModel(row("a", limits=LIMITED), [speech("no")]),
        ActingModel(row("b"), [speech("Yes.")]),
        meter=Turnstile(refusals=[BudgetSpent("daily budget of $1 is spent", "a: spent")]),
    )
    completion = scene.complete()
    assert (completion.provider, completion.degraded) == ("b", ("a: daily budget of $1 is spent",))


def test_a_limit_of_our_own_is_no_failure_of_the_provider():
    meter = Turnstile(refusals=[busy(45.0) for _ in range(4)])
    scene = stage(
        ActingModel(row("a", limits=LIMITED), [speech("Yes.")]),
        ActingModel(row("b"), [speech("Yes.")]),
        meter=meter,
        breaker=BreakerPolicy(failures=2),
    )
    assert [scene.complete().provider for _ in range(5)] == ["b", "b", "b", "b", "a"]
    assert all(call.provider != "a" or call.failure is None for call in scene.calls)


@pytest.mark.parametrize("acts", [[speech("Yes.")], [unavailable()]])
def test_a_place_is_given_back_however_the_call_ends(acts):
    scene = stage(ActingModel(row("a", limits=LIMITED), acts), ActingModel(row("b"), [speech("Yes.")]))
    scene.complete()
    assert len(scene.meter.used) == sum(call.provider == "a" for call in scene.calls)


def test_a_call_that_goes_on_keeps_its_place():
    scene = stage(ActingModel(row("a", limits=LIMITED), [speech("Yes.")]))
    scene.complete()
    assert scene.meter.kept > 0


def test_a_provider_without_limits_is_not_metered():
    scene = stage(ActingModel(row("a"), [speech("Yes.")]), meter=Turnstile(refusals=[busy()]))
    assert scene.complete().provider == "a"


def test_half_a_character_of_a_model_becomes_a_replacement_on_the_screen_and_in_the_answer():
    scene = stage(ActingModel(row("a"), [speech("hello \ud83d", "\ude00 world")]))
    completion = scene.complete()
    assert completion.text == "hello \ufffd\ufffd world"
    assert scene.sink.text == completion.text
