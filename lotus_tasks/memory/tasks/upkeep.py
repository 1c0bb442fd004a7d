"""Keeping memory in order, and saying how it is."""

from __future__ import annotations

import time

import redis

from lotus_tasks.celery import command_task
from lotus_tasks.errors import Transient
from lotus_tasks.infra import queries
from lotus_tasks.infra.outbox import submit
from lotus_tasks.manifest import HealthReport
from lotus_tasks.memory.adapters.tiers import decay
from lotus_tasks.memory.tasks.parts import parts
from lotus_tasks.work import CommandSpec, Outcome, Transaction, Work


@command_task("memory.consolidate")
def consolidate(work: Work) -> Outcome:
    """Keep the tiers in order."""

    def write(tx: Transaction) -> None:
        decay(tx.conn, work.command_id)

    return Outcome(write=write)


@command_task("memory.reindex")
def reindex(work: Work) -> Outcome:
    """Write every vector to Chroma anew."""
    parts().index.clear()

    def write(tx: Transaction) -> None:
        tx.conn.execute(queries.load("memory").mark_unindexed, {"kept": []})
        tx.submit(CommandSpec(name="memory.index", key=f"memory.index/{work.command_id}"))

    return Outcome(result={"waiting": parts().queue.lag().memories}, write=write)


def check_health() -> HealthReport:
    """Whether memory is reachable and its index whole; what is missing is queued to be made good."""
    memory = parts()
    troubles: list[str] = []
    with memory.database.transaction() as conn:
        tiers = {
            f"L{row['tier']}": row["count"] for row in conn.execute(queries.load("memory").counts_by_tier).fetchall()
        }
    lost = 0
    try:
        lost = memory.indexer.heal()
    except Transient as error:
        troubles.append(str(error))
    lag = memory.queue.lag()
    try:
        memory.working.ensure()
    except redis.RedisError as error:
        troubles.append(f"Redis does not answer: {error}")
    if (lag.waiting or lag.to_remove) and not troubles:
        with memory.database.transaction() as conn:
            submit(conn, [CommandSpec(name="memory.index", key=f"memory.index/health/{int(time.time())}")])
    facts = {
        "tiers": tiers,
        "memories": lag.memories,
        "index_lag": lag.waiting,
        "to_remove": lag.to_remove,
        "lost": lost,
    }
    if troubles:
        return HealthReport(status="degraded", detail="; ".join(troubles), facts=facts)
    waiting = f", {lag.waiting} waiting for their vector" if lag.waiting else ""
    return HealthReport(status="ok", detail=f"{lag.memories} memories{waiting}", facts=facts)
