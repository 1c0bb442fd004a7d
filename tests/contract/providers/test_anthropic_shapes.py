"""Replies of servers that speak Anthropic's wire in their own way: the answer is right, or the error keeps its message."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lotus_tasks.providers.adapters.anthropic import AnthropicChatModel
from lotus_tasks.providers.models import ModelUnavailable, ProviderKind, ProviderRow
from lotus_tasks.providers.service.assembly import Reply
from tests.contract.providers.conftest import ask

USAGE = {"input_tokens": 3, "output_tokens": 1}
MESSAGE = {"id": "x", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": USAGE}
START = {"type": "message_start", "message": MESSAGE}
TEXT = {"type": "text", "text": ""}
STOP = {"type": "message_stop"}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded now"}}


def begin(index: int, block: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index: int, delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def say(text: Any) -> dict[str, Any]:
    return piece(0, {"type": "text_delta", "text": text})


def end(reason: str | None = "end_turn", usage: Any = USAGE) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


def tool(index: int, name: str, **given: Any) -> dict[str, Any]:
    return begin(index, {"type": "tool_use", "id": name, "name": name, "input": given})


def arguments(index: int, part: str) -> dict[str, Any]:
    return piece(index, {"type": "input_json_delta", "partial_json": part})


def sse(*events: dict[str, Any], line_end: str = "\n") -> bytes:
    lines = [[f"event: {one['type']}", f"data: {json.dumps(one)}", "", ""] for one in events]
    return line_end.join(line for event in lines for line in event[:-1]).encode() + line_end.encode()


class Server(http.server.ThreadingHTTPServer):
    """Answers everything with ``body``."""

    body = b""
    content_type = "text/event-stream"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", self.server.content_type)
        self.send_header("content-length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield one
    one.shutdown()
    one.server_close()
    thread.join(5)


class Patience:
    def check(self) -> None:
        pass


def read(server: Server, body: bytes, content_type: str = "text/event-stream"):
    server.body, server.content_type = body, content_type
    row = ProviderRow(
        name="anthropic",
        kind=ProviderKind.ANTHROPIC,
        base_url=f"http://127.0.0.1:{server.server_port}",
        api_key="sk-test-0123456789",
    )
    model = AnthropicChatModel(row)
    reply = Reply("anthropic")
    try:
        for delta in model.stream(ask("Where?"), model="m", watch=Patience()):
            reply.add(delta)
    finally:
        model.close()
    return reply.text, [(call.name, dict(call.arguments)) for call in reply.finish()]


STREAMS = {
    "plain": sse(START, begin(0, TEXT), say("Hi."), end(), STOP),
    "crlf": sse(START, begin(0, TEXT), say("Hi."), end(), STOP, line_end="\r\n"),
    "comment and ping": b": hello\n\n" + sse(START, {"type": "ping"}, begin(0, TEXT), say("Hi."), end()),
    "text where the block begins": sse(START, begin(0, {"type": "text", "text": "H"}), say("i."), end()),
    "no usage": sse({"type": "message_start", "message": {"id": "x"}}, begin(0, TEXT), say("Hi."), end(usage=None)),
    "usage of another shape": sse(START, begin(0, TEXT), say("Hi."), end(usage={"output_tokens": "many"})),
    "null text": sse(START, begin(0, TEXT), say(None), say("Hi."), end()),
    "null delta": sse(START, begin(0, TEXT), piece(0, None), say("Hi."), end()),
    "done without a reason": sse(START, begin(0, TEXT), say("Hi."), end(None), STOP),
    "a block nobody knows": sse(START, begin(1, {"type": "hologram"}), begin(0, TEXT), say("Hi."), end()),
}


@pytest.mark.parametrize("body", STREAMS.values(), ids=STREAMS)
def test_an_answer_of_any_shape_is_read(server, body):
    assert read(server, body) == ("Hi.", [])


CALLS = {
    "one after the other": sse(
        START, tool(0, "f"), arguments(0, '{"x": 1}'), tool(1, "g"), arguments(1, '{"y": 2}'), end("tool_use")
    ),
    "at the same time": sse(
        START, tool(0, "f"), tool(1, "g"), arguments(0, '{"x": 1}'), arguments(1, '{"y": 2}'), end("tool_use")
    ),
    "whole where they begin": sse(START, tool(0, "f", x=1), tool(1, "g", y=2), end("tool_use")),
}


@pytest.mark.parametrize("body", CALLS.values(), ids=CALLS)
def test_the_arguments_of_a_call_are_its_own(server, body):
    assert read(server, body) == ("", [("f", {"x": 1}), ("g", {"y": 2})])


def test_a_message_where_a_stream_was_asked_for_is_read(server):
    blocks = [{"type": "text", "text": "Hi."}, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}]
    body = json.dumps({**MESSAGE, "content": blocks, "stop_reason": "tool_use"}).encode()
    assert read(server, body, "application/json") == ("Hi.", [("f", {"x": 1})])


@pytest.mark.parametrize("streamed", [True, False], ids=["in the stream", "in the body"])
def test_an_error_in_a_good_status_keeps_its_message(server, streamed):
    body = sse(START, begin(0, TEXT), say("H"), OVERLOADED) if streamed else json.dumps(OVERLOADED).encode()
    with pytest.raises(ModelUnavailable, match="Overloaded now"):
        read(server, body, "text/event-stream" if streamed else "application/json")


def test_a_stream_that_is_cut_is_no_answer(server):
    with pytest.raises(ModelUnavailable, match="ended before the model was done"):
        read(server, sse(START, begin(0, TEXT), say("Hi.")))
