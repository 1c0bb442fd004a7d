"""Claude, through the ``anthropic`` SDK."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lotus_tasks.providers.adapters.connection import ModelList, PerProcess, Remembered, check_by_listing, short_watch
from lotus_tasks.providers.adapters.failures import from_error, from_status, message_of, scrub, translated
from lotus_tasks.providers.adapters.interruption import make_interruptible, refuse_outside, watched
from lotus_tasks.providers.adapters.origin import stay_at_origin
from lotus_tasks.providers.adapters.pages import refuse_pages
from lotus_tasks.providers.adapters.reading import count, heard, listed, mapping, speech, text, thought
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
    ToolCallDelta,
    Usage,
    UsageDelta,
)
from lotus_tasks.providers.ports import Watch
from lotus_tasks.providers.service.locality import is_here

if TYPE_CHECKING:
    import anthropic

_REPLY_TOKENS = 4096
"""Anthropic insists on a bound for the reply."""
_MODELS_S = 30.0


class AnthropicChatModel:
    """Anthropic's Messages API."""

    def __init__(self, row: ProviderRow, *, connect_s: float = 5.0) -> None:
        self._row = row
        self._connect_s = connect_s
        self._client: PerProcess[anthropic.Anthropic] = PerProcess(
            self._make_client, close=lambda client: client.close()
        )
        self._default = Remembered(lambda _: self._find_default(), keep_s=_MODELS_S)
        self._list = ModelList(lambda: tuple(one.name for one in self.list_models()))
        self._aliases = Remembered(self._is_alias, keep_s=_MODELS_S)

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
        """The configured model, else the first one listed."""
        with watched(watch):
            return self._row.model or self._default.get()

    def context_tokens(self, model: ModelName, watch: Watch) -> int:  # noqa: ARG002 - the port's
        """As the row says."""
        return self._row.context_tokens

    def stream(self, request: CompletionRequest, *, model: ModelName, watch: Watch) -> Iterator[Delta]:
        """See ports.ChatModel."""
        with watched(watch), translated(self._row, watch=watch), self._status_errors(model):
            events = self._client.get().messages.create(**_wire_request(request, model), stream=True)
            try:
                if "json" in events.response.headers.get("content-type", ""):
                    yield from heard(_whole(self._row, json.loads(events.response.read()), model))
                else:
                    yield from heard(_deltas(self._row, events))
            finally:
                events.close()

    def check(self) -> ProviderStatus:
        """Asks /v1/models, which costs nothing and needs the key."""
        return check_by_listing(self._row, self.warm, lambda: tuple(model.name for model in self.list_models()))

    def offers(self, model: ModelName, watch: Watch) -> bool | None:
        """See ports.ChatModel. What isn't listed is asked for by name: the list holds no aliases."""
        with watched(watch):
            listed = self._list.has(model)
            return self._aliases.get(model) if listed is False else listed

    def _is_alias(self, model: str) -> bool:
        try:
            with watched(short_watch(self._row)), translated(self._row), self._status_errors(model):
                self._client.get().models.retrieve(model)
        except (ModelRefusal, ModelUnavailable):
            return False
        return True

    def list_models(self) -> Sequence[ModelInfo]:
        """What the key may use."""
        with watched(short_watch(self._row)), translated(self._row), self._status_errors(""):
            return tuple(ModelInfo(name=ModelName(model.id)) for model in self._client.get().models.list(limit=100))

    def close(self) -> None:
        """See ports.ChatModel."""
        self._client.close()

    def _make_client(self) -> anthropic.Anthropic:
        import anthropic
        import httpx2

        refuse_outside(self._row.base_url)
        client = anthropic.Anthropic(
            api_key=self._row.api_key,
            base_url=self._row.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=self._connect_s),
        )
        make_interruptible(client._client, direct=is_here(self._row))  # noqa: SLF001 - the only way to its transport
        stay_at_origin(client._client, self._row)  # noqa: SLF001
        refuse_pages(client._client, self._row)  # noqa: SLF001
        return client

    def _find_default(self) -> ModelName:
        models = self.list_models()
        if not models:
            raise ModelRefusal(FailureKind.UNKNOWN_MODEL, "no model", f"{self._row.name} lists no model; name one")
        return models[0].name

    @contextmanager
    def _status_errors(self, model: str) -> Iterator[None]:
        import anthropic

        try:
            yield
        except anthropic.APIStatusError as error:
            said = message_of(error.body, error.message)
            if error.status_code < 400:  # an error inside a stream that began well
                raise ModelUnavailable(
                    FailureKind.SERVER_FAULT,
                    "failed mid-stream",
                    f"{self._row.name}: failed mid-stream: {scrub(said, self._row.api_key)}",
                ) from None
            raise from_status(
                self._row, error.status_code, said, error.response.headers, model=model, body=error.body
            ) from None


