"""OpenAI and every server that speaks its chat completions, through the ``openai`` SDK."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lotus_tasks.origins import least_trusted
from lotus_tasks.providers.adapters.calling import CallPieces
from lotus_tasks.providers.adapters.connection import ModelList, PerProcess, Remembered, check_by_listing, short_watch
from lotus_tasks.providers.adapters.contexts import listed_context, props_url
from lotus_tasks.providers.adapters.dialect import refused_fields
from lotus_tasks.providers.adapters.failures import from_error, from_status, message_of, scrub, translated
from lotus_tasks.providers.adapters.findings import LocalFindings
from lotus_tasks.providers.adapters.interruption import keep_connection, make_interruptible, refuse_outside, watched
from lotus_tasks.providers.adapters.origin import stay_at_origin
from lotus_tasks.providers.adapters.pages import refuse_pages
from lotus_tasks.providers.adapters.reading import (
    DONE,
    count,
    events,
    heard,
    lines,
    listed,
    mapping,
    speech,
    thought,
)
from lotus_tasks.providers.adapters.stopping import read_stop
from lotus_tasks.providers.models import (
    CompletionRequest,
    Delta,
    FailureKind,
    Message,
    ModelInfo,
    ModelName,
    ModelRefusal,
    ModelUnavailable,
    ProviderRow,
    ProviderStatus,
    Role,
    StopDelta,
    Tool,
    Usage,
    UsageDelta,
)
from lotus_tasks.providers.ports import Findings, Watch
from lotus_tasks.providers.service.locality import is_here

if TYPE_CHECKING:
    import openai

_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_MODELS_S = 30.0
_CONTEXT_S = 600.0
_NO_KEY = "none"
"""The SDK insists on a key; servers of one's own ignore it."""


