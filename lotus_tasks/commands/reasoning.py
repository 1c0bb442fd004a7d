"""What is asked of reasoning. A new run is no command: it is a row, and its first step is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lotus_tasks.commands.codec import Command, Nothing
from lotus_tasks.values import CommandId, ConversationId, RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance(Command[Nothing]):
    """Carry a run on after its command ended. ``event``: what says so; a failure says why, and whether it may have had effect."""

    verb: ClassVar[str] = "reasoning.advance"
    run_id: RunId
    command_id: CommandId
    event: str
    reason: str = ""
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsAnswered:
    """How many steps waited for the answer."""

    answered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Command[StepsAnswered]):
    """The user's yes or no to the ``steps`` of a run that they were shown; ``always``: a yes for their destinations, for good."""

    verb: ClassVar[str] = "reasoning.answer"
    run_id: RunId
    approved: bool
    steps: tuple[int, ...]
    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Summarise(Command[Nothing]):
    """Put a conversation's older turns into its summary. ``run_id``: after which; its provider and model write it."""

    verb: ClassVar[str] = "reasoning.summarise"
    conversation_id: ConversationId
    run_id: RunId
    provider: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Command[Nothing]):
    """Start a failed or cancelled run again, from the step it had reached."""

    verb: ClassVar[str] = "reasoning.retry"
    run_id: RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUpWaiting(Command[Nothing]):
    """Say no to what the user has left unanswered for too long."""

    verb: ClassVar[str] = "reasoning.give_up_waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsStarted:
    """How many runs were ``started``."""

    started: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDue(Command[RunsStarted]):
    """Start the runs that the user's schedules say."""

    verb: ClassVar[str] = "reasoning.start_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp(Command[RunsStarted]):
    """Start the runs that the user's subscriptions ask for after an event."""

    verb: ClassVar[str] = "reasoning.follow_up"
    event_id: int
