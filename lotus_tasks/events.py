"""What happened, in the past tense: the only way one module learns of another.

An event is a frozen dataclass whose fields are ids and small scalars. Publishing one inserts a row in ``events`` and one
command per subscriber in the transaction that caused it; the subscriber's payload is the event's fields and ``event_id``.
"""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from lotus_tasks.values import CommandId, ConversationId, PerceptId, RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The root of all events. ``name`` is ``module.past_participle``."""

    name: ClassVar[str]

    def payload(self) -> dict[str, Any]:
        """The fields as JSON: ids become strings."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecalled(Event):
    """A recall for a run has its result in ``commands.result``."""

    name: ClassVar[str] = "memory.recalled"
    run_id: RunId
    command_id: CommandId


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryStored(Event):
    """``count`` memories from ``source`` were committed."""

    name: ClassVar[str] = "memory.stored"
    source: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCompleted(Event):
    """A model's reply for a run is in ``commands.result``."""

    name: ClassVar[str] = "provider.completed"
    run_id: RunId
    command_id: CommandId


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUsed(Event):
    """A tool did its work for a run; what it answered is in ``commands.result``."""

    name: ClassVar[str] = "tool.used"
    run_id: RunId
    command_id: CommandId


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptCaptured(Event):
    """A source was read; its chunks are in ``percept_chunks``."""

    name: ClassVar[str] = "percept.captured"
    percept_id: PerceptId
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConcluded(Event):
    """A run has its answer."""

    name: ClassVar[str] = "run.concluded"
    run_id: RunId
    conversation_id: ConversationId


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFailed(Event):
    """A command of a run ended without a result: it failed, or whether it took effect is ``unknown``."""

    name: ClassVar[str] = "command.failed"
    run_id: RunId
    command_id: CommandId
    reason: str
    unknown: bool


EVENTS: dict[str, type[Event]] = {
    event.name: event
    for event in (
        MemoryRecalled,
        MemoryStored,
        ProviderCompleted,
        ToolUsed,
        PerceptCaptured,
        RunConcluded,
        CommandFailed,
    )
}
"""Every event there is, by name. What isn't here can't be published or subscribed to."""


def _plain(value: object) -> object:
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