class OpenAIChatModel:
    """One OpenAI-compatible server, as its row says."""

    def __init__(self, row: ProviderRow, *, connect_s: float = 5.0, findings: Findings | None = None) -> None:
        self._row = row
        self._connect_s = connect_s
        self._client: PerProcess[openai.OpenAI] = PerProcess(self._make_client, close=lambda client: client.close())
        self._findings = findings or LocalFindings()
        self._default = Remembered(lambda _: self._find_default(), keep_s=_MODELS_S)
        self._contexts = Remembered(self._find_context, keep_s=_CONTEXT_S)
        self._list = ModelList(lambda: tuple(one.name for one in self.list_models()))

    @property
    def row(self) -> ProviderRow:
        """See ports.ChatModel."""
        return self._row

    def is_present(self) -> bool:
        """Always: it is only asked when it was configured."""
        return True

    def warm(self) -> None:
        """See ports.ChatModel."""
        with translated(self._row):
            self._client.get()

    def default_model(self, watch: Watch) -> ModelName:
        """The configured model, else the first one the server lists."""
        with watched(watch):
            return self._row.model or self._default.get()

    def context_tokens(self, model: ModelName, watch: Watch) -> int:
        """As the row says, or the less that the server tells."""
        with watched(watch):
            try:
                told = self._contexts.get(model)
            except ModelUnavailable:
                told = None
        return min(told or self._row.context_tokens, self._row.context_tokens)

    def stream(self, request: CompletionRequest, *, model: ModelName, watch: Watch) -> Iterator[Delta]:
        """See ports.ChatModel."""
        with watched(watch), translated(self._row, watch=watch), self._status_errors(model):
            yield from heard(self._read(request, model), splits=True)

    def _read(self, request: CompletionRequest, model: ModelName) -> Generator[Delta, None, None]:
        """The reply, asked for again without what the server says it doesn't know; what that was is remembered."""
        import openai

        known = without = self._findings.refused(self._row, model)
        while True:
            wire = _wire_request(request, model, self._row, without)
            try:
                with self._client.get().chat.completions.with_streaming_response.create(**wire) as response:
                    if without != known:
                        self._findings.note_refused(self._row, model, without)
                    yield from _Reading(self._row, model).read(events(lines(response.iter_bytes())))
                    return
            except openai.APIStatusError as error:
                said = message_of(error.body, error.message)
                refused = refused_fields(error.status_code, said, error.body, _sent(wire))
                if refused == {"tools"}:
                    said = f"{self._row.name}: {model} takes no tools: {scrub(said, self._row.api_key)}"
                    raise ModelRefusal(FailureKind.NOT_CAPABLE, "takes no tools", said) from None
                if not refused - {"tools"}:
                    raise
                without |= refused - {"tools"}

    def check(self) -> ProviderStatus:
        """Asks /v1/models, which costs nothing and needs the key."""
        return check_by_listing(self._row, self.warm, lambda: tuple(model.name for model in self.list_models()))

    def offers(self, model: ModelName, watch: Watch) -> bool | None:
        """See ports.ChatModel."""
        with watched(watch):
            return self._list.has(model)

    def list_models(self) -> Sequence[ModelInfo]:
        """What the server lists."""
        with watched(short_watch(self._row)), translated(self._row), self._status_errors(""):
            return tuple(
                ModelInfo(name=ModelName(model.id), context_tokens=listed_context(model.to_dict()))
                for model in self._client.get().models.list()
            )

    def close(self) -> None:
        """See ports.ChatModel."""
        self._client.close()

    def _make_client(self) -> openai.OpenAI:
        import httpx2
        import openai

        refuse_outside(self._row.base_url)
        client = openai.OpenAI(
            api_key=self._row.api_key or _NO_KEY,
            base_url=self._row.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=self._connect_s),
        )
        # The SDK stops reading at [DONE], just before the body's end, which would cost a handshake for every answer.
        client._client.event_hooks["response"].append(keep_connection(httpx2.SyncByteStream))  # noqa: SLF001
        make_interruptible(client._client, direct=is_here(self._row))  # noqa: SLF001 - the only way to its transport
        stay_at_origin(client._client, self._row)  # noqa: SLF001
        refuse_pages(client._client, self._row)  # noqa: SLF001
        return client

    def _find_default(self) -> ModelName:
        models = self.list_models()
        if not models:
            raise ModelRefusal(
                FailureKind.UNKNOWN_MODEL,
                "no model",
                f"{self._row.name} at {self._row.base_url} lists no model; name one",
            )
        return models[0].name

    def _find_context(self, model: str) -> int | None:
        """What the server tells of the model: in its list, and llama.cpp of what it gives each caller in /props.

        Vendors' servers, which speak TLS, aren't asked: their lists are long, and their models hold more than a prompt takes.
        """
        if self._row.base_url.startswith("https:") and not is_here(self._row):
            return None
        try:
            models = self.list_models()
        except ModelRefusal:
            models = ()
        named = [one for one in models if one.name in {model, f"{model}:latest"}] or (
            models if len(models) == 1 else []
        )
        told = [*(one.context_tokens for one in named), self._props_context(model)]
        return min((size for size in told if size), default=None)

    def _props_context(self, model: str) -> int | None:
        try:
            with watched(short_watch(self._row)), translated(self._row), self._status_errors(model):
                found = self._client.get().get(props_url(self._row.base_url), cast_to=object)
        except (ModelRefusal, ModelUnavailable):
            return None  # it isn't llama.cpp
        return listed_context(found) if isinstance(found, Mapping) else None

    @contextmanager
    def _status_errors(self, model: str) -> Iterator[None]:
        import openai

        try:
            yield
        except openai.APIStatusError as error:
            said = message_of(error.body, error.message)
            raise from_status(
                self._row, error.status_code, said, error.response.headers, model=model, body=error.body
            ) from None


