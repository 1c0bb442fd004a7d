"""What a completion is: the request, the pieces it comes back in, and the ways it can fail.

A failure keeps to the axis of ``lotus_tasks.errors``:

    Transient ── ModelUnavailable    the same call may work later: too many requests, a fault, a time limit, a cut stream
    Permanent ── ModelRefusal        the same call fails the same way: a wrong key, an unknown model, a prompt too long
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from lotus_tasks.errors import Permanent, Transient

ProviderName = NewType("ProviderName", str)
ModelName = NewType("ModelName", str)

OFFLINE = ProviderName("offline")


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class StopReason(StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    FILTERED = "filtered"


class FailureKind(StrEnum):
    """What went wrong with one call, as every adapter names it."""

    RATE_LIMITED = "rate_limited"
    SERVER_FAULT = "server_fault"
    REFUSED = "refused"
    UNRESOLVED = "unresolved"
    NO_FIRST_TOKEN = "no_first_token"  # noqa: S105 - a model's token
    STALLED = "stalled"
    TOO_LONG = "too_long"
    CUT = "cut"
    GARBAGE = "garbage"
    EMPTY = "empty"
    WRONG_KEY = "wrong_key"
    UNKNOWN_MODEL = "unknown_model"
    CONTEXT_EXCEEDED = "context_exceeded"
    BAD_REQUEST = "bad_request"
    NOT_CAPABLE = "not_capable"
    FILTERED = "filtered"
    OVER_BUDGET = "over_budget"
    INTERRUPTED = "interrupted"


class ModelUnavailable(Transient):
    """The provider failed in a way that may pass. ``summary`` is a few words for ``degraded``: ``503``, ``cut mid-stream``."""

    def __init__(self, kind: FailureKind, summary: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.kind = kind
        self.summary = summary


class ModelRefusal(Permanent):
    """The provider will not do this call, however often it is asked."""

    def __init__(self, kind: FailureKind, summary: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.summary = summary


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call the model asks for; ``arguments`` is the parsed JSON object.

    ``signature``: opaque, base64; a vendor that gave one wants it back beside the call.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool offered to the model; ``parameters`` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image beside a message, base64 without a data: prefix."""

    media_type: str
    data_base64: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a prompt. ``tool_call_id`` names the call that a TOOL message answers."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """A recalled memory, offered as evidence. ``number`` is what the answer cites as ``[number]``, from 1."""

    number: int
    memory_id: str
    text: str
    source: str
    score: float
    happened_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """What to complete, for any provider. ``model`` None means the provider's own default.

    ``messages`` hold no recalled text; the prompt is composed from them and from ``memories`` for the model's context size.
    """

    messages: tuple[Message, ...]
    question: str
    memories: tuple[Recollection, ...] = ()
    tools: tuple[Tool, ...] = ()
    provider: ProviderName | None = None
    model: ModelName | None = None
    max_tokens: int | None = None
    temperature: float | None = None

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


Delta = TextDelta | ThoughtDelta | NoticeDelta | ToolCallDelta | UsageDelta | StopDelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A finished answer and how it came about. ``notice`` is the part of ``text`` that speaks about LOTUS, not the question."""

    text: str
    provider: ProviderName
    model: ModelName
    usage: Usage
    stop_reason: StopReason
    tool_calls: tuple[ToolCall, ...] = ()
    degraded: tuple[str, ...] = ()
    notice: str = ""
    first_token_ms: float | None = None
    total_ms: float = 0.0
    offered: tuple[Recollection, ...] = ()


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


class ProviderKind(StrEnum):
    """The wire format a provider speaks."""

    OLLAMA = "ollama"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens."""

    input_usd: float = 0.0
    output_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds kept across all workers; None means none."""

    concurrent_calls: int | None = None
    tokens_per_minute: int | None = None
    daily_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRow:
    """One provider as data. A new OpenAI-compatible vendor is a new row, never a new class.

    ``api_key`` never appears in ``repr``. ``missing`` says what has to be set before the provider can be used, or "".
    """

    name: ProviderName
    kind: ProviderKind
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    key_variable: str = ""
    model: ModelName = ModelName("")
    models: tuple[ModelName, ...] = ()
    context_tokens: int = 8192
    price: Price = Price()
    limits: Limits = Limits()
    takes_tools: bool = True
    takes_images: bool = True
    missing: str = ""

    @property
    def configured(self) -> bool:
        """Whether everything the provider needs was given."""
        return not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """How long one call may take, in seconds."""

    connect_s: float = 5.0
    first_token_s: float = 60.0
    between_tokens_s: float = 30.0
    overall_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A model that a provider offers."""

    name: ModelName
    context_tokens: int | None = None
    size_bytes: int | None = None
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatus:
    """The health of one provider. ``reachable`` None: not asked, since it isn't configured."""

    name: ProviderName
    kind: ProviderKind
    configured: bool
    reachable: bool | None
    detail: str
    model: ModelName = ModelName("")
    latency_ms: float | None = None
    models: tuple[ModelName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProgress:
    """How far the download of a model is. ``total_bytes`` 0: this part has no size."""

    status: str
    completed_bytes: int = 0
    total_bytes: int = 0
