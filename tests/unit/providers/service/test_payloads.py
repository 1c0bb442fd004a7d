from __future__ import annotations

import json

import pytest

from lotus_tasks.errors import InvalidInput
from lotus_tasks.origins import MODEL
from lotus_tasks.providers.models import Among, Completion, Role, StopReason, ToolCall, Usage
from lotus_tasks.providers.service.payloads import cited_numbers, read_request, read_then, write_result
from tests.unit.providers.service.doubles import memory

PAYLOAD = {
    "run_id": "r",
    "question": "Where?",
    "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Where?"}],
    "memories": [
        {"memory_id": "a", "text": "x", "source": "s", "score": 0.5},
        {"memory_id": "b", "text": "y", "source": "", "score": None},
    ],
    "provider": None,
    "model": "m",
    "stream": True,
}


def test_a_payload_becomes_a_request():
    request = read_request(PAYLOAD)
    assert (request.question, request.provider, request.model) == ("Where?", None, "m")
    assert [message.role for message in request.messages] == [Role.SYSTEM, Role.USER]
    assert [(one.number, one.memory_id, one.source) for one in request.memories] == [(1, "a", "s"), (2, "b", "memory")]


def test_the_question_may_stand_in_the_messages_only():
    assert read_request({"messages": [{"role": "user", "content": "Why?"}]}).question == "Why?"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"question": "  "},
        {"question": "q", "messages": [{"role": "boss", "content": ""}]},
        {"question": "q", "memories": [{"text": "x"}]},
        {"question": "q", "max_tokens": "many"},
    ],
)
def test_a_payload_that_cannot_be_read_is_refused_with_a_reason(payload):
    with pytest.raises(InvalidInput, match=r"^providers\.complete: "):
        read_request(payload)


def test_the_result_is_json_and_names_the_cited_memories():
    completion = Completion(
        origin=MODEL,
        text="Here [2], there [1, 3].",
        provider="p",
        model="m",
        usage=Usage(input_tokens=1, output_tokens=2),
        stop_reason=StopReason.TOOL_CALLS,
        tool_calls=(ToolCall(id="c", name="search", arguments={"q": "x"}),),
        degraded=("a: 503",),
        first_token_ms=1.23456,
        total_ms=9.87654,
        offered=(memory(1, "a"), memory(2, "b"), memory(4, "d")),
    )
    result = json.loads(json.dumps(write_result(completion)))
    assert result["cited"] == ["m1", "m2"]
    assert result["usage"] == {"input_tokens": 1, "output_tokens": 2, "estimated": False}
    assert result["tool_calls"] == [{"id": "c", "name": "search", "arguments": {"q": "x"}, "signature": ""}]
    assert result["timings_ms"] == {"first_token": 1.2, "total": 9.9}


@pytest.mark.parametrize(
    ("text", "numbers"), [("a [1] b [12]", {1, 12}), ("[1, 2]", {1, 2}), ("x[i] = 3", set()), ("", set())]
)
def test_citations_are_numbers_in_brackets(text, numbers):
    assert cited_numbers(text) == numbers


def test_who_may_answer_is_anyone_unless_the_payload_says_otherwise():
    assert read_request(PAYLOAD).among is Among.ALL
    assert read_request({**PAYLOAD, "among": "local"}).among is Among.LOCAL
    with pytest.raises(InvalidInput):
        read_request({**PAYLOAD, "among": "friends"})


def test_a_completion_may_be_told_to_a_task_that_there_is():
    served = ["memory.take_answers", "providers.complete"]
    assert read_then({}, served) is None
    assert read_then({"then": "memory.take_answers"}, served) == "memory.take_answers"
    for wrong in ("memory.nonsense", "providers.complete", "", 7, ["memory.take_answers"]):
        with pytest.raises(InvalidInput, match="`then` names"):
            read_then({"then": wrong}, served)
