"""The contract between a task body and the Task base that claims, renews, commits and retries for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from lotus_tasks.commands import codec
from lotus_tasks.commands.codec import Command
from lotus_tasks.errors import InvalidInput
from lotus_tasks.events import Event
from lotus_tasks.values import CommandId, RunId, derive_command_id

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """A command to be: one row in ``commands``, one wake-up on the queue of its name's prefix.

    ``key`` makes it idempotent: the id is derived from it, and a second submission of the same key changes nothing.
    ``urgent``: goes before background work although it belongs to no run. Work that follows from work of no run (storing and
    indexing what was read) is background: a person's question never waits behind it.
    ``idempotent=False``: when a worker dies in it, it becomes ``unknown`` and is never run again by itself.
    """

    name: str
    key: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    run_id: RunId | None = None
    max_attempts: int = 3
    not_before: datetime | None = None
    idempotent: bool = True
    urgent: bool = False

    @classmethod
    def of(
        cls,
        command: Command[Any],
        *,
        key: str,
        module: str = "",
        run_id: RunId | None = None,
        max_attempts: int = 3,
        not_before: datetime | None = None,
        idempotent: bool = True,
    ) -> CommandSpec:
        """The row of a command. ``module``: whose verb is meant, where every module has it."""
        return cls(
            name=f"{module}.{command.verb}" if module else command.verb,
            key=key,
            payload=codec.write(command),
            run_id=run_id,
            max_attempts=max_attempts,
            not_before=not_before,
            idempotent=idempotent,
        )

    @property
    def id(self) -> CommandId:
        """The command's id, which is the Celery task id and the idempotency key."""
        return derive_command_id(self.key)

    @property
    def queue(self) -> str:
        """The queue: the prefix of the name."""
        return self.name.partition(".")[0]


_TEXT = (
    "text", "query", "kind", "source", "key", "path", "id", "what", "conversation", "conversation_id", "thread", "segment",
    "speaker", "provider", "model", "subject", "tool", "content", "origin", "run_id", "command_id", "percept_id", "question",
    "then",
)  # fmt: skip
FIELD_TYPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(_TEXT, str),
    **dict.fromkeys(("importance", "temperature", "k", "position", "after_no", "event_id", "max_tokens"), (int, float)),
    **dict.fromkeys(("provenance", "filters"), Mapping),
    **dict.fromkeys(("items", "ids", "lines", "messages", "steps"), (list, tuple)),
}
"""What a payload's field of this name is, in every task: JSON has more types than a task has uses for."""


def refuse_mistyped(payload: Mapping[str, Any]) -> None:
    """Raises InvalidInput where a field of the payload, or of one of its ``items``, is of another type. None is no value."""
    for name, value in payload.items():
        wanted = FIELD_TYPES.get(name)
        is_right = wanted is None or value is None or (isinstance(value, wanted) and not isinstance(value, bool))
        if not is_right:
            said = {str: "text", Mapping: "an object", (list, tuple): "a list"}.get(wanted, "a number")
            raise InvalidInput(f"the field {name!r} is {said}, not {type(value).__name__}")
    for item in payload.get("items") or ():
        if not isinstance(item, Mapping):
            raise InvalidInput(f"an item is an object, not {type(item).__name__}")
        refuse_mistyped(item)


class Transaction(Protocol):
    """The one transaction in which a command succeeds."""

    @property
    def conn(self) -> Any:
        """The psycopg connection, with dict rows."""

    def publish(self, event: Event) -> None:
        """Insert the event and one command per subscriber."""

    def submit(self, spec: CommandSpec) -> CommandId:
        """Insert a command, once per key; it is sent after the commit."""


class Work(Protocol):
    """One claimed command. The lease is renewed by the worker while the body runs."""

    command_id: CommandId
    run_id: RunId | None
    name: str
    payload: Mapping[str, Any]
    attempt: int
    max_attempts: int
    fence: int
    queued_at: datetime

    def cancelled(self) -> bool:
        """The run was cancelled: stop and raise errors.Cancelled. Cheap: asked between tokens."""

    def stopping(self) -> bool:
        """The worker is shutting down: raise errors.HandBack where the work can be done again."""

    def is_current(self) -> bool:
        """Whether the lease is still ours, as far as the last renewal knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[R_co]):
    """What a body returns: committed together with the command's success.

    ``result`` is a result's class. ``write`` runs in that transaction, after the fence was checked: what must happen exactly
    once in PostgreSQL belongs there; what it returns, if anything, is the result. ``after`` runs once that is committed: a hint
    to whoever watches, which may be lost.
    """

    result: R_co | None = None
    events: Sequence[Event] = ()
    commands: Sequence[CommandSpec] = ()
    write: Callable[[Transaction], R_co | None] | None = None
    after: Callable[[], None] | None = None
