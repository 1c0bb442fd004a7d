"""Streams of chat completions as imitators of OpenAI write them: what can be understood is, and an error keeps its words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lotus_tasks.providers.adapters.openai import OpenAIChatModel
from lotus_tasks.providers.models import (
    FailureKind,
    ModelRefusal,
    ModelUnavailable,
    ProviderKind,
    ProviderRow,
    TextDelta,
    UsageDelta,
)


def sse(*documents: Any) -> str:
    return "".join(f"data: {json.dumps(one)}\n\n" for one in documents) + "data: [DONE]\n\n"


def chunk(text: str, **details: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop", **details}]}


BLUE = sse(chunk("Blue."))
UNDERSTOOD = {
    "byte-order-mark": "\ufeff" + BLUE,
    "ping": f"event: ping\ndata: {{}}\n\n{BLUE}",
    "ping-with-a-time": f'event: ping\ndata: {{"time": 1}}\n\n{BLUE}',
    "ping-by-type": sse({"type": "ping"}, chunk("Blue.")),
    "empty-object": sse({}, chunk("Blue.")),
    "index-as-text": sse(chunk("Blue.", index="0")),
    "no-index": sse(chunk("Blue.", index=None)),
    "endless-count": BLUE.replace('{"choices"', '{"usage": {"prompt_tokens": 1e999}, "choices"', 1),
    "count-beyond-any": BLUE.replace('{"choices"', '{"usage": {"prompt_tokens": 99999999999999}, "choices"', 1),
    "no-number": BLUE.replace('{"choices"', '{"usage": {"prompt_tokens": NaN}, "choices"', 1),
}
ERRORS = {
    "words": ({"message": "the disk is full"}, FailureKind.SERVER_FAULT, "failed: the disk is full"),
    "status": ({"message": "slow down", "code": 429}, FailureKind.RATE_LIMITED, "429 too many requests"),
    "status-as-text": ({"message": "slow down", "code": "429"}, FailureKind.RATE_LIMITED, "429 too many requests"),
    "code": ({"message": "x", "code": "rate_limit_exceeded"}, FailureKind.RATE_LIMITED, "429 too many requests"),
    "key": ({"message": "Incorrect API key", "code": "invalid_api_key"}, FailureKind.WRONG_KEY, "wrong key (401)"),
    "model": ({"message": "no", "code": "model_not_found"}, FailureKind.UNKNOWN_MODEL, "unknown model m"),
    "type": ({"message": "no", "type": "authentication_error"}, FailureKind.WRONG_KEY, "wrong key (401)"),
    "a-code-of-its-own": ({"message": "boom", "code": 1234}, FailureKind.SERVER_FAULT, "failed: boom"),
}


@pytest.fixture
def chat_model(model_server):
    row = ProviderRow(name="openai", kind=ProviderKind.OPENAI, base_url=model_server.openai_url, model="m")
    model = OpenAIChatModel(row)
    yield model
    model.close()


@pytest.mark.parametrize("body", UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_what_can_be_understood_is(chat_model, model_server, read, body):
    model_server.script(instead=body, instead_type="text/event-stream")
    found = read(chat_model)
    assert "".join(delta.text for delta in found if isinstance(delta, TextDelta)) == "Blue."
    assert [delta for delta in found if isinstance(delta, UsageDelta)] == []


@pytest.mark.parametrize(("error", "kind", "summary"), ERRORS.values(), ids=ERRORS)
def test_an_error_where_the_status_says_that_all_is_well_keeps_its_words(
    chat_model, model_server, read, error, kind, summary
):
    model_server.script(instead=sse({"error": error}), instead_type="text/event-stream")
    with pytest.raises((ModelUnavailable, ModelRefusal)) as caught:
        read(chat_model)
    assert (caught.value.kind, caught.value.summary) == (kind, summary)
    assert error["message"] in str(caught.value)


def test_a_reply_nested_without_end_is_unreadable_and_no_fault_of_the_program(chat_model, model_server, read):
    model_server.script(instead=f"data: {'[' * 100_000}\n\n", instead_type="text/event-stream")
    with pytest.raises(ModelUnavailable) as caught:
        read(chat_model)
    assert caught.value.kind is FailureKind.GARBAGE
