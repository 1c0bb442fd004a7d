"""Submitting work from outside the workers: what the command line does. The relay sends it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from lotus_tasks.commands import codec
from lotus_tasks.commands.codec import Command
from lotus_tasks.errors import Permanent
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, connect
from lotus_tasks.spine.outbox import OutboxTransaction
from lotus_tasks.values import CommandId
from lotus_tasks.work import CommandSpec

R = TypeVar("R")


def submit(conn: Connection, specs: Iterable[CommandSpec]) -> list[CommandId]:
    """Insert commands for the relay to send, and wake it: what the CLI does. The caller commits."""
    tx = OutboxTransaction(conn=conn, subscribers=lambda _event: (), cause="", sends_itself=False)
    ids = [tx.submit(spec) for spec in specs]
    conn.execute(queries.load("outbox").wake_relay)
    return ids


def ask(
    database_url: str,
    command: Command[R],
    *,
    timeout_s: float = 60.0,
    waiting: Callable[[float], None] | None = None,
) -> R:
    """Submit a command that nobody has submitted before, and wait for its result: see submit_and_wait."""
    spec = CommandSpec.of(command, key=f"{command.verb}/{uuid.uuid4()}")
    result = submit_and_wait(database_url, spec, timeout_s=timeout_s, waiting=waiting)
    return codec.read(codec.result_class(type(command)), result)


def submit_and_wait(
    database_url: str,
    spec: CommandSpec,
    *,
    timeout_s: float = 60.0,
    waiting: Callable[[float], None] | None = None,
) -> Mapping[str, Any]:
    """Submit a command from outside the workers and wait for its result.

    ``waiting(elapsed_s)`` is called about twice a second while nothing comes. Raises Permanent with the command's own error
    where it failed, TimeoutError after ``timeout_s`` (the command goes on), ServiceDown without PostgreSQL.
    """
    sql = queries.load("outbox")
    started = time.monotonic()
    with connect(database_url, autocommit=True) as conn:
        conn.execute("LISTEN lotus_ended")
        with conn.transaction():
            submit(conn, [spec])
        while True:
            row = conn.execute(sql.command, {"id": spec.id}).fetchone()
            if row is not None and row["status"] == "succeeded":
                return dict(row["result"] or {})
            if row is None or row["status"] in ("failed", "unknown", "cancelled"):
                raise Permanent(row["error"] if row and row["error"] else f"{spec.name} was dropped")
            elapsed_s = time.monotonic() - started
            if elapsed_s > timeout_s:
                raise TimeoutError(f"{spec.name} has not ended within {timeout_s:g} s; it goes on in the background")
            for notification in conn.notifies(timeout=0.5, stop_after=1):
                if notification.payload == str(spec.id):
                    break
            else:
                if waiting is not None:
                    waiting(elapsed_s)
