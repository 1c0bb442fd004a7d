from __future__ import annotations

import pytest

from lotus_tasks.origins import OUTSIDE, USER
from lotus_tasks.providers.models import CompletionRequest, FailureKind, Message, ModelRefusal, Role, ToolCall
from lotus_tasks.providers.service.prompt import compose, estimate_tokens
from tests.unit.providers.service.doubles import memory

SYSTEM = Message(origin=USER, role=Role.SYSTEM, content="You are LOTUS.")


def request(question="Where is the key?", *, history=(), memories=(), **details):
    asked = Message(origin=USER, role=Role.USER, content=question)
    return CompletionRequest(messages=(SYSTEM, *history, asked), question=question, memories=tuple(memories), **details)


def turns(count: int, words: int = 20):
    roles = (Role.USER, Role.ASSISTANT)
    return tuple(Message(origin=USER, role=roles[n % 2], content=f"turn{n} " + "word " * words) for n in range(count))


def text(prompt) -> str:
    return "\n".join(message.content for message in prompt.messages)


def test_everything_goes_in_while_there_is_room():
    prompt = compose(request(history=turns(4), memories=[memory(1, "It hangs here.")]), context_tokens=8000)
    assert (prompt.left_out_memories, prompt.left_out_turns) == (0, 0)
    assert "[1] (notes.md) It hangs here." in prompt.messages[0].content
    assert [message.role for message in prompt.messages] == [
        Role.SYSTEM,
        Role.USER,
        Role.ASSISTANT,
        Role.USER,
        Role.ASSISTANT,
        Role.USER,
    ]


def test_there_is_one_system_message_and_it_comes_first():
    prompt = compose(request(memories=[memory(1, "x")]), context_tokens=8000)
    assert [message.role for message in prompt.messages].count(Role.SYSTEM) == 1
    assert prompt.messages[0].content.startswith("You are LOTUS.")


def test_memories_are_kept_by_score_and_keep_their_numbers_and_order():
    memories = [
        memory(n, f"fact{n} " + "word " * 100, score=score) for n, score in enumerate((0.2, 0.9, 0.1, 0.8), start=1)
    ]
    prompt = compose(request(memories=memories, max_tokens=10), context_tokens=480)
    assert [kept.number for kept in prompt.offered] == [2, 4]
    assert "[2]" in text(prompt)
    assert "fact1" not in text(prompt)
    assert prompt.left_out_memories == 2


def test_a_memory_is_never_cut_in_its_middle():
    memories = [memory(1, "start " + "word " * 300 + "end")]
    prompt = compose(request(memories=memories, max_tokens=10), context_tokens=300)
    assert "start" not in text(prompt)


def test_a_memory_too_long_makes_room_for_shorter_ones():
    memories = [memory(1, "long " * 400, score=0.9), memory(2, "short", score=0.5)]
    prompt = compose(request(memories=memories, max_tokens=10), context_tokens=300)
    assert [kept.number for kept in prompt.offered] == [2]


def test_the_latest_turns_are_kept():
    prompt = compose(request(history=turns(20), max_tokens=10), context_tokens=300)
    assert "turn18" in text(prompt)
    assert "turn0 " not in text(prompt)
    assert prompt.left_out_turns > 0


def test_the_kept_history_begins_with_a_user():
    for size in range(120, 900, 40):
        prompt = compose(request(history=turns(20), max_tokens=10), context_tokens=size)
        assert [message.role for message in prompt.messages][1] is Role.USER


def test_history_is_not_starved_by_memories():
    memories = [memory(n, "word " * 50) for n in range(1, 30)]
    prompt = compose(request(history=turns(4), memories=memories, max_tokens=10), context_tokens=800)
    assert prompt.offered
    assert prompt.left_out_turns < 4


def test_the_prompt_and_its_reply_fit_the_context():
    memories = [memory(n, "word " * 50) for n in range(1, 30)]
    for size in (200, 400, 900, 3000):
        prompt = compose(request(history=turns(30), memories=memories, max_tokens=50), context_tokens=size)
        assert prompt.tokens + 50 <= size


def test_tool_results_since_the_question_always_go_in():
    call = ToolCall(id="c", name="search", arguments={})
    live = (
        Message(origin=USER, role=Role.USER, content="Where?"),
        Message(origin=USER, role=Role.ASSISTANT, content="", tool_calls=(call,)),
        Message(origin=USER, role=Role.TOOL, content="found it", tool_call_id="c"),
    )
    prompt = compose(
        CompletionRequest(messages=(*turns(20), *live), question="Where?", max_tokens=10), context_tokens=200
    )
    assert prompt.messages[-3:] == live


def test_a_question_that_does_not_fit_is_refused_with_the_numbers():
    with pytest.raises(ModelRefusal, match=r"about \d+ tokens.*more than the model's 200") as caught:
        compose(request("word " * 1000), context_tokens=200)
    assert caught.value.kind is FailureKind.CONTEXT_EXCEEDED


def test_without_messages_the_question_is_the_prompt():
    prompt = compose(CompletionRequest(messages=(), question="Where?"), context_tokens=2000)
    assert prompt.messages == (Message(role=Role.USER, content="Where?", origin=OUTSIDE),)


@pytest.mark.parametrize(
    ("sample", "tokens"),
    [
        # counted with OpenAI's cl100k_base
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("Der Ersatzschlüssel hängt hinter der blauen Tür in Marstal.", 17),
        ("你好世界，今天天气很好。", 14),
    ],
)
def test_an_estimate_is_rather_too_high_than_too_low(sample, tokens):
    assert tokens * 0.8 <= estimate_tokens(sample) <= tokens * 2


def test_long_answers_of_tools_are_cut_before_the_question_is_refused():
    call = ToolCall(id="c", name="read", arguments={})
    messages = (
        Message(origin=USER, role=Role.USER, content="Where is the key?"),
        Message(origin=USER, role=Role.ASSISTANT, content="", tool_calls=(call, call)),
        Message(origin=USER, role=Role.TOOL, content="long " * 4000, tool_call_id="c"),
        Message(origin=USER, role=Role.TOOL, content="short", tool_call_id="c"),
    )
    request = CompletionRequest(messages=messages, question="Where is the key?")
    prompt = compose(request, context_tokens=2000)
    asked, _, long, short = prompt.messages
    assert asked.content == "Where is the key?"
    assert long.content.startswith("long long")
    assert long.content.endswith("[the rest was cut to fit the model]")
    assert short.content == "short"
    assert 1000 < prompt.tokens <= 1500


def test_the_question_stays_though_a_later_message_is_a_users_too():
    messages = (
        Message(origin=USER, role=Role.USER, content="An older question " * 100),
        Message(origin=USER, role=Role.ASSISTANT, content="An older answer " * 100),
        Message(origin=USER, role=Role.USER, content="Where is the key?\n\nAttached file"),
        Message(origin=USER, role=Role.ASSISTANT, content="Let me see."),
        Message(origin=USER, role=Role.USER, content="You have no more steps"),
    )
    request = CompletionRequest(messages=messages, question="Where is the key?")
    assert [message.content for message in compose(request, context_tokens=256).messages] == [
        message.content for message in messages[2:]
    ]
