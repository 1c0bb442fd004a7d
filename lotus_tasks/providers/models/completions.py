"""What a completion is: the request, and the pieces it comes back in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from lotus_tasks.origins import Origin
from lotus_tasks.providers.models.failures import FailureKind
from lotus_tasks.providers.models.providers import ModelName, ProviderName


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Among(StrEnum):
    """Who may answer a request: anyone, any model (not the offline provider), or a model on this machine."""

    ALL = "all"
    MODELS = "models"
    LOCAL = "local"


class StopReason(StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    FILTERED = "filtered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call the model asks for; ``arguments`` is the parsed JSON object.

    ``signature``: opaque, base64; a vendor that gave one wants it back beside the call. ``malformed``: what the model gave
    instead of a JSON object.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]
    signature: str = ""
    malformed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool offered to the model; ``parameters`` is a JSON schema of type object. ``origin``: of what is said of it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image beside a message, base64 without a data: prefix."""

    media_type: str
    data_base64: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a prompt, and whose words it holds. ``tool_call_id`` names the call that a TOOL message answers."""

    role: Role
    content: str
    origin: Origin
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """A recalled memory, offered as evidence. ``number`` is what the answer cites as ``[number]``, from 1.

    ``heading``: under which it stands in its document. ``valid_to``: until when it held; None while it holds.
    """

    number: int
    memory_id: str
    text: str
    source: str
    score: float
    origin: Origin
    happened_at: str | None = None
    heading: str | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedText:
    """A text that was given with the question, beside its name. It also stands in the messages."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """What to complete, for any provider. ``model`` None means the provider's own default.

    ``messages`` hold no recalled text; the prompt is composed from them and from ``memories`` for the model's context size.
    ``support``: how well those answer the question, log odds; below 0 they only come nearest; None where nobody judged.
    ``attachments``: what was given with the question, for whoever reads no messages.
    ``failed``: what kept the models that were asked before from answering, one short line each; for whoever stands in for them.
    """

    messages: tuple[Message, ...]
    question: str
    memories: tuple[Recollection, ...] = ()
    support: float | None = None
    attachments: tuple[AttachedText, ...] = ()
    tools: tuple[Tool, ...] = ()
    provider: ProviderName | None = None
    model: ModelName | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    among: Among = Among.ALL
    failed: tuple[str, ...] = ()

    @property
    def needs_images(self) -> bool:
        """Whether a message carries an image."""
        return any(message.images for message in self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counted them; ``estimated`` where it counted none."""

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtDelta:
    """A piece of the model's thinking: a sign of life, never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class RecastDelta:
    """All the text so far was thinking, as has turned out only now."""


@dataclass(frozen=True, slots=True)
class NoticeDelta:
    """A piece of the answer that speaks about LOTUS, not about the question."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """A piece of a tool call. Pieces of one ``index`` belong together; ``arguments`` pieces join to one JSON text."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class UsageDelta:
    """The counts, usually at the end."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class StopDelta:
    """The model's own word that it is done. A stream that ends without one was cut."""

    reason: StopReason


Delta = TextDelta | ThoughtDelta | RecastDelta | NoticeDelta | ToolCallDelta | UsageDelta | StopDelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A finished answer and how it came about. ``origin``: the least trusted of what the model was shown.

    ``notice`` is the part of ``text`` that speaks about LOTUS, not the question.

    ``offered`` are the memories that were in the prompt; ``left_out_…`` count what the model's context had no room for.
    """

    text: str
    provider: ProviderName
    model: ModelName
    usage: Usage
    stop_reason: StopReason
    origin: Origin
    tool_calls: tuple[ToolCall, ...] = ()
    degraded: tuple[str, ...] = ()
    notice: str = ""
    first_token_ms: float | None = None
    total_ms: float = 0.0
    offered: tuple[Recollection, ...] = ()
    left_out_memories: int = 0
    left_out_turns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call to one provider, for the usage table: ``failure`` None means it answered."""

    provider: ProviderName
    model: ModelName
    started_at: datetime
    usage: Usage = Usage()
    failure: FailureKind | None = None
    first_token_ms: float | None = None
    total_ms: float = 0.0
