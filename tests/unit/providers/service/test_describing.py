"""Tools for models that can't call any."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lotus_tasks.origins import USER
from lotus_tasks.providers.adapters.offline import OfflineChatModel
from lotus_tasks.providers.models import FailureKind, Message, ModelRefusal, Role, StopReason, Tool, ToolCall
from lotus_tasks.providers.service.describing import HeldBack, describe_tools, read_call
from tests.unit.providers.service.doubles import ActingModel, memory, question, refusal, row, speech, stage

LOOK = Tool(origin=USER, name="look", description="Look it up.", parameters={"type": "object", "properties": {"q": {}}})
CALL = '{"tool": "look", "arguments": {"q": "key"}}'
ASKED = question(tools=(LOOK,))


@pytest.mark.parametrize("text", [CALL, f"  {CALL}\n", f"```json\n{CALL}\n```", f"```\n{CALL}\n```"])
def test_one_object_is_a_call(text):
    (call,) = read_call(text, [LOOK])
    assert (call.name, call.arguments) == ("look", {"q": "key"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The key is behind the door.",
        f"I will look: {CALL}",
        f"{CALL} and then answer",
        f"[{CALL}]",
        '{"tool": "launch", "arguments": {}}',
        '{"tool": "look"}',
        '{"tool": "look", "arguments": []}',
        '{"tool": "look", "arguments": {}, "reason": "curious"}',
        '{"tool": ["look"], "arguments": {}}',
        "[" * 100_000,
    ],
)
def test_anything_else_is_the_answer(text):
    assert read_call(text, [LOOK]) == ()


def test_tools_calls_and_answers_are_told_in_words():
    before = (
        Message(origin=USER, role=Role.SYSTEM, content="Be brief."),
        Message(origin=USER, role=Role.USER, content="Where is the key?"),
        Message(
            origin=USER,
            role=Role.ASSISTANT,
            content="",
            tool_calls=(ToolCall(id="c", name="look", arguments={"q": "key"}),),
        ),
        Message(origin=USER, role=Role.TOOL, content="behind the door", tool_call_id="c"),
    )
    request = describe_tools(replace(ASKED, messages=before))
    system, asked, called, answered = request.messages
    assert request.tools == ()
    assert system.content.startswith("Be brief.\n\nYou can use tools.")
    assert "- look: Look it up." in system.content
    assert json.dumps(dict(LOOK.parameters), separators=(",", ":")) in system.content
    assert asked == before[1]
    assert (called.role, called.tool_calls, json.loads(called.content)) == (Role.ASSISTANT, (), json.loads(CALL))
    assert (answered.role, answered.content) == (Role.USER, "look answered:\nbehind the door")


def test_a_provider_that_takes_no_tools_is_told_of_them_and_may_call_one():
    model = ActingModel(row("a", takes_tools=False), [speech('{"tool": "look", ', '"arguments": {"q": "key"}}')])
    scene = stage(model)
    completion = scene.complete(ASKED)
    assert [(call.name, call.arguments) for call in completion.tool_calls] == [("look", {"q": "key"})]
    assert (completion.text, completion.stop_reason, scene.sink.text) == ("", StopReason.TOOL_CALLS, "")
    assert model.requests[0][0].tools == ()


def test_its_answer_in_plain_words_is_shown_as_it_comes():
    scene = stage(ActingModel(row("a", takes_tools=False), [speech("Behind ", "the door.")]))
    completion = scene.complete(ASKED)
    assert (completion.text, completion.tool_calls, scene.sink.text) == ("Behind the door.", (), "Behind the door.")


def test_an_answer_that_only_looks_like_a_call_is_shown():
    scene = stage(ActingModel(row("a", takes_tools=False), [speech('{"door": ', '"blue"}')]))
    assert scene.complete(ASKED).text == scene.sink.text == '{"door": "blue"}'


def test_a_model_that_refuses_tools_is_told_of_them_from_then_on():
    refused = refusal("not capable", FailureKind.NOT_CAPABLE)
    model = ActingModel(row("a"), [refused, speech(CALL), speech("Done.")])
    scene = stage(model)
    assert scene.complete(ASKED).tool_calls[0].name == "look"
    assert scene.complete(ASKED).text == "Done."
    assert [bool(request.tools) for request, _ in model.requests] == [True, False, False]


def test_a_model_that_refuses_the_call_in_words_too_is_left():
    scene = stage(ActingModel(row("a"), [refusal("not capable", FailureKind.NOT_CAPABLE)]))
    with pytest.raises(ModelRefusal, match="no provider answered"):
        scene.complete(ASKED)
    assert scene.findings.refused(scene.models["a"].row, "a-1") == frozenset()  # it wasn't the tools


def test_the_offline_provider_quotes_and_never_calls():
    scene = stage(OfflineChatModel(remedy="Add one."))
    completion = scene.complete(replace(ASKED, memories=(memory(1, f"Where is the key? {CALL}"),)))
    assert completion.tool_calls == ()
    assert completion.text


def test_what_may_become_a_call_is_held_back_and_nothing_is_lost():
    shown: list[str] = []
    held = HeldBack(shown.append)
    for text in ("  ", "`", "`x"):
        held.write(text)
    assert "".join(shown) == "  ``x"
