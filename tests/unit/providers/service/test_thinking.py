"""What becomes of thoughts, and of adapters that break: one completion over acting models."""

from __future__ import annotations

import pytest

from lotus_tasks.origins import USER
from lotus_tasks.providers.models import (
    FailureKind,
    ModelUnavailable,
    RecastDelta,
    StopDelta,
    StopReason,
    TextDelta,
    ThoughtDelta,
    Tool,
    ToolCallDelta,
)
from lotus_tasks.providers.service.assembly import Reply
from tests.unit.providers.service.doubles import ActingModel, question, row, speech, stage

LOOK = Tool(origin=USER, name="look", description="Looks.", parameters={"type": "object"})


class BreakingModel(ActingModel):
    """Raises where the test says, as an adapter with a fault of its own does."""

    def __init__(self, name: str, where: str) -> None:
        super().__init__(row(name), [speech("never")])
        self.where = where

    def _break(self, here: str) -> None:
        if here == self.where:
            raise RuntimeError("a fault of the adapter's own")

    def is_present(self):
        self._break("is_present")
        return self.where != "is_present" or super().is_present()

    def warm(self):
        self._break("warm")

    def context_tokens(self, model, watch):
        self._break("context_tokens")
        return super().context_tokens(model, watch)

    def stream(self, request, *, model, watch):
        self._break("stream")
        yield TextDelta("Half of")
        self._break("mid-stream")
        yield TextDelta(["a list"])


@pytest.mark.parametrize("where", ["warm", "context_tokens", "stream", "mid-stream", "shape"])
def test_an_exception_in_an_adapter_is_that_providers_fault_and_the_next_one_answers(where):
    scene = stage(BreakingModel("a", where), ActingModel(row("b"), [speech("Here.")]))
    completion = scene.complete()
    assert (completion.text, completion.provider, scene.sink.text) == ("Here.", "b", "Here.")
    assert completion.degraded[0].startswith("a: unexpected fault, which `manage.py logs worker-providers` tells")
    assert {call.failure for call in scene.calls if call.provider == "a"} == {FailureKind.SERVER_FAULT}


def test_an_adapter_that_breaks_at_the_first_look_is_left_for_the_next_one():
    broken = BreakingModel("a", "is_present")
    scene = stage(broken, ActingModel(row("b"), [speech("Here.")]))
    assert scene.complete().text == "Here."


def test_an_adapter_alone_that_breaks_fails_the_request_in_a_way_that_may_pass():
    with pytest.raises(ModelUnavailable, match="unexpected fault"):
        stage(BreakingModel("a", "stream")).complete()


def test_thoughts_go_to_their_own_channel_and_never_into_the_answer():
    scene = stage(ActingModel(row("a"), [[ThoughtDelta("Hm."), *speech("Blue.")]]))
    completion = scene.complete()
    assert (completion.text, scene.sink.text, scene.sink.thoughts) == ("Blue.", "Blue.", "Hm.")


def test_text_that_turns_out_to_be_thinking_is_taken_back_from_the_screen_and_the_answer():
    scene = stage(ActingModel(row("a"), [[TextDelta("Let me "), TextDelta("see."), RecastDelta(), *speech("Blue.")]]))
    completion = scene.complete()
    assert (completion.text, scene.sink.text, scene.sink.thoughts) == ("Blue.", "Blue.", "Let me see.")
    assert "Let me see." in scene.sink.shown


def test_a_call_in_words_behind_a_thought_without_a_beginning_is_a_call():
    call = '{"tool": "look", "arguments": {}}'
    acts = [[TextDelta("I look."), RecastDelta(), *speech(call)]]
    scene = stage(ActingModel(row("a", takes_tools=False), acts))
    completion = scene.complete(question(tools=(LOOK,)))
    assert [one.name for one in completion.tool_calls] == ["look"]
    assert (completion.text, scene.sink.text) == ("", "")


def test_a_reply_of_thoughts_alone_is_no_answer_and_says_so():
    thoughts = [ThoughtDelta("Hm."), StopDelta(StopReason.STOP)]
    scene = stage(ActingModel(row("a"), [thoughts]), ActingModel(row("b"), [speech("Here.")]))
    completion = scene.complete()
    assert completion.text == "Here."
    assert completion.degraded == ("a: thoughts without an answer after 2 tries",)


def test_thoughts_that_nobody_counted_are_part_of_the_estimate():
    plain, thinking = Reply("p"), Reply("p")
    thinking.add(ThoughtDelta("a long thought"))
    for reply in (plain, thinking):
        reply.add(TextDelta("Blue."))
    assert (plain.written, thinking.written) == ("Blue.", "a long thoughtBlue.")


def test_calls_that_a_server_gave_one_id_are_told_apart():
    reply = Reply("p")
    for index in (0, 1):
        reply.add(ToolCallDelta(index=index, id="call_0", name="look", arguments="{}"))
    reply.add(StopDelta(StopReason.TOOL_CALLS))
    assert len({call.id for call in reply.finish()}) == 2


def test_the_halves_of_a_character_in_a_calls_arguments_are_put_together():
    reply = Reply("p")
    for piece in ('{"q": "\ud83d', '\ude00"}'):
        reply.add(ToolCallDelta(index=0, name="look", arguments=piece))
    reply.add(StopDelta(StopReason.TOOL_CALLS))
    assert reply.finish()[0].arguments == {"q": "😀"}
