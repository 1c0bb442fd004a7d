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

    def models(self, script: Script) -> dict[str, Any]:
        """/v1/models."""
        data = [
            {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "lotus", **_told_context(script)}
            for name in script.models
        ]
        return {"object": "list", "data": data}


def tool_tokens(body: Mapping[str, Any]) -> int:
    """What the tools of a request take, about: they are part of the prompt."""
    tools = body.get("tools")
    return len(json.dumps(tools)) // 4 if tools else 0


CONTEXT_ERRORS: dict[str, tuple[int, dict[str, Any]]] = {
    "openai": (
        400,
        {
            "message": "This model's maximum context length is {limit} tokens. However, your messages "
            "resulted in {tokens} tokens.",
            "type": "invalid_request_error",
            "param": None,
            "code": "context_length_exceeded",
        },
    ),
    "llama.cpp": (
        400,
        {
            "code": 400,
            "message": "request ({tokens} tokens) exceeds the available context size ({limit} tokens), try increasing it",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": "{tokens}",
            "n_ctx": "{limit}",
        },
    ),
    "llama.cpp-fields": (
        500,
        {
            "code": 500,
            "message": "the request exceeds the available context size. try increasing the context size",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": "{tokens}",
            "n_ctx": "{limit}",
        },
    ),
    "vllm": (
        400,
        {
            "message": "This model's maximum context length is {limit} tokens. However, you requested {tokens} tokens "
            "({tokens} in the messages, 0 in the completion). Please reduce the length of the messages or completion.",
            "type": "BadRequestError",
            "code": 400,
        },
    ),
    "silent": (400, {"message": "The prompt does not fit the context window", "type": "invalid_request_error"}),
}
"""How OpenAI-compatible servers refuse a prompt of {tokens} tokens where {limit} are held."""


