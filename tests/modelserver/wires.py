"""The vendors' wire formats: how each one reads a prompt, streams a reply and words an error."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from tests.modelserver.script import Reply, Script, text_of

_ids = itertools.count(1)


def pieces_of(text: str, size: int = 7) -> Iterator[str]:
    """``text`` in short pieces, as models stream the arguments of a tool call."""
    for start in range(0, len(text), size):
        yield text[start : start + size]


def arguments_of(call: Mapping[str, Any]) -> str:
    """A scripted call's arguments as JSON text; a string is sent as it is, however broken."""
    arguments = call.get("arguments", {})
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


class Wire:
    """One vendor. ``stream`` yields (event bytes, whether it is a token)."""

    name: ClassVar[str]
    content_type: ClassVar[str] = "text/event-stream"

    def key(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")

    def model(self, path: str, body: Mapping[str, Any]) -> str:
        return str(body.get("model", ""))

    def prompt(self, body: Mapping[str, Any]) -> tuple[str, str]:
        """All text of the prompt, and the text of its last message."""
        texts = [text_of(message.get("content")) for message in body.get("messages", ())]
        return "\n".join(texts), texts[-1] if texts else ""

    def wants_stream(self, path: str, body: Mapping[str, Any]) -> bool:
        return bool(body.get("stream"))

    def stream(self, body: Mapping[str, Any], model: str, reply: Reply, script: Script) -> Iterator[tuple[bytes, bool]]:
        raise NotImplementedError

    def whole(self, body: Mapping[str, Any], model: str, reply: Reply, script: Script) -> Any:
        raise NotImplementedError

    def error(self, status: int, message: str, kind: str = "") -> Any:
        raise NotImplementedError

    def error_event(self, message: str) -> bytes:
        raise NotImplementedError

    def garbage(self) -> bytes:
        return b'data: {"choices": [{"del\xff\xfe<html>\n\n'

    def wrong_key(self) -> tuple[int, Any]:
        return 401, self.error(401, "Incorrect API key provided", "invalid_api_key")

    def unknown_model(self, model: str) -> tuple[int, Any]:
        return 404, self.error(
            404, f"The model `{model}` does not exist or you do not have access to it.", "model_not_found"
        )

    def too_long(self, tokens: int, limit: int) -> tuple[int, Any]:
        message = f"This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} tokens."
        return 400, self.error(400, message, "context_length_exceeded")


def sse(data: Any, event: str = "") -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {event}\n" if event else "").encode() + f"data: {text}\n\n".encode()


class OpenAIWire(Wire):
    """Chat completions: https://platform.openai.com/docs/api-reference/chat-streaming."""

    name = "openai"
    _types: ClassVar = {401: "invalid_request_error", 429: "requests", 500: "server_error", 503: "server_error"}

    def stream(self, body, model, reply, script):
        head = {
            "id": f"chatcmpl-{next(_ids)}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": None,
        }
        with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        extra = {"usage": None} if with_usage else {}

        def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return sse({**head, "choices": [choice], **extra})

        yield chunk({"role": "assistant", "content": "", "refusal": None}), False
        for token in reply.thinking:
            yield chunk({"reasoning_content": token}), True
        for token in reply.tokens:
            yield chunk({"content": token}), True
        for index, call in enumerate(reply.tool_calls):
            function = {"name": call["name"], "arguments": ""}
            first = {"index": index, "id": call.get("id", f"call_{index}"), "type": "function", "function": function}
            yield chunk({"tool_calls": [first]}), True
            for piece in pieces_of(arguments_of(call)):
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}), True
        yield chunk({}, reply.stop_reason), False
        if with_usage and script.count_usage:
            yield sse({**head, "choices": [], "usage": _openai_usage(reply)}), False
        yield sse("[DONE]"), False

    def whole(self, body, model, reply, script):
        message: dict[str, Any] = {"role": "assistant", "content": "".join(reply.tokens) or None, "refusal": None}
        if reply.tool_calls:
            message["tool_calls"] = [
                {
                    "id": call.get("id", f"call_{index}"),
                    "type": "function",
                    "function": {"name": call["name"], "arguments": arguments_of(call)},
                }
                for index, call in enumerate(reply.tool_calls)
            ]
        return {
            "id": f"chatcmpl-{next(_ids)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reply.stop_reason}],
            "usage": _openai_usage(reply),
        }

    def error(self, status, message, kind=""):
        kind_of = self._types.get(status, "invalid_request_error")
        return {"error": {"message": message, "type": kind_of, "param": None, "code": kind or None}}

    def error_event(self, message):
        return sse({"error": {"message": message, "type": "server_error", "param": None, "code": None}})


