"""The outbox: commands and events in PostgreSQL, committed with the state they follow from.

A command is a row; a Celery message is only its wake-up call. What happens to a row:

    insert ──▶ queued ──claim──▶ running ──finish──▶ succeeded
                 ▲                 │  │ └─fail─────▶ failed | cancelled
                 └──retry, hand back─┘  └─worker died, out of attempts or not idempotent─▶ failed | unknown

Every write of a running command checks the fence that its claim counted, so a stale worker's write is refused.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

from lotus_tasks.commands import codec
from lotus_tasks.errors import LotusError, StaleLease, Transient
from lotus_tasks.events import CommandFailed, Event
from lotus_tasks.spine import queries
from lotus_tasks.spine.crashpoints import crash_point
from lotus_tasks.spine.database import Connection, Database, json_parameter, strip_nul
from lotus_tasks.values import CommandId, RunId, derive_command_id
from lotus_tasks.work import CommandSpec, Outcome

SEND_GRACE_S = 3.0
"""How long an inserter that sends its own commands has before the relay does it for it."""
SILENT_WORKER_S = 12.0
"""A living worker is seen every 3 s."""
LONGEST_RESEND_S = 6.0
"""The longest pause between two wake-up calls for one unclaimed command: below the promise of 15 s after a fault."""

Subscribers = Callable[[str], Sequence[str]]
"""Event name → the tasks it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A command that is ours until ``lease``: what a claim returned."""

    command_id: CommandId
    run_id: RunId | None
    name: str
    payload: Mapping[str, Any]
    attempt: int
    max_attempts: int
    idempotent: bool
    fence: int
    queued_at: datetime

    @property
    def is_repeatable_step(self) -> bool:
        """Whether a power cut may forget this command's end: its run then goes on from the step before, as after a crash."""
        return self.idempotent and self.run_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUp:
    """What a Celery message says: which task, which command, on which queue."""

    command_id: CommandId
    name: str
    queue: str
    background: bool = False


@dataclass(slots=True, kw_only=True)
class OutboxTransaction:
    """A transaction that can publish and submit. ``wake_ups`` are sent after the commit by whoever opened it.

    ``cause``: a text that makes this transaction's events unique: the same cause publishes the same event once.
    """

    conn: Connection
    subscribers: Subscribers
    cause: str
    sends_itself: bool = True
    wake_ups: list[WakeUp] = field(default_factory=list)

    def publish(self, event: Event) -> None:
        """Insert the event and a command for each subscriber: the manifests', and the user's (event_followers)."""
        run_id = getattr(event, "run_id", None)
        background = self.sends_itself and run_id is None
        starts = [
            WakeUp(command_id=spec.id, name=spec.name, queue=spec.queue, background=background)
            for task in self.subscribers(event.name)
            for spec in [CommandSpec(name=task, key=_follow_up_key(self.cause, event.name, task))]
        ]
        row = self.conn.execute(
            queries.load("outbox").publish_event,
            {
                "key": f"{self.cause}/{event.name}",
                "name": event.name,
                "payload": json_parameter(event.payload()),
                "run_id": run_id,
                "parent": self._parent(),
                "ids": [start.command_id for start in starts],
                "tasks": [start.name for start in starts],
                "queues": [start.queue for start in starts],
                "background": background,
                "sends": int(self.sends_itself),
                "grace_s": SEND_GRACE_S if self.sends_itself else 0.0,
            },
        ).fetchone()
        if row is None:
            return
        self.wake_ups.extend(starts)
        for task in row["followers"]:
            # No part of the run that published: its end or its cancellation is none of theirs.
            follow_up = {"event": event.name, "event_id": row["id"]}
            self.submit(CommandSpec(name=task, key=_follow_up_key(self.cause, event.name, task), payload=follow_up))

    def _parent(self) -> uuid.UUID | None:
        """The command in whose work this happens, where the cause is one."""
        try:
            return uuid.UUID(self.cause)
        except ValueError:
            return None

    def submit(self, spec: CommandSpec) -> CommandId:
        """Insert the command unless its key is known."""
        background = self.sends_itself and spec.run_id is None and not spec.urgent
        row = self.conn.execute(
            queries.load("outbox").insert_command,
            {
                "id": spec.id,
                "run_id": spec.run_id,
                "name": spec.name,
                "queue": spec.queue,
                "payload": json_parameter(dict(spec.payload)),
                "max_attempts": spec.max_attempts,
                "idempotent": spec.idempotent,
                "background": background,
                "not_before": spec.not_before,
                "sends": int(self.sends_itself and spec.not_before is None),
                "grace_s": SEND_GRACE_S if self.sends_itself else 0.0,
                "parent": self._parent(),
            },
        ).fetchone()
        if row is not None and spec.not_before is None:
            self.wake_ups.append(WakeUp(command_id=spec.id, name=spec.name, queue=spec.queue, background=background))
        return spec.id


