"""Models on this machine, through the ``ollama`` client."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lotus_tasks.providers.adapters.calling import CallPieces
from lotus_tasks.providers.adapters.connection import (
    ModelList,
    PerProcess,
    Remembered,
    check_by_listing,
    listens,
    short_watch,
)
from lotus_tasks.providers.adapters.failures import from_error, from_status, message_of, translated
from lotus_tasks.providers.adapters.interruption import make_interruptible, refuse_outside, watched
from lotus_tasks.providers.adapters.origin import stay_at_origin
from lotus_tasks.providers.adapters.pages import refuse_pages
from lotus_tasks.providers.adapters.reading import count, documents, heard, lines, listed, mapping, speech, thought
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
    PullProgress,
    StopDelta,
    Tool,
    Usage,
    UsageDelta,
)
from lotus_tasks.providers.ports import Watch
from lotus_tasks.providers.service.locality import is_here
from lotus_tasks.providers.service.watching import CallWatch

if TYPE_CHECKING:
    import ollama

_PRESENCE_S = 5.0
_MODELS_S = 30.0
_NOT_FOR_CHAT = ("embed", "minilm", "bge-")
"""Parts of the names of embedding models, which can't be the default."""


class OllamaChatModel:
    """Ollama. ``asked_for``: the user named its host or model, so its absence is worth a word."""

    def __init__(self, row: ProviderRow, *, asked_for: bool, connect_s: float = 5.0) -> None:
        self._row = row
        self._asked_for = asked_for
        self._connect_s = connect_s
        self._answered = threading.local()
        self._client: PerProcess[ollama.Client] = PerProcess(self._make_client, close=lambda client: client.close())  # type: ignore[no-untyped-call]
        self._presence = Remembered(lambda _: listens(row.base_url), keep_s=_PRESENCE_S)
        self._default = Remembered(lambda _: self._find_default(), keep_s=_MODELS_S)
        self._list = ModelList(lambda: tuple(one.name for one in self.list_models()))
        self._context = Remembered(self._find_context, keep_s=600.0)

    @property
    def row(self) -> ProviderRow:
        """See ports.ChatModel."""
        return self._row

    def is_present(self) -> bool:
        """Whether Ollama answers, unless the user asked for it: then it is always worth the call."""
        return self._asked_for or self._presence.get()

    def warm(self) -> None:
        """See ports.ChatModel."""
        with translated(self._row):
            self._client.get()

    def default_model(self, watch: Watch) -> ModelName:
        """The configured model, else the first one Ollama has."""
        with watched(watch):
            return self._row.model or self._default.get()

    def context_tokens(self, model: ModelName, watch: Watch) -> int:
        """What the model was trained for, up to the configured size: every token of context costs memory."""
        with watched(watch):
            return self._context.get(model)

    def stream(self, request: CompletionRequest, *, model: ModelName, watch: Watch) -> Iterator[Delta]:
        """See ports.ChatModel."""
        options: dict[str, Any] = {"num_ctx": self.context_tokens(model, watch)}
        if request.max_tokens is not None:
            options["num_predict"] = request.max_tokens
        if request.temperature is not None:
            options["temperature"] = request.temperature
        with watched(watch), translated(self._row, watch=watch), self._status_errors(model):
            yield from heard(self._read(request, model, options), splits=True)

    def _read(
        self, request: CompletionRequest, model: ModelName, options: Mapping[str, Any]
    ) -> Generator[Delta, None, None]:
        """The reply as it comes. The client's own reader knows one shape of it, and loses an error that is an object."""
        wire: dict[str, Any] = {
            "model": model,
            "messages": _wire_messages(request.messages),
            "tools": [_wire_tool(tool) for tool in request.tools],
            "stream": True,
            "options": options,
        }
        if (kept := self._keep_alive()) is not None:
            wire["keep_alive"] = kept
        http = self._client.get()._client  # noqa: SLF001 - the SDK offers no other way to a raw reply
        with http.stream("POST", "/api/chat", json=wire) as response:
            if response.status_code >= 400:
                body = _json_of(response.read())
                said = message_of(body)
                raise from_status(self._row, response.status_code, said, response.headers, model=model, body=body)
            calls = CallPieces()
            begun = False
            for document in documents(lines(response.iter_bytes())):
                part = mapping(document, "a part")
                if part.get("error"):
                    raise from_error(self._row, part["error"], begun=begun, model=model)
                for delta in _deltas(self._row, part, calls):
                    begun = True
                    yield delta

    def check(self) -> ProviderStatus:
        """Asks /api/tags. An Ollama that nobody asked for and that isn't there counts as not configured."""
        if not self.is_present():
            detail = f"nothing answers at {self._row.base_url}"
            return ProviderStatus(
                name=self._row.name, kind=self._row.kind, configured=False, reachable=None, detail=detail
            )
        return check_by_listing(self._row, self.warm, lambda: tuple(model.name for model in self.list_models()))

    def offers(self, model: ModelName, watch: Watch) -> bool | None:
        """See ports.ChatModel."""
        with watched(watch):
            return self._list.has(model)

    def list_models(self) -> Sequence[ModelInfo]:
        """What was pulled, newest first as Ollama lists it."""
        with watched(short_watch(self._row)), translated(self._row), self._status_errors(""):
            return tuple(
                ModelInfo(name=ModelName(model.model), size_bytes=int(model.size) if model.size is not None else None)
                for model in self._client.get().list().models
                if model.model
            )

    def pull(self, model: ModelName, *, watch: CallWatch) -> Iterator[PullProgress]:
        """Download ``model``; Ollama goes on from where an interrupted download stopped. Raises as ``stream`` does."""
        with watched(watch), translated(self._row, watch=watch), self._status_errors(model):
            for part in self._client.get().pull(model, stream=True):
                watch.saw_token()
                yield PullProgress(
                    status=part.status or "", completed_bytes=part.completed or 0, total_bytes=part.total or 0
                )
        self._default = Remembered(lambda _: self._find_default(), keep_s=_MODELS_S)

    def close(self) -> None:
        """See ports.ChatModel."""
        self._client.close()

    def _keep_alive(self) -> float | str | None:
        kept = self._row.keep_alive
        # Ollama takes a bare number only as a number.
        return float(kept) if kept.lstrip("-").isdigit() else kept or None

    def _make_client(self) -> ollama.Client:
        import httpx
        import ollama

        refuse_outside(self._row.base_url)
        client = ollama.Client(
            host=self._row.base_url,
            timeout=httpx.Timeout(None, connect=self._connect_s),
            event_hooks={"response": [self._keep_headers]},
        )
        make_interruptible(client._client, direct=is_here(self._row))  # noqa: SLF001 - the only way to its transport
        stay_at_origin(client._client, self._row)  # noqa: SLF001
        refuse_pages(client._client, self._row)  # noqa: SLF001
        return client

    def _keep_headers(self, response: Any) -> None:
        # The ollama client's errors drop the headers, and Retry-After with them.
        self._answered.headers = dict(response.headers)

    def _status_errors(self, model: str) -> _StatusErrors:
        return _StatusErrors(self._row, model, self._answered)

    def _find_default(self) -> ModelName:
        names = [model.name for model in self.list_models()]
        for name in names:
            if not any(part in name for part in _NOT_FOR_CHAT):
                return name
        raise ModelRefusal(
            FailureKind.UNKNOWN_MODEL,
            "no model pulled",
            f"{self._row.name} has no model yet; get one with `ollama pull llama3.2`",
        )

    def _find_context(self, model: str) -> int:
        with watched(short_watch(self._row)), translated(self._row), self._status_errors(model):
            info: Mapping[str, Any] = self._client.get().show(model).modelinfo or {}
        sizes = [int(value) for name, value in info.items() if name.endswith(".context_length")]
        return min([*sizes, self._row.context_tokens])


