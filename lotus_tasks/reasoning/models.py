"""What a run is, what can happen to it, and what a decision says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from lotus_tasks.manifest import ToolCard
from lotus_tasks.origins import OUTSIDE, Origin
from lotus_tasks.values import CommandId, ConversationId, RunId
from lotus_tasks.work import CommandSpec

StepKind = Literal["recall", "think", "act", "conclude"]
StepEnd = Literal["succeeded", "failed", "unknown", "denied"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An earlier exchange of the conversation. ``answer_origin``: the least trusted of what its answer was made with."""

    question: str
    answer: str
    question_origin: Origin
    answer_origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was said before ``Run.history``, in short. ``origin``: the least trusted of what it was made of."""

    text: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file given with the question, or what came through a pipe: its name and its text, and whose both are."""

    name: str
    text: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the user asked for beside the question.

    ``memories``: how many memories to recall. ``max_steps``: how often the model may think before it must conclude,
    ``max_tokens``: how many tokens it may read and write in all, ``max_seconds``: how long all steps may take, ``max_usd``: what
    they may cost (None: anything). ``tools``: whether it may use tools at all. ``origin``: of the question; not the user's
    where it came through a pipe or holds an event's fields. ``schema``: the JSON Schema that the answer must fit, and its origin.
    """

    origin: Origin
    provider: str | None = None
    model: str | None = None
    memories: int = 10
    max_steps: int = 8
    max_tokens: int = 200_000
    max_seconds: float = 900.0
    max_usd: float | None = 1.0
    tools: bool = True
    attachments: Sequence[Attachment] = ()
    schema: Mapping[str, Any] | None = None
    schema_origin: Origin = OUTSIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. ``status`` is waiting (for a yes), running, succeeded, failed, unknown, denied or cancelled.

    ``detail`` is JSON for a person's eyes; an act's holds its ``tool``, ``arguments``, ``call_id`` and the ``think`` step
    it is of.

    ``result`` is the whole result of its command, once there is one. ``began_at`` and ``ended_at``: when a worker took the
    command up, and when it was done. ``origin``: of what it brought, or failed with; of a thought, the least trusted it has read.
    """

    seq: int
    kind: StepKind
    status: str
    origin: Origin
    command_id: CommandId | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    began_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a server said of a tool when the user said yes to it. ``digest`` stands for all of it."""

    digest: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the user said yes to for good: ``destinations`` (destinations.py), and what servers said of tools, by their names."""

    destinations: frozenset[str] = frozenset()
    pins: Mapping[str, Pin] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as decide sees it: its question, its steps so far, the conversation before it, and what the user trusts for good."""

    run_id: RunId
    conversation_id: ConversationId
    question: str
    created_at: datetime
    options: RunOptions
    attempt: int = 1
    steps: Sequence[Step] = ()
    summary: Summary | None = None
    history: Sequence[Turn] = ()
    tools: Sequence[ToolCard] = ()
    trust: Trust = field(default_factory=Trust)

    @property
    def next_seq(self) -> int:
        """The number of the step to come, from 1."""
        return max((step.seq for step in self.steps), default=0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The run is new, or was started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded:
    """The command of a step succeeded with ``result``."""

    step: Step
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """The command of a step ended without a result; ``unknown``: it may have taken effect."""

    step: Step
    reason: str
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The user said yes or no to a step that waits; ``always``: the yes is for its destination, for good."""

    step: Step
    approved: bool
    always: bool = False
    reason: str = "the user said no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the user said to a run that waits: to all of its ``steps`` that do, or to those they were shown."""

    approved: bool
    always: bool = False
    steps: frozenset[int] | None = None
    reason: str = "the user said no"


Happening = Submitted | StepEnded | StepFailed | Answered


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUpdate:
    """How a step ended, and the origin of what it brought."""

    seq: int
    status: StepEnd
    origin: Origin
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStep:
    """A step to insert, with the command that does it; without one it has ended as ``status`` says, or waits for a yes."""

    seq: int
    kind: StepKind
    origin: Origin
    command: CommandSpec | None = None
    status: Literal["running", "waiting", "succeeded", "failed"] = "succeeded"
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A memory that the answer quotes. ``score`` as recall gave it; ``date``: when it happened, else when it was stored (ISO)."""

    memory_id: str
    text: str
    source: str
    score: float
    number: int
    heading: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """How the run ends. ``degraded``: what had to be done without, one short line each. ``origin``: the least
    trusted of all that the run's model saw.

    ``stop_reason``: why the model stopped (``stop``, ``length``, ``filtered``, …); None where none answered.
    """

    status: Literal["succeeded", "failed"]
    origin: Origin
    answer: str | None = None
    error: str | None = None
    citations: Sequence[Citation] = ()
    provider: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    degraded: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A step that waited may run now."""

    seq: int
    command: CommandSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows from a happening. All of it commits together. ``waits``: whether the run now waits for the user.

    ``trusts``: destinations that the user said yes to for good; ``pins``: tools of whom they know what their server says.
    """

    updates: Sequence[StepUpdate] = ()
    releases: Sequence[Release] = ()
    waits: bool | None = None
    steps: Sequence[NewStep] = ()
    conclusion: Conclusion | None = None
    trusts: Sequence[str] = ()
    pins: Sequence[ToolCard] = ()