class Outbox:
    """Claims, ends and re-sends commands. ``queues``: those of this LOTUS, which have or will have a worker."""

    def __init__(self, database: Database, *, subscribers: Subscribers, lease_s: float, queues: Sequence[str]) -> None:
        self.database = database
        self.subscribers = subscribers
        self.lease_s = lease_s
        self.queues = list(queues)
        self._sql = queries.load("outbox")

    def claim(self, command_id: uuid.UUID, *, owner: str) -> Claim | None:
        """Take the command, or None where there is nothing to take."""
        with self.database.statement() as conn:
            row = conn.execute(self._sql.claim, {"id": command_id, "owner": owner, "lease_s": self.lease_s}).fetchone()
        if row is None:
            return None
        crash_point("after_claim", row["name"])
        same = ("run_id", "name", "payload", "attempt", "max_attempts", "idempotent", "fence")
        claimed = {name: row[name] for name in same}
        return Claim(command_id=CommandId(row["id"]), queued_at=row["created_at"], **claimed)

    def finish(self, claim: Claim, outcome: Outcome[Any]) -> list[WakeUp]:
        """Commit the outcome with the command's success. Returns what to send. Raises StaleLease, and then nothing is kept."""
        with self.database.transaction() as conn:
            tx = OutboxTransaction(conn=conn, subscribers=self.subscribers, cause=str(claim.command_id))
            mine = {"id": claim.command_id, "fence": claim.fence, "quick": claim.is_repeatable_step}
            finished = {**mine, "result": _result_parameter(outcome.result)}
            if conn.execute(self._sql.finish, finished).fetchone() is None:
                raise _taken_over(claim)
            # What only the database knows is the result then.
            if outcome.write is not None and (written := outcome.write(tx)) is not None:
                conn.execute(self._sql.keep_result, {**mine, "result": _result_parameter(written)})
            for event in outcome.events:
                tx.publish(event)
            for spec in outcome.commands:
                tx.submit(spec)
            crash_point("before_finish", claim.name)
            return tx.wake_ups

    def retry(self, claim: Claim, error: Transient, *, delay_s: float) -> list[WakeUp]:
        """Queue the command again after ``delay_s``; with no attempt left, fail it."""
        with self.database.transaction() as conn:
            row = conn.execute(
                self._sql.retry_later,
                {"id": claim.command_id, "fence": claim.fence, "error": strip_nul(str(error)), "delay_s": delay_s},
            ).fetchone()
        return [] if row is not None else self.end(claim, error)

    def hand_back(self, claim: Claim) -> None:
        """Queue the command again at once; the attempt isn't spent."""
        with self.database.transaction() as conn:
            conn.execute(self._sql.hand_back, {"id": claim.command_id, "fence": claim.fence})
            conn.execute(self._sql.wake_relay)

    def end(self, claim: Claim, error: LotusError, *, status: str = "failed") -> list[WakeUp]:
        """End the command without a result, and tell its run."""
        with self.database.transaction() as conn:
            row = conn.execute(
                self._sql.end_without_result,
                {"id": claim.command_id, "fence": claim.fence, "error": strip_nul(str(error)), "status": status},
            ).fetchone()
            return [] if row is None else self._tell_end(conn, row)

    def end_lost(self) -> list[WakeUp]:
        """End what died with its worker and must not run again. Returns what to send."""
        return self._end_rows(self._sql.end_lost, {})

    def end_unserved(self, served: Sequence[str]) -> list[WakeUp]:
        """End what no module serves: ``served`` are the tasks there are. Returns what to send."""
        return self._end_rows(self._sql.end_unserved, {"names": list(served)})

    def _end_rows(self, query: LiteralString, parameters: Mapping[str, Any]) -> list[WakeUp]:
        with self.database.transaction() as conn:
            return [
                wake_up for row in conn.execute(query, parameters).fetchall() for wake_up in self._tell_end(conn, row)
            ]

    def _tell_end(self, conn: Connection, row: Mapping[str, Any]) -> list[WakeUp]:
        """Let whoever waits for a command know that it ended without a result. Returns what to send.

        A run learns it by an event. Where the command was itself the delivery of an event, another one could fail the same
        way for ever: a run that can't be told what happened to it ends here.
        """
        if row["run_id"] is None:
            conn.execute("SELECT pg_notify('lotus_ended', %s)", (str(row["id"]),))
            return []
        if row["status"] == "cancelled":
            return []
        reason = str(row["error"])
        if row["delivers"] is not None:
            conn.execute(self._sql.fail_run, {"id": row["run_id"], "error": reason})
            return []
        tx = OutboxTransaction(conn=conn, subscribers=self.subscribers, cause=str(row["id"]))
        unknown = row["status"] == "unknown"
        tx.publish(CommandFailed(run_id=row["run_id"], command_id=row["id"], reason=reason, unknown=unknown))
        return tx.wake_ups

    def take_fresh(self) -> list[WakeUp]:
        """What nobody has sent yet."""
        with self.database.statement() as conn:
            rows = conn.execute(self._sql.take_fresh, {"grace_s": SEND_GRACE_S, "queues": self.queues}).fetchall()
        return [_wake_up(row) for row in rows]

    def take_due(self, depth: Callable[[str], int | None]) -> list[WakeUp]:
        """What to send now: never sent, or sent and neither claimed nor on its queue any more.

        ``depth(queue)``: how many messages wait on the queue, None where that can't be told now. A command that was sent is
        only sent again while its queue is known to hold fewer messages than it has unclaimed commands, so a slow worker gets
        no heap of duplicates.
        """
        with self.database.transaction() as conn:
            due = conn.execute(self._sql.due, self._reach()).fetchall()
            if not due:
                return []
            missing = {row["queue"]: row["unclaimed"] for row in conn.execute(self._sql.unclaimed).fetchall()}
        for queue in {row["queue"] for row in due if row["sends"] > 0}:
            waiting = depth(queue)
            missing[queue] = 0 if waiting is None else missing.get(queue, 0) - waiting
        chosen = []
        for row in due:
            if row["sends"] == 0 or row["lost"]:
                chosen.append(row["id"])
            elif missing.get(row["queue"], 0) > 0:
                missing[row["queue"]] -= 1
                chosen.append(row["id"])
        if not chosen:
            return []
        with self.database.transaction() as conn:
            conn.execute(self._sql.commit_quickly)
            rows = conn.execute(self._sql.mark_sent, {"ids": chosen, "longest_s": LONGEST_RESEND_S}).fetchall()
        return [_wake_up(row) for row in rows]

    def stranded(self) -> Mapping[str, int]:
        """The queues that nobody has, with how many commands wait there; they are sent when a worker has the queue."""
        with self.database.statement() as conn:
            rows = conn.execute(self._sql.stranded, self._reach()).fetchall()
        return {row["queue"]: row["waiting"] for row in rows}

    def _reach(self) -> Mapping[str, Any]:
        """Which queues somebody has: this LOTUS's, and those of workers that were seen lately."""
        return {"queues": self.queues, "silent_s": SILENT_WORKER_S}

    def expire_leases_of(self, owner: str) -> None:
        """Free what the former process of this name held."""
        with self.database.transaction() as conn:
            conn.execute(self._sql.expire_leases_of, {"owner": owner})


def _result_parameter(result: object) -> object:
    return json_parameter({} if result is None else codec.write(result))


def _wake_up(row: Mapping[str, Any]) -> WakeUp:
    return WakeUp(command_id=CommandId(row["id"]), name=row["name"], queue=row["queue"], background=row["background"])


def _taken_over(claim: Claim) -> StaleLease:
    return StaleLease(f"{claim.name} {claim.command_id} was taken over; this worker's result was dropped")


def follow_up_id(cause: str, event: str, task: str) -> CommandId:
    """The id of the command that ``event``, published by the command ``cause``, starts for the subscriber ``task``."""
    return derive_command_id(_follow_up_key(cause, event, task))


def _follow_up_key(cause: str, event: str, task: str) -> str:
    return f"{cause}/{event}>{task}"
