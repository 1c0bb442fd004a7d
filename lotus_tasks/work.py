"""The contract between a task body and the Task base that claims, renews, commits and retries for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from lotus_tasks.events import Event
from lotus_tasks.values import CommandId, RunId, derive_command_id


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

    @property
    def id(self) -> CommandId:
        """The command's id, which is the Celery task id and the idempotency key."""
        return derive_command_id(self.key)

    @property
    def queue(self) -> str:
        """The queue: the prefix of the name."""
        return self.name.partition(".")[0]


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
class Outcome:
    """What a body returns: committed together with the command's success.

    ``result`` is JSON. ``write`` runs in that transaction, after the fence was checked: what must happen exactly once in
    PostgreSQL belongs there, and what it puts into ``result`` is kept. ``after`` runs once that is committed: a hint to
    whoever watches, which may be lost.
    """

    result: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Event] = ()
    commands: Sequence[CommandSpec] = ()
    write: Callable[[Transaction], None] | None = None
    after: Callable[[], None] | None = None
