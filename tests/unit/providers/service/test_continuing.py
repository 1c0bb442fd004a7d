"""An answer cut at its model's length goes on once, and one that isn't whole says so."""

from __future__ import annotations

import pytest

from lotus_tasks.errors import Cancelled
from lotus_tasks.origins import USER
from lotus_tasks.providers.models import StopDelta, StopReason, TextDelta, Tool, ToolCallDelta, Usage, UsageDelta
from lotus_tasks.providers.service.continuing import GO_ON, overlap
from tests.unit.providers.service.doubles import ActingModel, question, row, speech, stage, unavailable

SAID = "The oil was changed on the third of May, and the next change is due after one hundred"
CUT = "a: the answer was cut off at its greatest length"


def cut(text: str, reason: StopReason = StopReason.LENGTH):
    return [TextDelta(text), UsageDelta(Usage(input_tokens=5, output_tokens=3)), StopDelta(reason)]


@pytest.mark.parametrize(
    ("rest", "whole"),
    [
        (" hours of use.", f"{SAID} hours of use."),
        ("due after one hundred hours of use.", f"{SAID} hours of use."),
        (f"{SAID} hours of use.", f"{SAID} hours of use."),
        (f"{SAID} hours of use. " + "Mind the filter. " * 20, f"{SAID} hours of use. " + "Mind the filter. " * 20),
        (" hours of use. " + "Mind the filter. " * 20, f"{SAID} hours of use. " + "Mind the filter. " * 20),
    ],
    ids=["goes on", "repeats its last words", "begins anew", "begins anew at length", "goes on at length"],
)
def test_a_cut_answer_goes_on_once_and_says_nothing_twice(rest: str, whole: str):
    model = ActingModel(row("a"), [cut(SAID), speech(*[rest[at : at + 7] for at in range(0, len(rest), 7)])])
    scene = stage(model)
    completion = scene.complete()
    assert (completion.text, scene.sink.text) == (whole, whole)
    assert (completion.stop_reason, completion.degraded) == (StopReason.STOP, ())
    assert [message.content for message in model.requests[1][0].messages[-2:]] == [SAID, GO_ON]
    assert len(scene.calls) == 2


def test_an_answer_cut_twice_is_shown_as_far_as_it_came_and_says_so():
    scene = stage(ActingModel(row("a"), [cut(SAID), cut(" hours"), speech("never asked for")]))
    completion = scene.complete()
    assert (completion.text, completion.stop_reason) == (f"{SAID} hours", StopReason.LENGTH)
    assert completion.degraded == (CUT,)
    assert completion.usage == Usage(input_tokens=10, output_tokens=6)


@pytest.mark.parametrize("failure", [unavailable(), [TextDelta(" hours of"), unavailable()]], ids=["refused", "broken"])
def test_a_continuation_that_fails_leaves_what_was_said(failure):
    scene = stage(ActingModel(row("a"), [cut(SAID), failure]))
    completion = scene.complete()
    assert (completion.text, scene.sink.text) == (SAID, SAID)
    assert completion.degraded == ("a: could not go on: 503", CUT)


def test_a_continuation_that_calls_a_tool_leaves_the_answer_cut():
    call = [
        TextDelta(" Let me look."),
        ToolCallDelta(index=0, id="c", name="look", arguments="{}"),
        StopDelta(StopReason.TOOL_CALLS),
    ]
    scene = stage(ActingModel(row("a"), [cut(SAID), call]))
    completion = scene.complete(question(tools=(Tool(origin=USER, name="look", description="", parameters={}),)))
    assert (completion.text, scene.sink.text) == (SAID, SAID)
    assert (completion.stop_reason, completion.tool_calls, completion.degraded) == (StopReason.LENGTH, (), (CUT,))


def test_a_cancelled_continuation_is_a_cancelled_answer():
    model = ActingModel(row("a"), [cut(SAID), speech("no")])

    def interrupt():
        if len(model.requests) > 1:
            raise Cancelled("the run was cancelled")

    with pytest.raises(Cancelled):
        stage(model).complete(interrupt=interrupt)


def test_a_length_that_the_caller_set_is_left_at_that():
    model = ActingModel(row("a"), [cut(SAID), speech("no")])
    completion = stage(model).complete(question(max_tokens=20))
    assert (completion.text, completion.degraded, len(model.requests)) == (SAID, (CUT,), 1)


def test_a_filtered_answer_says_that_it_was_filtered_and_does_not_go_on():
    model = ActingModel(row("a"), [cut(SAID, StopReason.FILTERED), speech("no")])
    completion = stage(model).complete()
    assert (completion.text, len(model.requests)) == (SAID, 1)
    assert completion.degraded == ("a: its content filter broke the answer off",)


def test_a_few_equal_letters_are_no_repetition():
    assert overlap("It is on the", "the table") == 0
    assert overlap("It is on the third of May", "the third of May, says Anna") == len("the third of May")