def openai_too_long(words: str, tokens: int, limit: int) -> tuple[int, Any]:
    """The status and the body; a number that stands alone is a number."""

    def filled(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.format(tokens=tokens, limit=limit) if "{" in value else value
        return int(text) if text.isdigit() else text

    status, error = CONTEXT_ERRORS[words]
    return status, {"error": {name: filled(value) for name, value in error.items()}}


def _told_context(script: Script) -> dict[str, Any]:
    """The field in which a server's list tells its models' context, as llama.cpp, vLLM, OpenRouter and others do."""
    if not script.context_told or script.context_told == "props":
        return {}
    outer, _, inner = script.context_told.rpartition(".")
    return {outer: {inner: script.context_tokens}} if outer else {inner: script.context_tokens}


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
            done_reason="stop" if reply.stop_reason in {"tool_calls", "content_filter"} else reply.stop_reason,
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


class AnthropicWire(Wire):
    """The Messages API: https://docs.anthropic.com/en/api/messages-streaming."""

    name = "anthropic"
    _types: ClassVar = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
    _stops: ClassVar = {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "content_filter": "refusal",
    }

    def key(self, headers):
        return headers.get("x-api-key", "")

    def prompt(self, body):
        text, last = super().prompt(body)
        return f"{text_of(body.get('system', ''))}\n{text}", last

    def stream(self, body, model, reply, script):
        message = {
            "id": f"msg_{next(_ids)}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": reply.input_tokens, "output_tokens": 1},
        }
        yield self._event({"type": "message_start", "message": message}), False
        yield self._event({"type": "ping"}), False
        index = 0
        if reply.thinking:
            pieces = [({"type": "thinking_delta", "thinking": token}, True) for token in reply.thinking]
            pieces.append(({"type": "signature_delta", "signature": "c2ln"}, False))
            yield from self._block(index, {"type": "thinking", "thinking": "", "signature": ""}, pieces)
            index += 1
        if reply.tokens:
            pieces = [({"type": "text_delta", "text": token}, True) for token in reply.tokens]
            yield from self._block(index, {"type": "text", "text": ""}, pieces)
            index += 1
        for number, call in enumerate(reply.tool_calls):
            block = {"type": "tool_use", "id": call.get("id", f"toolu_{number}"), "name": call["name"], "input": {}}
            texts = ["", *pieces_of(arguments_of(call))]
            pieces = [({"type": "input_json_delta", "partial_json": text}, bool(text)) for text in texts]
            yield from self._block(index, block, pieces)
            index += 1
        delta = {"stop_reason": self._stops.get(reply.stop_reason, reply.stop_reason), "stop_sequence": None}
        yield (
            self._event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": reply.output_tokens}}),
            False,
        )
        yield self._event({"type": "message_stop"}), False

    def _block(self, index, block, pieces):
        yield self._event({"type": "content_block_start", "index": index, "content_block": block}), False
        for delta, is_token in pieces:
            yield self._event({"type": "content_block_delta", "index": index, "delta": delta}), is_token
        yield self._event({"type": "content_block_stop", "index": index}), False

    def _event(self, data: dict[str, Any]) -> bytes:
        return sse(data, data["type"])

    def whole(self, body, model, reply, script):
        content: list[dict[str, Any]] = [{"type": "text", "text": "".join(reply.tokens)}] if reply.tokens else []
        content += [
            {
                "type": "tool_use",
                "id": call.get("id", f"toolu_{n}"),
                "name": call["name"],
                "input": call.get("arguments", {}),
            }
            for n, call in enumerate(reply.tool_calls)
        ]
        return {
            "id": f"msg_{next(_ids)}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            "stop_reason": self._stops.get(reply.stop_reason, reply.stop_reason),
            "stop_sequence": None,
            "usage": {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens},
        }

    def error(self, status, message, kind=""):
        error = {"type": kind or self._types.get(status, "api_error"), "message": message}
        return {"type": "error", "error": error, "request_id": f"req_{next(_ids)}"}

    def error_event(self, message):
        return sse({"type": "error", "error": {"type": "overloaded_error", "message": message}}, "error")

    def garbage(self):
        return b'event: content_block_delta\ndata: {"type": "content_bl\xff\xfe<html>\n\n'

    def wrong_key(self):
        return 401, self.error(401, "invalid x-api-key")

    def unknown_model(self, model):
        return 404, self.error(404, f"model: {model}")

    def too_long(self, tokens, limit):
        return 400, self.error(400, f"prompt is too long: {tokens} tokens > {limit} maximum")

    def models(self, script: Script) -> dict[str, Any]:
        """/v1/models."""
        data = [
            {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
            for name in script.models
        ]
        return {"data": data, "has_more": False, "first_id": script.models[0], "last_id": script.models[-1]}


class GoogleWire(Wire):
    """The Gemini API: https://ai.google.dev/api/generate-content."""

    name = "google"
    _statuses: ClassVar = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        503: "UNAVAILABLE",
    }
    _stops: ClassVar = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}

    def key(self, headers):
        return headers.get("x-goog-api-key", "")

    def model(self, path, body):
        return path.rpartition("/models/")[2].partition(":")[0]

    def prompt(self, body):
        texts = [text_of(content) for content in body.get("contents", ())]
        system = text_of(body.get("systemInstruction", ""))
        return "\n".join([system, *texts]), texts[-1] if texts else ""

    def wants_stream(self, path, body):
        return path.endswith(":streamGenerateContent")

    def _chunk(
        self, model: str, reply: Reply, parts: list[dict[str, Any]], finish: str | None = None
    ) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        usage = {"promptTokenCount": reply.input_tokens, "totalTokenCount": reply.input_tokens}
        if finish:
            candidate["finishReason"] = finish
            spoken = reply.output_tokens - len(reply.thinking)
            usage |= {"candidatesTokenCount": spoken, "thoughtsTokenCount": len(reply.thinking)}
            usage["totalTokenCount"] += reply.output_tokens
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": model,
            "responseId": f"r{next(_ids)}",
        }

    def _call(self, number: int, call: Mapping[str, Any]) -> dict[str, Any]:
        function = {"name": call["name"], "args": call.get("arguments", {}), "id": call.get("id", f"fc_{number}")}
        return {"functionCall": function, "thoughtSignature": "c2lnbmF0dXJl"}

    def stream(self, body, model, reply, script):
        for token in reply.thinking:
            yield self._sse(self._chunk(model, reply, [{"text": token, "thought": True}])), True
        for token in reply.tokens:
            yield self._sse(self._chunk(model, reply, [{"text": token}])), True
        for number, call in enumerate(reply.tool_calls):
            yield self._sse(self._chunk(model, reply, [self._call(number, call)])), True
        yield (
            self._sse(self._chunk(model, reply, [{"text": ""}], self._stops.get(reply.stop_reason, reply.stop_reason))),
            False,
        )

    def _sse(self, data: Any) -> bytes:
        return f"data: {json.dumps(data)}\r\n\r\n".encode()

    def whole(self, body, model, reply, script):
        parts: list[dict[str, Any]] = [{"text": "".join(reply.tokens)}] if reply.tokens else []
        parts += [self._call(number, call) for number, call in enumerate(reply.tool_calls)]
        return self._chunk(model, reply, parts, self._stops.get(reply.stop_reason, reply.stop_reason))

    def error(self, status, message, kind=""):
        return {"error": {"code": status, "message": message, "status": kind or self._statuses.get(status, "UNKNOWN")}}

    def error_event(self, message):
        return self._sse({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}})

    def garbage(self):
        return b'data: {"candidates": [{"cont\xff\xfe<html>\r\n\r\n'

    def wrong_key(self):
        return 400, self.error(400, "API key not valid. Please pass a valid API key.")

    def unknown_model(self, model):
        return 404, self.error(
            404, f"models/{model} is not found for API version v1beta, or is not supported for generateContent."
        )

    def too_long(self, tokens, limit):
        message = f"The input token count ({tokens}) exceeds the maximum number of tokens allowed ({limit})."
        return 400, self.error(400, message)

    def models(self, script: Script) -> dict[str, Any]:
        """/v1beta/models."""
        models = [
            {
                "name": f"models/{name}",
                "displayName": name,
                "inputTokenLimit": script.context_tokens,
                "outputTokenLimit": 8192,
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            }
            for name in script.models
        ]
        return {"models": models}


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