class _StatusErrors:
    """Turns the ollama client's ResponseError into a failure, with the headers of the response it came from."""

    def __init__(self, row: ProviderRow, model: str, answered: threading.local) -> None:
        self._row = row
        self._model = model
        self._answered = answered

    def __enter__(self) -> None:
        self._answered.headers = {}

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if type(error).__name__ != "ResponseError":
            return
        status, said = getattr(error, "status_code", -1), str(getattr(error, "error", error))
        if status < 400:  # an error inside a stream that began well
            raise ModelUnavailable(
                FailureKind.SERVER_FAULT, "failed mid-stream", f"{self._row.name}: failed mid-stream: {said[:300]}"
            ) from None
        raise from_status(self._row, status, said, self._answered.headers, model=self._model) from None


def _deltas(row: ProviderRow, part: Mapping[str, Any], calls: CallPieces) -> Iterator[Delta]:
    """One part of a reply, or the whole of it."""
    if not part.keys() & {"message", "done"}:
        raise ValueError("a part without a message")
    message = mapping(part.get("message"), "a message")
    yield from thought(message.get("thinking"))
    yield from speech(message.get("content"))
    # Ollama sends every call whole.
    for call in listed(message.get("tool_calls"), "tool calls"):
        yield calls.read(call, index=len(calls))
    if part.get("done"):
        counted = Usage(input_tokens=count(part.get("prompt_eval_count")), output_tokens=count(part.get("eval_count")))
        if counted != Usage():
            yield UsageDelta(counted)
        yield StopDelta(read_stop(row, part.get("done_reason") or "stop", has_calls=len(calls) > 0))


def _json_of(body: bytes) -> Any:
    """The document in an error's body, or its text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _wire_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    # Ollama knows a tool's result by the tool's name, not by the call's id.
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    return [_wire_message(message, names) for message in messages]


def _wire_message(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role.value, "content": message.content}
    if message.images:
        wire["images"] = [image.data_base64 for image in message.images]
    if message.tool_calls:
        wire["tool_calls"] = [
            {"function": {"name": call.name, "arguments": dict(call.arguments)}} for call in message.tool_calls
        ]
    if message.tool_call_id:
        wire["tool_name"] = names.get(message.tool_call_id, message.tool_call_id)
    return wire


def _wire_tool(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
    }
