"""Gemini, through the ``google-genai`` SDK."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from lotus_tasks.providers.adapters.connection import ModelList, PerProcess, Remembered, check_by_listing, short_watch
from lotus_tasks.providers.adapters.failures import from_status, scrub, translated
from lotus_tasks.providers.adapters.interruption import make_interruptible, refuse_outside, watched
from lotus_tasks.providers.adapters.origin import stay_at_origin
from lotus_tasks.providers.adapters.pages import refuse_pages
from lotus_tasks.providers.adapters.reading import heard
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
    StopReason,
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
    import httpx2
    from google import genai

_MODELS_S = 30.0
_DELAY = re.compile(r"^(\d+(?:\.\d+)?)s$")


class GoogleChatModel:
    """Google's Gemini API."""

    def __init__(self, row: ProviderRow, *, connect_s: float = 5.0) -> None:
        self._row = row
        self._connect_s = connect_s
        self._http: PerProcess[httpx2.Client] = PerProcess(self._make_http, close=lambda http: http.close())
        self._client: PerProcess[genai.Client] = PerProcess(self._make_client, close=lambda client: client.close())
        self._models = Remembered(lambda _: self.list_models(), keep_s=_MODELS_S)
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
        """The configured model, else the first one that generates text."""
        if self._row.model:
            return self._row.model
        with watched(watch):
            models = self._models.get()
        if not models:
            raise ModelRefusal(FailureKind.UNKNOWN_MODEL, "no model", f"{self._row.name} lists no model; name one")
        return models[0].name

    def context_tokens(self, model: ModelName, watch: Watch) -> int:  # noqa: ARG002 - the port's
        """As the row says."""
        return self._row.context_tokens

    def stream(self, request: CompletionRequest, *, model: ModelName, watch: Watch) -> Iterator[Delta]:
        """See ports.ChatModel."""
        with watched(watch), translated(self._row, watch=watch), self._status_errors(model):
            yield from heard(self._read(request, model))

    def _read(self, request: CompletionRequest, model: ModelName) -> Generator[Delta, None, None]:
        models: Any = self._client.get().models  # its types know no plain dicts
        chunks = models.generate_content_stream(
            model=model, contents=_wire_contents(request.messages), config=_wire_config(request)
        )
        calls = 0
        with closing(chunks):
            for chunk in chunks:
                for delta in _deltas(self._row, chunk, calls):
                    calls += isinstance(delta, ToolCallDelta)
                    yield delta

    def check(self) -> ProviderStatus:
        """Asks /v1beta/models, which costs nothing and needs the key."""
        return check_by_listing(self._row, self.warm, lambda: tuple(model.name for model in self.list_models()))

    def offers(self, model: ModelName, watch: Watch) -> bool | None:
        """See ports.ChatModel."""
        with watched(watch):
            return self._list.has(ModelName(model.removeprefix("models/")))

    def list_models(self) -> Sequence[ModelInfo]:
        """The models that generate text."""
        with watched(short_watch(self._row)), translated(self._row), self._status_errors(""):
            return tuple(
                ModelInfo(
                    name=ModelName((model.name or "").removeprefix("models/")), context_tokens=model.input_token_limit
                )
                for model in self._client.get().models.list(config={"page_size": 1000})
                if "generateContent" in (model.supported_actions or ())
            )

    def close(self) -> None:
        """See ports.ChatModel."""
        self._client.close()
        self._http.close()

    def _make_client(self) -> genai.Client:
        from google import genai
        from google.genai import types

        options = types.HttpOptions(base_url=self._row.base_url, httpx_client=self._http.get())
        return genai.Client(api_key=self._row.api_key, vertexai=False, http_options=options)

    def _make_http(self) -> httpx2.Client:
        import httpx2

        refuse_outside(self._row.base_url)
        http = httpx2.Client(timeout=httpx2.Timeout(None, connect=self._connect_s), follow_redirects=True)
        make_interruptible(http, direct=is_here(self._row))
        stay_at_origin(http, self._row)
        refuse_pages(http, self._row)
        return http

    @contextmanager
    def _status_errors(self, model: str) -> Iterator[None]:
        from google.genai import errors

        try:
            yield
        except errors.APIError as error:
            said = str(error.message or error.details)
            status = int(error.code or 0)
            response: Any = error.response
            if response is not None and response.status_code < 400:  # an error inside a stream that began well
                raise ModelUnavailable(
                    FailureKind.SERVER_FAULT,
                    "failed mid-stream",
                    f"{self._row.name}: failed mid-stream: {scrub(said, self._row.api_key)}",
                ) from None
            headers = dict(response.headers) if response is not None else {}
            delay = _retry_delay(error.details)
            if delay is not None:
                headers.setdefault("retry-after", delay)
            raise from_status(self._row, status, said, headers, model=model) from None


