"""A model that holds less than was thought is asked again with what it holds; tools are part of what it must hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotus_tasks.origins import USER
from lotus_tasks.providers.adapters.offline import OfflineChatModel
from lotus_tasks.providers.models import FailureKind, Message, ModelRefusal, Role, Tool, ToolCall
from lotus_tasks.providers.service.prompt import compose, estimate_tokens
from lotus_tasks.providers.service.toolfit import fitting
from tests.unit.providers.service.doubles import ActingModel, memory, question, refusal, row, speech, stage, unavailable

MEMORIES = tuple(memory(n, f"fact{n} " + "word " * 100) for n in range(1, 40))


def too_long(context: int | None, prompt: int | None = None) -> ModelRefusal:
    return ModelRefusal(
        FailureKind.CONTEXT_EXCEEDED, "context too long", "refused", context_tokens=context, prompt_tokens=prompt
    )


def tool(name: str, description: str = "") -> Tool:
    schema = {"type": "object", "properties": {"path": {"type": "string", "description": "a value " * 20}}}
    return Tool(origin=USER, name=name, description=description or f"Does what {name} says.", parameters=schema)


TOOLS = (*(tool(f"thing_{n}") for n in range(55)), tool("list_rows", "Lists the rows of a spreadsheet."))


def sent(model: ActingModel, number: int) -> str:
    return "\n".join(message.content for message in model.requests[number][0].messages)


@pytest.mark.parametrize(("context", "prompt"), [(2048, None), (2048, 9000), (None, None)])
def test_a_prompt_that_was_too_long_is_cut_to_what_the_model_holds_and_sent_once_more(context, prompt):
    model = ActingModel(row("a"), [too_long(context, prompt), speech("Yes.")])
    completion = stage(model).complete(question(memories=MEMORIES))
    assert (completion.text, completion.degraded) == ("Yes.", ())
    assert len(model.requests) == 2
    assert estimate_tokens(sent(model, 1)) < (2048 if context else estimate_tokens(sent(model, 0)) * 0.7)
    assert "fact1 " in sent(model, 1)
    assert completion.left_out_memories > 0


def test_what_a_model_holds_is_remembered_for_it_and_forgotten_after_an_hour():
    model = ActingModel(row("a"), [too_long(2048), speech("Yes.")])
    scene = stage(model)
    scene.complete(question(memories=MEMORIES))
    scene.complete(question(memories=MEMORIES))
    scene.complete(question(memories=MEMORIES, model="other"))
    assert len(model.requests) == 4
    assert estimate_tokens(sent(model, 2)) < 2048 < estimate_tokens(sent(model, 3))
    scene.time.sleep(3601)
    scene.complete(question(memories=MEMORIES))
    assert estimate_tokens(sent(model, 4)) > 2048


def test_a_prompt_that_is_refused_again_leaves_the_provider_with_the_servers_reason():
    model = ActingModel(row("a"), [too_long(2048)])
    completion = stage(model, ActingModel(row("b"), [speech("Mine.")])).complete(question(memories=MEMORIES))
    assert len(model.requests) == 2
    assert (completion.provider, completion.degraded) == ("b", ("a: context too long",))


def test_a_model_without_tools_and_with_less_context_is_asked_without_both():
    model = ActingModel(row("a"), [too_long(2048), refusal("no tools", FailureKind.NOT_CAPABLE), speech("Yes.")])
    completion = stage(model).complete(question(memories=MEMORIES, tools=(tool("search"),)))
    assert (completion.text, len(model.requests)) == ("Yes.", 3)
    assert model.requests[2][0].tools == ()
    assert "- search:" in sent(model, 2)


def test_of_too_many_tools_those_that_fit_the_question_are_offered_and_the_others_named():
    model = ActingModel(row("a", context_tokens=2048), [speech("Six.")])
    completion = stage(model).complete(
        question("How many rows has my spreadsheet?", tools=TOOLS, memories=MEMORIES[:3])
    )
    offered = [one.name for one in model.requests[0][0].tools]
    assert "list_rows" in offered
    assert offered == [one.name for one in TOOLS if one.name in offered]
    left_out = [one.name for one in TOOLS if one.name not in offered]
    assert completion.degraded == (
        f"a: {len(left_out)} of 56 tools left out, the model's 2048 tokens hold no more: {', '.join(left_out)}",
    )
    assert completion.offered


def test_tools_that_fit_are_all_offered_in_silence():
    model = ActingModel(row("a", context_tokens=32768), [speech("Six.")])
    completion = stage(model).complete(question(tools=TOOLS))
    assert model.requests[0][0].tools == TOOLS
    assert completion.degraded == ()


def test_no_tools_ever_keep_a_question_from_being_asked():
    model = ActingModel(row("a", context_tokens=128), [speech("Six.")])
    completion = stage(model).complete(question("How many?", tools=TOOLS))
    assert completion.text == "Six."
    assert model.requests[0][0].tools == ()


def test_a_tool_that_was_called_stays():
    call = ToolCall(id="c", name="thing_54", arguments={})
    asked = question("How many rows?", tools=TOOLS)
    messages = (
        *asked.messages,
        Message(origin=USER, role=Role.ASSISTANT, content="", tool_calls=(call,)),
        Message(origin=USER, role=Role.TOOL, content="row " * 3000, tool_call_id="c"),
    )
    prompt = compose(replace(asked, messages=messages), context_tokens=2048)
    assert "thing_54" in [one.name for one in prompt.tools]
    assert prompt.tokens <= 2048 - 512


def test_a_long_reply_asked_for_takes_no_more_than_the_model_has():
    model = ActingModel(row("a", context_tokens=2048), [speech("Six.")])
    stage(model).complete(question(max_tokens=100_000, memories=MEMORIES))
    request = model.requests[0][0]
    assert request.max_tokens >= 1024
    assert estimate_tokens(sent(model, 0)) + request.max_tokens <= 2048


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("Could you schedule a meeting?", "createSchedule"),
        ("Lösche die Datei", "datei_entfernen"),
        ("東京の天気", "weather"),
        ("Turn dial 7", "dial_7"),
        ("What is the meaning of it all?", "createSchedule"),
    ],
)
def test_tools_are_ranked_by_the_words_they_share(asked, first):
    tools = [
        tool("createSchedule", "Plans what happens when."),
        tool("datei_entfernen", "Löscht eine Datei von der Platte."),
        tool("weather", "世界の天気を調べる。"),
        *(tool(f"dial_{n}", "Turns a dial.") for n in range(9)),
    ]
    assert [one.name for one in fitting(tools, asked, room=1, cost=lambda _: 1)] == [first]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (too_long(64), "No model answered (a: context too long), so this quotes your memory."),
        (refusal(), "No model answered (a: wrong key (401)), so this quotes your memory."),
        (unavailable("503"), "No model answered (a: 503, still after "),
        (
            unavailable("connection refused", FailureKind.REFUSED),
            "No model answered (a: connection refused, still after ",
        ),
    ],
)
def test_the_offline_provider_says_what_kept_the_models_from_answering(act, said):
    offline = OfflineChatModel()
    completion = stage(ActingModel(row("a"), [act]), offline).complete(
        question(memories=(memory(1, "The key is behind the blue door."),))
    )
    assert completion.provider == "offline"
    assert "blue door. [1]" in completion.text
    assert said in completion.notice
