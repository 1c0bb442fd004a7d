"""Beat's ticks, on the queue ``system``: each is taken once per slot, whoever asks, and does what needs no module."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from beat import TICKS
from lotus_tasks import bootstrap
from lotus_tasks.errors import ServiceDown
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.spine.outbox import OutboxTransaction
from lotus_tasks.spine.queues import ask_depths
from lotus_tasks.spine.sweep import sweep
from lotus_tasks.values import utc_now
from lotus_tasks.work import CommandSpec
from lotus_tasks.worker.app import app, send

KEEP_DAYS = 14
"""How long failed commands without a run, prompts of cancelled runs, and events are kept."""
DONE_KEEP_DAYS = 1
"""What succeeded and is of no further use goes sooner: the commands of a health check alone are 11 000 rows a day."""
CALLS_KEEP_DAYS = 400
"""Model calls are kept for longer: what a year has cost."""
FINDINGS_KEEP_DAYS = 7
"""What was learned of a server's models counts for a week at most (providers/adapters/findings.py)."""

log = structlog.get_logger("lotus.system")

_EVERY_S = {tick.task: tick.every_s for tick in TICKS}


def tick_task(name: str) -> Callable[[Callable[[int], None]], Callable[[int], None]]:
    """Register a tick: called with its slot, once per slot over all workers and beats."""

    def register(body: Callable[[int], None]) -> Callable[[int], None]:
        def run() -> None:
            slot = int(time.time() // _EVERY_S[name])
            try:
                with bootstrap.database().transaction() as conn:
                    conn.execute(queries.load("outbox").commit_quickly)
                    taken = conn.execute(queries.load("outbox").take_tick, {"job": name, "slot": slot}).fetchone()
                if taken is not None:
                    body(slot)
            except ServiceDown as error:
                log.warning("tick not done", tick=name, reason=str(error))

        run.__doc__ = body.__doc__
        run.__module__ = __name__
        run.__name__ = body.__name__
        app.task(name=name)(run)
        return body

    return register


@tick_task("system.sweep")
def sweep_outbox(_slot: int) -> None:
    """Send what a crash left unsent, resume what died, end what can't go on."""
    sweep(bootstrap.outbox(), bootstrap.served_tasks(), send=send, depth=queue_depth)


@tick_task("system.check_health")
def check_health(slot: int) -> None:
    """Ask every module, through its own queue, how it is."""
    submit_each([f"{manifest.name}.check_health" for manifest in bootstrap.manifests()], slot)


@tick_task("system.consolidate")
def consolidate(slot: int) -> None:
    """Let memory put itself in order."""
    submit_each(["memory.consolidate"], slot)


@tick_task("system.give_up_waiting")
def give_up_waiting(slot: int) -> None:
    """End the waiting of runs whose question to the user went unanswered."""
    submit_each(["reasoning.give_up_waiting"], slot)


@tick_task("system.start_due")
def start_due(slot: int) -> None:
    """Start what the user's schedules say, where something is due."""
    with bootstrap.database().transaction() as conn:
        row = conn.execute(queries.load("schedules").is_any_due, {"now": utc_now()}).fetchone()
    if row is not None and row["due"]:
        submit_each(["reasoning.start_due"], slot)


@tick_task("system.prune")
def prune(_slot: int) -> None:
    """Drop what is past its keeping time."""
    with bootstrap.database().transaction() as conn:
        drop_past(conn)


def drop_past(conn: Connection) -> None:
    """Everything whose keeping time is over; docs/operations.md lists the times."""
    sql = queries.load("outbox")
    conn.execute(sql.prune_commands, {"keep_days": KEEP_DAYS, "done_keep_days": DONE_KEEP_DAYS})
    conn.execute(sql.prune_payloads, {"keep_days": KEEP_DAYS, "done_keep_days": DONE_KEEP_DAYS})
    conn.execute(sql.prune_events, {"keep_days": KEEP_DAYS})
    conn.execute(sql.prune_workers)
    conn.execute(queries.load("schedules").prune_slots, {"keep_days": CALLS_KEEP_DAYS})
    conn.execute(queries.load("providers").prune_calls, {"keep_days": CALLS_KEEP_DAYS})
    conn.execute(queries.load("providers").prune_findings, {"keep_days": FINDINGS_KEEP_DAYS})


def submit_each(names: list[str], slot: int) -> None:
    """Submit a command of each name, unless one is still open."""
    sql = queries.load("outbox")
    with bootstrap.database().transaction() as conn:
        tx = OutboxTransaction(conn=conn, subscribers=bootstrap.subscribed, cause=f"tick/{utc_now():%F}/{slot}")
        for name in names:
            row = conn.execute(sql.has_open, {"name": name}).fetchone()
            if row is not None and not row["open"]:
                tx.submit(CommandSpec(name=name, key=f"tick/{name}/{slot}", urgent=name.endswith(".check_health")))
    send(tx.wake_ups)


def queue_depth(queue: str) -> int:
    """How many messages wait on a queue, on whichever broker. Raises what the broker's client raises."""
    depths = ask_depths(bootstrap.runtime().broker_url, [queue])
    if depths is not None:
        return depths[queue]
    with app.connection_for_read() as connection, connection.channel() as channel:
        declared = channel.queue_declare(queue=queue, passive=True)
        return int(declared.message_count)