def _deltas(row: ProviderRow, events: Iterable[Any]) -> Generator[Delta, None, None]:
    """The pieces of a stream. Blocks may come at the same time: a piece belongs to the block of its index."""
    input_tokens, numbers, said, stopped = 0, dict[Any, int](), False, False
    for event in events:
        match event.type:
            case "message_start":
                input_tokens = _input_tokens(getattr(event.message, "usage", None))
            case "content_block_start":
                if getattr(event.content_block, "type", None) == "tool_use":
                    numbers[event.index] = len(numbers)
                said = True
                yield from _block(event.content_block, numbers.get(event.index, 0))
            case "content_block_delta" if event.delta is not None:
                said = True
                yield from _piece(event.delta, numbers.get(event.index, len(numbers) - 1))
            case "message_delta":
                counted = getattr(event, "usage", None)
                input_tokens = _input_tokens(counted) or input_tokens
                usage = Usage(input_tokens=input_tokens, output_tokens=count(getattr(counted, "output_tokens", None)))
                if usage != Usage():
                    yield UsageDelta(usage)
                reason = getattr(event.delta, "stop_reason", None)
                if reason:
                    stopped = True
                    yield StopDelta(read_stop(row, reason, has_calls=bool(numbers)))
            case "message_stop" if said and not stopped:  # done, but it doesn't say why
                yield StopDelta(read_stop(row, "end_turn", has_calls=bool(numbers)))


def _block(block: Any, number: int) -> Iterator[Delta]:
    """What stands in a block where it begins, or in the whole of it."""
    match getattr(block, "type", None):
        case "tool_use":
            given = getattr(block, "input", None)
            arguments = json.dumps(dict(mapping(given, "a tool call's arguments"))) if given else ""
            yield ToolCallDelta(index=number, id=block.id or "", name=block.name or "", arguments=arguments)
        case "text":
            yield from speech(block.text)
        case "thinking":
            yield from thought(block.thinking)


def _piece(delta: Any, number: int) -> Iterator[Delta]:
    match getattr(delta, "type", None):
        case "text_delta":
            yield from speech(delta.text)
        case "thinking_delta":
            yield from thought(delta.thinking)
        case "input_json_delta":
            yield ToolCallDelta(index=number, arguments=text(delta.partial_json, "a tool call's arguments"))


def _whole(row: ProviderRow, body: Any, model: str) -> Generator[Delta, None, None]:
    """A document where a stream was asked for: an error in a good status, or all of a message."""
    document = mapping(body, "a reply")
    if document.get("error"):
        raise from_error(row, document["error"], begun=False, model=model)
    calls = 0
    for one in listed(document.get("content"), "content"):
        block = SimpleNamespace(**{"text": None, "thinking": None, "id": "", "name": "", **mapping(one, "a block")})
        yield from _block(block, calls)
        calls += getattr(block, "type", None) == "tool_use"
    counted = SimpleNamespace(**mapping(document.get("usage"), "usage"))
    usage = Usage(input_tokens=_input_tokens(counted), output_tokens=count(getattr(counted, "output_tokens", None)))
    if usage != Usage():
        yield UsageDelta(usage)
    if document.get("stop_reason"):
        yield StopDelta(read_stop(row, document["stop_reason"], has_calls=calls > 0))


def _input_tokens(usage: Any) -> int:
    """All input: what was cached is counted beside ``input_tokens``."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(count(getattr(usage, name, None)) for name in names)


def _wire_request(request: CompletionRequest, model: ModelName) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_tokens or _REPLY_TOKENS,
        "messages": _wire_messages(request.messages),
    }
    system = "\n\n".join(message.content for message in request.messages if message.role is Role.SYSTEM)
    if system:
        wire["system"] = system
    if request.tools:
        wire["tools"] = [_wire_tool(tool) for tool in request.tools]
    if request.temperature is not None:
        wire["temperature"] = request.temperature
    return wire


def _wire_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    wire: list[dict[str, Any]] = []
    for message in messages:
        if message.role is Role.SYSTEM:
            continue
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        blocks = _wire_blocks(message)
        # The results of several calls stand in one message, as does whatever the user says next.
        if wire and wire[-1]["role"] == role:
            wire[-1]["content"] += blocks
        elif blocks:
            wire.append({"role": role, "content": blocks})
    return wire


def _wire_blocks(message: Message) -> list[dict[str, Any]]:
    if message.role is Role.TOOL:
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id or "", "content": message.content}]
    blocks: list[dict[str, Any]] = [
        {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.data_base64}}
        for image in message.images
    ]
    if message.content.strip():  # an empty text block is refused
        blocks.append({"type": "text", "text": message.content})
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
        for call in message.tool_calls
    ]
    return blocks


def _wire_tool(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