class _Reading:
    """Reads the documents of one reply: chunks of a stream, or the whole where the server gives no stream."""

    def __init__(self, row: ProviderRow, model: str) -> None:
        self._row = row
        self._model = model
        self._calls = CallPieces()
        self._begun = False
        self._ended = False
        self._stopped = False

    def read(self, documents: Iterable[Any]) -> Iterator[Delta]:
        """The reply's pieces. A server that says it is done, but not why, has come to a plain end."""
        for document in documents:
            if document is DONE:
                self._ended = True
                break
            for delta in self._document(mapping(document, "a chunk")):
                self._begun = self._begun or not isinstance(delta, UsageDelta)
                yield delta
        if self._ended and self._begun and not self._stopped:
            yield StopDelta(read_stop(self._row, "stop", has_calls=len(self._calls) > 0))

    def _document(self, chunk: Mapping[str, Any]) -> Iterator[Delta]:
        if not chunk or chunk.get("type") == "ping":  # a sign of life
            return
        error = chunk.get("error") or (chunk if chunk.get("object") == "error" else None)
        if error is None and "choices" not in chunk and (chunk.get("detail") or chunk.get("message")):
            error = chunk
        if error is not None:
            raise from_error(self._row, error, begun=self._begun, model=self._model)
        if not chunk.keys() & {"choices", "usage", "id", "object"}:
            raise ValueError("a chunk without choices")
        usage = chunk.get("usage")
        if isinstance(usage, Mapping) and (counted := _usage(usage)) != Usage():
            yield UsageDelta(counted)
        for choice in listed(chunk.get("choices"), "choices"):
            if mapping(choice, "a choice").get("index") in {None, 0, "0"}:  # one was asked for
                yield from self._choice(mapping(choice, "a choice"))

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[Delta]:
        whole = not choice.get("delta") and choice.get("message") is not None and not self._begun
        said = mapping(choice.get("message") if whole else choice.get("delta"), "a message")
        self._ended = self._ended or whole
        # Some servers write the same thought into two fields.
        yield from thought(next((said[name] for name in _THOUGHTS if said.get(name)), None))
        yield from speech(said.get("content"))
        yield from speech(said.get("refusal"), "refusal")
        yield from self._called(said, whole=whole)
        reason = choice.get("finish_reason")
        if said.get("refusal"):
            reason = "refusal"
        if reason and not self._stopped:
            self._stopped = True
            yield StopDelta(read_stop(self._row, reason, has_calls=len(self._calls) > 0))

    def _called(self, said: Mapping[str, Any], *, whole: bool) -> Iterator[Delta]:
        for number, piece in enumerate(listed(said.get("tool_calls"), "tool calls")):
            yield self._calls.read(piece, index=number if whole else None)
        if said.get("function_call"):  # before there were tools: one call, without an id
            yield self._calls.read({"function": said["function_call"], "index": 0})


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(input_tokens=count(usage.get("prompt_tokens")), output_tokens=count(usage.get("completion_tokens")))


def _wire_request(
    request: CompletionRequest, model: ModelName, row: ProviderRow, without: Collection[str]
) -> dict[str, Any]:
    """The SDK's arguments. ``without``: the fields that the server doesn't know."""
    messages = _folded(request.messages) if "system" in without else request.messages
    wire: dict[str, Any] = {"model": model, "messages": [_wire_message(message) for message in messages]}
    wire["stream"] = "stream" not in without
    if wire["stream"] and "stream_options" not in without:
        wire["stream_options"] = {"include_usage": True}
    if request.tools:
        # As they are: the SDK would go through every schema, which takes longer than all else it does for a request.
        wire["extra_body"] = {"tools": [_wire_tool(tool) for tool in request.tools]}
    if request.max_tokens is not None:
        # OpenAI's newer models refuse max_tokens; most compatible servers know nothing else.
        names = ["max_completion_tokens", "max_tokens"]
        known = [name for name in (names if "api.openai.com" in row.base_url else names[::-1]) if name not in without]
        wire.update(dict.fromkeys(known[:1], request.max_tokens))
    if request.temperature is not None and "temperature" not in without:
        wire["temperature"] = request.temperature
    return wire


def _sent(wire: Mapping[str, Any]) -> set[str]:
    """The names of what a server may not know, as ``dialect`` calls it."""
    sent = {name for name in wire if wire[name]} | set(wire.get("extra_body", ()))
    return sent | ({"system"} if any(message["role"] == "system" for message in wire["messages"]) else set())


def _folded(messages: Sequence[Message]) -> list[Message]:
    """The messages for a model without a system role: what stood there begins the first question."""
    folded = [message for message in messages if message.role is Role.SYSTEM]
    system = "\n\n".join(message.content for message in folded)
    origin = least_trusted(message.origin for message in folded)
    rest = [message for message in messages if message.role is not Role.SYSTEM]
    first = next((index for index, message in enumerate(rest) if message.role is Role.USER), None)
    if first is None:
        return [Message(role=Role.USER, content=system, origin=origin), *rest]
    whole = f"{system}\n\n{rest[first].content}"
    rest[first] = replace(rest[first], content=whole, origin=least_trusted([origin, rest[first].origin]))
    return rest


def _wire_message(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role.value, "content": message.content}
    if message.images:
        images = [
            {"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{image.data_base64}"}}
            for image in message.images
        ]
        wire["content"] = [{"type": "text", "text": message.content}, *images]
    if message.tool_calls:
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
            }
            for call in message.tool_calls
        ]
        wire["content"] = message.content or None
    if message.role is Role.TOOL:
        wire["tool_call_id"] = message.tool_call_id or ""
    return wire


def _wire_tool(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
    }