def _retry_delay(details: Any) -> str | None:
    """Seconds, from google.rpc.RetryInfo in an error's details: Gemini sends no Retry-After."""
    error = details.get("error", details) if isinstance(details, Mapping) else {}
    for detail in error.get("details", ()) if isinstance(error, Mapping) else ():
        found = _DELAY.match(str(detail.get("retryDelay", "")))
        if found:
            return found.group(1)
    return None


def _deltas(row: ProviderRow, chunk: Any, calls: int) -> Iterator[Delta]:
    """``calls``: how many tool calls came before; Gemini sends each one whole."""
    if chunk.candidates:
        candidate = chunk.candidates[0]
        for part in (candidate.content.parts if candidate.content else None) or ():
            if part.function_call:
                yield ToolCallDelta(
                    index=calls,
                    id=part.function_call.id or f"call_{calls}",
                    name=part.function_call.name or "",
                    arguments=json.dumps(part.function_call.args or {}),
                    signature=base64.b64encode(part.thought_signature or b"").decode(),
                )
                calls += 1
            elif part.text:
                yield ThoughtDelta(part.text) if part.thought else TextDelta(part.text)
        if candidate.finish_reason:
            yield StopDelta(read_stop(row, candidate.finish_reason.value, has_calls=calls > 0))
    elif chunk.prompt_feedback and chunk.prompt_feedback.block_reason:
        yield StopDelta(StopReason.FILTERED)
    usage = chunk.usage_metadata
    if usage and usage.prompt_token_count is not None:
        output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        yield UsageDelta(Usage(input_tokens=usage.prompt_token_count, output_tokens=output))


def _wire_config(request: CompletionRequest) -> dict[str, Any]:
    config: dict[str, Any] = {"automatic_function_calling": {"disable": True}}
    system = "\n\n".join(message.content for message in request.messages if message.role is Role.SYSTEM)
    if system:
        config["system_instruction"] = system
    if request.tools:
        config["tools"] = [{"function_declarations": [_wire_tool(tool) for tool in request.tools]}]
    if request.max_tokens is not None:
        config["max_output_tokens"] = request.max_tokens
    if request.temperature is not None:
        config["temperature"] = request.temperature
    return config


def _wire_contents(messages: Sequence[Message]) -> list[dict[str, Any]]:
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    wire: list[dict[str, Any]] = []
    for message in messages:
        if message.role is Role.SYSTEM:
            continue
        role = "model" if message.role is Role.ASSISTANT else "user"
        parts = _wire_parts(message, names)
        if wire and wire[-1]["role"] == role:
            wire[-1]["parts"] += parts
        elif parts:
            wire.append({"role": role, "parts": parts})
    return wire


def _wire_parts(message: Message, names: Mapping[str, str]) -> list[dict[str, Any]]:
    if message.role is Role.TOOL:
        name = names.get(message.tool_call_id or "", message.tool_call_id or "")
        return [{"function_response": {"name": name, "response": {"result": message.content}}}]
    parts: list[dict[str, Any]] = [
        {"inline_data": {"mime_type": image.media_type, "data": base64.b64decode(image.data_base64)}}
        for image in message.images
    ]
    if message.content:
        parts.append({"text": message.content})
    for call in message.tool_calls:
        part: dict[str, Any] = {"function_call": {"name": call.name, "args": dict(call.arguments)}}
        if call.signature:  # Gemini 3 refuses a call of its own that comes back without it
            part["thought_signature"] = base64.b64decode(call.signature)
        parts.append(part)
    return parts


def _wire_tool(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters_json_schema": dict(tool.parameters),
    }
