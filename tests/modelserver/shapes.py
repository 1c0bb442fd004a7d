"""Replies as servers really send them, byte by byte: what the model server plays instead of a well-formed reply.

A shape has one body for a stream and one for a whole reply, on each of two wires: OpenAI's and Ollama's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

ANSWER = "The key is blue 😀."
THOUGHT = "Let me see."
HIGH, LOW = "\ud83d", "\ude00"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """``stream`` and ``whole``: bodies by wire; ``fails``: no right answer can be had, the next provider gives it.

    ``said``: what must stand in the answer's ``degraded`` then. ``calls``: the arguments of the tool calls it makes.
    """

    name: str
    stream: dict[str, bytes]
    whole: dict[str, bytes]
    fails: bool = False
    said: str = ""
    thoughts: str | None = None
    calls: tuple[dict[str, Any], ...] = ()

    def __str__(self) -> str:
        return self.name


def sse(*chunks: Any, done: bool = True) -> bytes:
    lines = [f"{chunk}\n\n" if isinstance(chunk, str) else f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def ndjson(*parts: Any) -> bytes:
    return "".join(f"{part if isinstance(part, str) else json.dumps(part)}\n" for part in parts).encode()


def delta(content: Any = None, *, finish: Any = None, **fields: Any) -> dict[str, Any]:
    said = ({} if content is None else {"content": content}) | fields
    return {"id": "c", "choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def message(content: Any = None, *, finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content} | fields
    return {"id": "c", "object": "chat.completion", "choices": [{"index": 0, "message": said, "finish_reason": finish}]}


def part(content: Any = "", *, done: bool = False, **fields: Any) -> dict[str, Any]:
    said = {"model": "m", "message": {"role": "assistant", "content": content} | fields, "done": done}
    return said | ({"done_reason": "stop", "prompt_eval_count": 3, "eval_count": 4} if done else {})


def spoken(name: str, *contents: Any, **details: Any) -> Shape:
    """A shape of the content alone; the whole reply holds all of it at once."""
    texts = [one for one in contents if isinstance(one, str)]
    full = "".join(texts) if len(texts) == len(contents) else contents[0]
    return Shape(
        name=name,
        stream={
            "openai": sse(*(delta(one) for one in contents), delta(finish="stop")),
            "ollama": ndjson(*(part(one) for one in contents), part(done=True)),
        },
        whole={"openai": json.dumps(message(full)).encode(), "ollama": ndjson(part(full, done=True))},
        **details,
    )


def pieces(text: str) -> Iterable[str]:
    return tuple(text)


def bodies(name: str, openai: tuple[bytes, bytes], ollama: tuple[bytes, bytes], **details: Any) -> Shape:
    """A shape from its bodies: streamed and whole on the one wire, streamed and whole on the other."""
    return Shape(
        name=name,
        stream={"openai": openai[0], "ollama": ollama[0]},
        whole={"openai": openai[1], "ollama": ollama[1]},
        **details,
    )


def error(name: str, value: Any, said: str) -> Shape:
    """An error object where the status says that all is well: in the stream's middle, and as the whole body."""
    return bodies(
        name,
        (sse(delta("Half of"), {"error": value}), json.dumps({"error": value}).encode()),
        (ndjson(part("Half of"), {"error": value}), ndjson({"error": value})),
        fails=True,
        said=said,
    )