def _openai_usage(reply: Reply) -> dict[str, int]:
    total = reply.input_tokens + reply.output_tokens
    return {"prompt_tokens": reply.input_tokens, "completion_tokens": reply.output_tokens, "total_tokens": total}


class OllamaWire(Wire):
    """/api/chat: https://github.com/ollama/ollama/blob/main/docs/api.md."""

    name = "ollama"
    content_type = "application/x-ndjson"

    def wants_stream(self, path, body):
        return bool(body.get("stream", True))

    def _line(self, model: str, message: dict[str, Any], **rest: Any) -> dict[str, Any]:
        created = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return {
            "model": model,
            "created_at": created,
            "message": {"role": "assistant", **message},
            "done": False,
            **rest,
        }

    def _final(self, model: str, reply: Reply, message: dict[str, Any]) -> dict[str, Any]:
        return self._line(
            model,
            message,
            done=True,
            done_reason="length" if reply.stop_reason == "length" else "stop",
            total_duration=1_000_000,
            load_duration=1000,
            prompt_eval_count=reply.input_tokens,
            prompt_eval_duration=1000,
            eval_count=reply.output_tokens,
            eval_duration=1000,
        )

    def _calls(self, reply: Reply) -> list[dict[str, Any]]:
        return [
            {"function": {"name": call["name"], "arguments": call.get("arguments", {})}} for call in reply.tool_calls
        ]

    def stream(self, body, model, reply, script):
        for token in reply.thinking:
            yield _line(self._line(model, {"content": "", "thinking": token})), True
        for token in reply.tokens:
            yield _line(self._line(model, {"content": token})), True
        # Ollama sends each call whole, in a chunk of its own.
        for call in self._calls(reply):
            yield _line(self._line(model, {"content": "", "tool_calls": [call]})), True
        yield _line(self._final(model, reply, {"content": ""})), False

    def whole(self, body, model, reply, script):
        message: dict[str, Any] = {"content": "".join(reply.tokens)}
        if reply.tool_calls:
            message["tool_calls"] = self._calls(reply)
        return self._final(model, reply, message)

    def error(self, status, message, kind=""):
        return {"error": message}

    def error_event(self, message):
        return _line({"error": message})

    def garbage(self):
        return b'{"model": "llama3.2", "mess\xff\xfe<html>\n'

    def unknown_model(self, model):
        return 404, {"error": f"model '{model}' not found"}

    def tags(self, script: Script) -> dict[str, Any]:
        """/api/tags."""
        return {"models": [self._tag(name) for name in script.models]}

    def _tag(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "model": name,
            "modified_at": "2026-01-02T03:04:05.678901+00:00",
            "size": 2_019_393_189,
            "digest": hashlib.sha256(name.encode()).hexdigest(),
            "details": {
                "parent_model": "",
                "format": "gguf",
                "family": "llama",
                "families": ["llama"],
                "parameter_size": "3.2B",
                "quantization_level": "Q4_K_M",
            },
        }

    def show(self, name: str, script: Script) -> dict[str, Any]:
        """/api/show."""
        return {
            "modelfile": f"FROM {name}",
            "parameters": "",
            "template": "{{ .Prompt }}",
            "details": self._tag(name)["details"],
            "model_info": {"general.architecture": "llama", "llama.context_length": script.context_tokens},
            "capabilities": ["completion", "tools"],
            "modified_at": "2026-01-02T03:04:05.678901+00:00",
        }

    def pull(self, name: str) -> Iterator[bytes]:
        """/api/pull: a layer in four steps."""
        digest = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
        yield _line({"status": "pulling manifest"})
        for done in (0, 25, 50, 100):
            yield _line({"status": f"pulling {digest[7:19]}", "digest": digest, "total": 1000, "completed": done * 10})
        yield _line({"status": "verifying sha256 digest"})
        yield _line({"status": "success"})


def _line(data: Any) -> bytes:
    return json.dumps(data).encode() + b"\n"


def embed(text: str, dimensions: int = 384) -> list[float]:
    """A unit vector that depends on nothing but the text."""
    seed = hashlib.sha256(text.encode()).digest()
    raw = b"".join(hashlib.sha256(seed + bytes([n])).digest() for n in range(dimensions // 32 + 1))[:dimensions]
    values = [byte / 127.5 - 1 for byte in raw]
    length = sum(value * value for value in values) ** 0.5 or 1.0
    return [value / length for value in values]


def decode_base64(text: str) -> bytes:
    """What an image in a request holds. Raises ValueError when it is no base64."""
    return base64.b64decode(text, validate=True)
