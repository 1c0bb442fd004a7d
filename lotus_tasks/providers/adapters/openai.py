"""OpenAI and every server that speaks its chat completions, through the ``openai`` SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lotus_tasks.providers.adapters.connection import PerProcess, Remembered, check_by_listing, short_watch
from lotus_tasks.providers.adapters.failures import from_status, message_of, scrub, translated
from lotus_tasks.providers.adapters.interruption import keep_connection, make_interruptible, refuse_outside, watched
from lotus_tasks.providers.adapters.origin import stay_at_origin
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
    TextDelta,
    ThoughtDelta,
    Tool,
    ToolCallDelta,
    Usage,
    UsageDelta,
)
from lotus_tasks.providers.ports import Watch
from lotus_tasks.providers.service.locality import is_here

if TYPE_CHECKING:
    import openai

_MODELS_S = 30.0
_NO_KEY = "none"
"""The SDK insists on a key; servers of one's own ignore it."""


class OpenAIChatModel:
    """One OpenAI-compatible server, as its row says."""

    def __init__(self, row: ProviderRow, *, connect_s: float = 5.0) -> None:
        self._row = row
        self._connect_s = connect_s
        self._client: PerProcess[openai.OpenAI] = PerProcess(self._make_client, close=lambda client: client.close())
        self._default = Remembered(lambda _: self._find_default(), keep_s=_MODELS_S)

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

    def context_tokens(self, model: ModelName, watch: Watch) -> int:  # noqa: ARG002 - the port's; /v1/models doesn't tell
        """As the row says."""
        return self._row.context_tokens

    def stream(self, request: CompletionRequest, *, model: ModelName, watch: Watch) -> Iterator[Delta]:
        """See ports.ChatModel."""
        with watched(watch), translated(self._row, watch=watch), self._status_errors(model):
            chunks = self._client.get().chat.completions.create(**self._wire_request(request, model), stream=True)
            try:
                content_type = chunks.response.headers.get("content-type", "")
                if "html" in content_type:
                    raise ValueError(f"a page of {content_type} instead of a stream")
                has_calls = False
                for chunk in chunks:
                    for delta in _deltas(self._row, chunk, has_calls=has_calls):
                        has_calls = has_calls or isinstance(delta, ToolCallDelta)
                        yield delta
            finally:
                chunks.close()

    def check(self) -> ProviderStatus:
        """Asks /v1/models, which costs nothing and needs the key."""
        return check_by_listing(self._row, lambda: tuple(model.name for model in self.list_models()))

    def list_models(self) -> Sequence[ModelInfo]:
        """What the server lists."""
        with watched(short_watch(self._row)), translated(self._row), self._status_errors(""):
            return tuple(ModelInfo(name=ModelName(model.id)) for model in self._client.get().models.list())

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
        return client

    def _wire_request(self, request: CompletionRequest, model: ModelName) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "model": model,
            "messages": [_wire_message(message) for message in request.messages],
            "stream_options": {"include_usage": True},
        }
        if request.tools:
            # As they are: the SDK would go through every schema, which takes longer than all else it does for a request.
            wire["extra_body"] = {"tools": [_wire_tool(tool) for tool in request.tools]}
        if request.max_tokens is not None:
            # OpenAI's newer models refuse max_tokens; most compatible servers know nothing else.
            name = "max_completion_tokens" if "api.openai.com" in self._row.base_url else "max_tokens"
            wire[name] = request.max_tokens
        if request.temperature is not None:
            wire["temperature"] = request.temperature
        return wire

    def _find_default(self) -> ModelName:
        models = self.list_models()
        if not models:
            raise ModelRefusal(
                FailureKind.UNKNOWN_MODEL,
                "no model",
                f"{self._row.name} at {self._row.base_url} lists no model; name one",
            )
        return models[0].name

    @contextmanager
    def _status_errors(self, model: str) -> Iterator[None]:
        import openai

        try:
            yield
        except openai.APIStatusError as error:
            said = message_of(error.body, error.message)
            raise from_status(self._row, error.status_code, said, error.response.headers, model=model) from None
        except openai.APIConnectionError:
            raise
        except openai.APIError as error:  # an error inside a stream that began well
            said = scrub(error.message, self._row.api_key)
            raise ModelUnavailable(
                FailureKind.SERVER_FAULT, "failed mid-stream", f"{self._row.name}: failed mid-stream: {said}"
            ) from None


def _deltas(row: ProviderRow, chunk: Any, *, has_calls: bool) -> Iterator[Delta]:
    if not isinstance(chunk.choices, list):
        raise ValueError("a chunk without choices")  # noqa: TRY004 - it is the server's reply that is wrong
    for choice in chunk.choices:
        delta = choice.delta
        thought = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None)
        if isinstance(thought, str) and thought:
            yield ThoughtDelta(thought)
        if delta.content:
            yield TextDelta(delta.content)
        for call in delta.tool_calls or ():
            function = call.function
            yield ToolCallDelta(
                index=call.index or 0,
                id=call.id or "",
                name=(function.name or "") if function else "",
                arguments=(function.arguments or "") if function else "",
            )
        if choice.finish_reason:
            yield StopDelta(read_stop(row, choice.finish_reason, has_calls=has_calls))
    if chunk.usage:
        yield UsageDelta(
            Usage(input_tokens=chunk.usage.prompt_tokens or 0, output_tokens=chunk.usage.completion_tokens or 0)
        )


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