def odd_field(
    name: str, change: Callable[[dict[str, Any]], Any], change_part: Callable[[dict[str, Any]], Any]
) -> Shape:
    """A reply in which one field has a shape that nobody can read."""

    def changed(document: dict[str, Any], by: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        by(document)
        return document

    return bodies(
        name,
        (sse(changed(delta(ANSWER), change)), json.dumps(changed(message(ANSWER), change)).encode()),
        (ndjson(changed(part(ANSWER), change_part)), ndjson(changed(part(ANSWER, done=True), change_part))),
        fails=True,
        said="unreadable reply",
    )


def said_of(document: dict[str, Any]) -> dict[str, Any]:
    if "message" in document:
        return document["message"]
    choice = document["choices"][0]
    return choice["delta"] if "delta" in choice else choice["message"]


def call(arguments: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return fields | {"type": "function", "function": {"name": "search", "arguments": json.dumps(arguments)}}


def ollama_call(arguments: Any, **fields: Any) -> dict[str, Any]:
    return {"function": {"name": "search", "arguments": arguments} | fields}


ONE, TWO = {"query": "1+1"}, {"query": "2+2"}
TWO_CALLS = ONE, TWO


def calling(name: str, streamed: list[dict[str, Any]], whole: list[dict[str, Any]], ollama: list[Any]) -> Shape:
    """Two calls, one chunk for each of ``streamed``."""
    return bodies(
        name,
        (
            sse(*(delta(tool_calls=[one]) for one in streamed), delta(finish="tool_calls")),
            json.dumps(message(tool_calls=whole, finish="tool_calls")).encode(),
        ),
        (
            ndjson(*(part(tool_calls=[one]) for one in ollama), part(done=True)),
            ndjson(part(tool_calls=ollama, done=True)),
        ),
        calls=TWO_CALLS,
    )


def named(index: Any, call_id: str | None, name: str, arguments: str) -> dict[str, Any]:
    """One piece of a call as it is streamed."""
    return {"index": index, "id": call_id, "function": {"name": name or None, "arguments": arguments}}


HALVES = [f"The key is blue {HIGH}", f"{LOW}."]
USAGE = {"prompt_tokens": 3, "completion_tokens": 4}

_SHAPES: tuple[Shape, ...] = (
    spoken("plain", "The key", " is blue", " 😀."),
    spoken("think-letter-by-letter", *pieces(f"<think>{THOUGHT}</think>\n\n{ANSWER}"), thoughts=THOUGHT),
    spoken("think-in-one-piece", f"<think>{THOUGHT}</think>{ANSWER}", thoughts=THOUGHT),
    spoken("think-without-its-opening", THOUGHT, "</thi", "nk>\n", ANSWER, thoughts=THOUGHT),
    spoken("thinking-tag", "<think", f"ing>{THOUGHT}</", f"thinking>{ANSWER}", thoughts=THOUGHT),
    spoken("kimi-tag", f"◁think▷{THOUGHT}◁/thi", f"nk▷{ANSWER}", thoughts=THOUGHT),
    spoken(
        "channels",
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assis",
        f"tant<|channel|>final<|message|>{ANSWER}",
        thoughts=THOUGHT,
    ),
    bodies(
        "thinking-in-a-field-of-its-own",
        (
            sse(delta(reasoning_content=THOUGHT), delta(ANSWER, finish="stop")),
            json.dumps(message(ANSWER, reasoning_content=THOUGHT)).encode(),
        ),
        (ndjson(part(thinking=THOUGHT), part(ANSWER, done=True)), ndjson(part(ANSWER, thinking=THOUGHT, done=True))),
        thoughts=THOUGHT,
    ),
    bodies(
        "thinking-in-reasoning",
        (
            sse(delta(reasoning=THOUGHT, reasoning_content=None), delta(ANSWER, finish="stop")),
            json.dumps(message(ANSWER, reasoning=THOUGHT)).encode(),
        ),
        (ndjson(part(thinking=THOUGHT), part(ANSWER, done=True)), ndjson(part(ANSWER, thinking=THOUGHT, done=True))),
        thoughts=THOUGHT,
    ),
    spoken("thinking-only", f"<think>{THOUGHT}</think>", fails=True, said="thoughts without an answer"),
    spoken("content-as-parts", [{"type": "text", "text": ANSWER}]),
    spoken("content-as-texts", [ANSWER]),
    spoken("content-as-one-part", {"type": "text", "text": ANSWER}),
    spoken(
        "content-with-a-thinking-part",
        [{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}, {"type": "text", "text": ANSWER}],
        thoughts=THOUGHT,
    ),
    spoken(
        "content-with-a-part-of-another-kind", [{"type": "audio", "data": "x"}], fails=True, said="unreadable reply"
    ),
    spoken("content-as-a-number", 42, fails=True, said="unreadable reply"),
    odd_field(
        "thinking-as-a-number",
        lambda one: said_of(one).update(reasoning_content=7),
        lambda one: said_of(one).update(thinking=7),
    ),
    odd_field(
        "tool-calls-as-a-text",
        lambda one: said_of(one).update(tool_calls="x"),
        lambda one: said_of(one).update(tool_calls="x"),
    ),
    odd_field(
        "a-tool-call-as-a-text",
        lambda one: said_of(one).update(tool_calls=["x"]),
        lambda one: said_of(one).update(tool_calls=["x"]),
    ),
    odd_field(
        "a-function-as-a-list",
        lambda one: said_of(one).update(tool_calls=[{"function": []}]),
        lambda one: said_of(one).update(tool_calls=[{"function": [1]}]),
    ),
    odd_field(
        "a-stop-reason-as-an-object",
        lambda one: one["choices"][0].update(finish_reason={"why": "stop"}),
        lambda one: one.update(done=True, done_reason={"why": "stop"}),
    ),
    odd_field("a-message-as-a-text", lambda one: one.update(choices="x"), lambda one: one.update(message="x")),
    bodies(
        "usage-as-a-text",
        (
            sse(delta(ANSWER, finish="stop") | {"usage": "many"}),
            json.dumps(message(ANSWER) | {"usage": "many"}).encode(),
        ),
        (
            ndjson(part(ANSWER, done=True) | {"eval_count": "many"}),
            ndjson(part(ANSWER, done=True) | {"eval_count": []}),
        ),
    ),
    bodies(
        "a-document-that-is-a-list",
        (sse([1, 2]), b"[1, 2]"),
        (ndjson([1, 2]), ndjson([1, 2])),
        fails=True,
        said="unreadable reply",
    ),
    error("error-object", {"message": "the runner ran out of memory", "type": "server_error"}, "failed"),
    error("error-text", "the runner ran out of memory", "failed"),
    error("error-with-a-code", {"message": "the runner ran out of memory", "code": 503}, ""),
    error("error-in-an-error", {"error": {"message": "the runner ran out of memory"}}, "failed"),
    bodies(
        "data-null-and-choices-null",
        (
            sse(None, delta("The key"), {"id": "c", "choices": None}, delta(" is blue 😀.", finish="stop")),
            json.dumps(message(ANSWER) | {"error": None, "usage": None}).encode(),
        ),
        (
            ndjson(None, part("The key"), "", part(None), part(" is blue 😀.", done=True)),
            ndjson(part(ANSWER, done=True) | {"error": None}),
        ),
    ),
    bodies(
        "delta-null-and-fields-null",
        (
            sse(
                {"id": "c", "choices": [{"index": 0, "delta": None}]},
                delta(ANSWER, tool_calls=None, reasoning_content=None),
                {"id": "c", "choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]},
            ),
            json.dumps(message(ANSWER, tool_calls=None, refusal=None, reasoning_content=None)).encode(),
        ),
        (
            ndjson(part(ANSWER, tool_calls=None, thinking=None), {"model": "m", "message": None, "done": True}),
            ndjson(part(ANSWER, tool_calls=None, done=True) | {"prompt_eval_count": None, "done_reason": None}),
        ),
    ),
    bodies(
        "comments-and-pings",
        (
            sse(": keep-alive", delta("The key"), "event: ping\ndata:", ": ping", delta(" is blue 😀.", finish="stop")),
            json.dumps(message(ANSWER), indent=2).encode(),
        ),
        (
            ndjson("", part("The key"), "", part(" is blue 😀.", done=True)),
            json.dumps(part(ANSWER, done=True), indent=2).encode(),
        ),
    ),
    bodies(
        "without-the-last-event",
        (sse(delta(ANSWER), delta(finish="stop"), done=False), json.dumps(message(ANSWER)).encode()),
        (ndjson(part(ANSWER, done=True)).rstrip(), ndjson(part(ANSWER, done=True)).rstrip()),
    ),
    bodies(
        "done-without-a-reason",
        (sse(delta(ANSWER)), json.dumps(message(ANSWER, finish=None)).encode()),
        (
            ndjson(part(ANSWER), {"model": "m", "done": True}),
            ndjson(part(ANSWER) | {"done": True}),
        ),
    ),
    bodies(
        "usage-in-an-extra-chunk",
        (
            sse(delta(ANSWER), delta(finish="stop"), {"id": "c", "choices": [], "usage": USAGE}),
            json.dumps(message(ANSWER) | {"usage": USAGE}).encode(),
        ),
        (ndjson(part(ANSWER), part(done=True)), ndjson(part(ANSWER, done=True))),
    ),
    bodies(
        "events-without-empty-lines",
        (
            b"".join(sse(one, done=False).replace(b"\n\n", b"\n") for one in (delta("The key"), delta(" is blue 😀.")))
            + sse(delta(finish="stop")),
            json.dumps(message(ANSWER)).encode(),
        ),
        (ndjson(part("The key"), part(" is blue 😀.", done=True)), ndjson(part(ANSWER, done=True))),
    ),
    bodies(
        "lines-that-end-with-cr-lf",
        (
            sse(delta(ANSWER), delta(finish="stop")).replace(b"\n", b"\r\n"),
            json.dumps(message(ANSWER), indent=1).replace("\n", "\r\n").encode(),
        ),
        (
            ndjson(part(ANSWER, done=True)).replace(b"\n", b"\r\n"),
            ndjson(part(ANSWER, done=True)).replace(b"\n", b"\r\n"),
        ),
    ),
    spoken("halves-of-a-character", *HALVES),
    calling(
        "calls-with-one-index",
        [call(ONE, index=0, id="a"), call(TWO, index=0, id="b")],
        [call(ONE, id="a"), call(TWO, id="b")],
        [ollama_call(ONE, index=0), ollama_call(TWO, index=0)],
    ),
    calling(
        "calls-with-one-index-in-pieces",
        [
            named(0, "a", "search", '{"query": '),
            named(0, None, "", '"1+1"}'),
            named(0, "b", "search", ""),
            named(0, "b", "", '{"query": "2+2"}'),
        ],
        [call(ONE, id="a", index=0), call(TWO, id="b", index=0)],
        [ollama_call(ONE), ollama_call(TWO)],
    ),
    calling(
        "calls-with-one-index-and-no-ids",
        [call(ONE, index=0), call(TWO, index=0)],
        [call(ONE), call(TWO)],
        [ollama_call(ONE), ollama_call(TWO)],
    ),
    calling(
        "calls-interleaved",
        [
            named(0, "a", "search", '{"query": '),
            named(1, "b", "search", '{"query": '),
            named(1, None, "", '"2+2"}'),
            named(0, None, "", '"1+1"}'),
        ],
        [call(ONE, id="a"), call(TWO, id="b")],
        [ollama_call(ONE), ollama_call(TWO)],
    ),
    calling(
        "calls-with-an-id-for-every-piece",
        [
            named(0, "a1", "search", '{"query": '),
            named(0, "a2", "", '"1+1"}'),
            named(1, "b1", "search", '{"query": "2+2"}'),
        ],
        [call(ONE, id="a"), call(TWO, id="a")],
        [ollama_call(ONE, id="a"), ollama_call(TWO, id="a")],
    ),
    calling(
        "calls-with-arguments-of-another-shape",
        [
            {"index": 0, "id": "a", "function": {"name": "search", "arguments": ONE}},
            {"index": 1, "id": 7, "function": {"name": "search", "arguments": json.dumps(TWO)}},
        ],
        [{"id": "a", "function": {"name": "search", "arguments": ONE}}, call(TWO, id="b")],
        [ollama_call(json.dumps(ONE)), ollama_call(TWO)],
    ),
)
SHAPES = {shape.name: shape for shape in _SHAPES}
"""Every shape by its name."""
