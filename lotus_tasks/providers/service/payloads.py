"""The JSON in a command's payload and result, and the values it stands for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from lotus_tasks.commands.providers import OfferedModel, ProviderCheck
from lotus_tasks.errors import InvalidInput
from lotus_tasks.origins import read_origin
from lotus_tasks.providers.models import (
    Among,
    AttachedText,
    Completion,
    CompletionRequest,
    Image,
    Message,
    ModelInfo,
    ModelName,
    ProviderName,
    ProviderStatus,
    PullProgress,
    Recollection,
    Role,
    Tool,
    ToolCall,
)

_CITATION = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")


def read_request(payload: Mapping[str, Any]) -> CompletionRequest:
    """The request in the payload of ``providers.complete``. Raises InvalidInput naming the field that is wrong."""
    try:
        messages = tuple(_message(item) for item in payload.get("messages") or ())
        question = str(
            payload.get("question") or next((m.content for m in reversed(messages) if m.role is Role.USER), "")
        )
        if not question.strip():
            raise InvalidInput("providers.complete: the question is empty")
        return CompletionRequest(
            messages=messages,
            question=question,
            memories=tuple(_memory(index, item) for index, item in enumerate(payload.get("memories") or (), start=1)),
            support=float(payload["support"]) if payload.get("support") is not None else None,
            attachments=tuple(
                AttachedText(name=str(item["name"]), text=str(item["text"]))
                for item in payload.get("attachments") or ()
            ),
            tools=tuple(_tool(item) for item in payload.get("tools") or ()),
            provider=ProviderName(payload["provider"]) if payload.get("provider") else None,
            model=ModelName(payload["model"]) if payload.get("model") else None,
            max_tokens=int(payload["max_tokens"]) if payload.get("max_tokens") else None,
            temperature=float(payload["temperature"]) if payload.get("temperature") is not None else None,
            among=Among(payload.get("among") or Among.ALL),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"providers.complete: its payload can't be read: {type(error).__name__}: {error}") from error


def read_then(payload: Mapping[str, Any], served: Collection[str]) -> str | None:
    """The task that a completion without a run is told to: ``then`` in the payload. Raises InvalidInput.

    ``served``: the tasks there are. A task of the providers' own is refused, so that no completion goes round in a circle.
    """
    task = payload.get("then")
    if task is None:
        return None
    if not isinstance(task, str) or task not in served or task.startswith("providers."):
        raise InvalidInput(
            f"providers.complete: `then` names {task!r}, which is no task that can be told of a completion"
        )
    return task


def write_result(completion: Completion) -> dict[str, Any]:
    """The result of ``providers.complete``."""
    cited = cited_numbers(completion.text)
    return {
        "text": completion.text,
        "notice": completion.notice,
        "provider": completion.provider,
        "model": completion.model,
        "origin": completion.origin,
        "usage": {
            "input_tokens": completion.usage.input_tokens,
            "output_tokens": completion.usage.output_tokens,
            "estimated": completion.usage.estimated,
        },
        "stop_reason": completion.stop_reason.value,
        "tool_calls": [
            {
                "id": call.id,
                "name": call.name,
                "arguments": dict(call.arguments),
                "signature": call.signature,
                **({"malformed": call.malformed} if call.malformed else {}),
            }
            for call in completion.tool_calls
        ],
        "degraded": list(completion.degraded),
        "cited": [memory.memory_id for memory in completion.offered if memory.number in cited],
        "left_out": {"memories": completion.left_out_memories, "turns": completion.left_out_turns},
        "timings_ms": {
            "first_token": None if completion.first_token_ms is None else round(completion.first_token_ms, 1),
            "total": round(completion.total_ms, 1),
        },
    }


def write_status(status: ProviderStatus) -> ProviderCheck:
    """One provider's health."""
    return ProviderCheck(
        name=status.name,
        kind=status.kind.value,
        configured=status.configured,
        reachable=status.reachable,
        detail=status.detail,
        model=status.model,
        latency_ms=None if status.latency_ms is None else round(status.latency_ms, 1),
        models=status.models,
    )


def write_model(model: ModelInfo) -> OfferedModel:
    """One offered model."""
    return OfferedModel(name=model.name, context_tokens=model.context_tokens, size_bytes=model.size_bytes)


def progress_lines(parts: Iterable[PullProgress]) -> Iterator[str]:
    """A download as lines, each different from the one before: a status, with whole per cents where there is a size."""
    last = ""
    for part in parts:
        line = part.status
        if part.total_bytes:
            line = f"{line} {100 * part.completed_bytes // part.total_bytes}% of {_size(part.total_bytes)}"
        if line != last:
            last = line
            yield line


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def cited_numbers(text: str) -> set[int]:
    """The numbers an answer cites: ``[1]``, ``[1, 3]``."""
    return {int(number) for match in _CITATION.finditer(text) for number in match.group(1).split(",")}


def _message(item: Mapping[str, Any]) -> Message:
    return Message(
        role=Role(item["role"]),
        content=str(item.get("content") or ""),
        origin=read_origin(item.get("origin")),
        tool_calls=tuple(_tool_call(call) for call in item.get("tool_calls") or ()),
        tool_call_id=item.get("tool_call_id"),
        images=tuple(
            Image(media_type=image["media_type"], data_base64=image["data_base64"])
            for image in item.get("images") or ()
        ),
    )


def _memory(number: int, item: Mapping[str, Any]) -> Recollection:
    return Recollection(
        number=number,
        memory_id=str(item["memory_id"]),
        text=str(item["text"]),
        source=str(item.get("source") or "memory"),
        score=float(item.get("score") or 0.0),
        origin=read_origin(item.get("origin")),
        happened_at=item.get("happened_at"),
        heading=item.get("heading"),
        valid_to=datetime.fromisoformat(item["valid_to"]) if item.get("valid_to") else None,
    )


def _tool(item: Mapping[str, Any]) -> Tool:
    return Tool(
        name=item["name"],
        description=item.get("description") or "",
        parameters=item.get("parameters") or {"type": "object"},
        origin=read_origin(item.get("origin")),
    )


def _tool_call(item: Mapping[str, Any]) -> ToolCall:
    return ToolCall(
        id=str(item["id"]),
        name=item["name"],
        arguments=item.get("arguments") or {},
        signature=item.get("signature") or "",
    )
