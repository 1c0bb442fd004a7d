"""Keeping memory in order, and saying how it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import redis

from lotus_tasks.errors import HandBack, Transient
from lotus_tasks.manifest import HealthReport
from lotus_tasks.memory.adapters.postgres_consolidation import PostgresConsolidation, apply_plan
from lotus_tasks.memory.adapters.postgres_profile import PostgresProfile
from lotus_tasks.memory.adapters.questions import Questions, count_waiting
from lotus_tasks.memory.adapters.tiers import decay, would_decay
from lotus_tasks.memory.adapters.word_index import is_outdated, rebuild
from lotus_tasks.memory.models import Memory
from lotus_tasks.memory.ports import VectorIndexUnavailable
from lotus_tasks.memory.service.consolidation import Plan
from lotus_tasks.memory.service.facts import OWNER
from lotus_tasks.memory.tasks.parts import parts
from lotus_tasks.memory.text import LEXICON_VERSION
from lotus_tasks.spine import queries
from lotus_tasks.spine.submission import submit
from lotus_tasks.values import MemoryId
from lotus_tasks.work import CommandSpec, Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task


@command_task("memory.consolidate")
def consolidate(work: Work) -> Outcome:
    """One round: tiers decay, facts are read, duplicates merged, conversations at rest summarised, the profile kept.

    What rules can't do is put to a model (``asked``), whose answers are taken when they are there. ``dry_run`` only tells.

    The round is one transaction: cut off anywhere, nothing of it happened and the next does it. Where Chroma is away, only
    the tiers, the questions and the profile are kept in order.
    """
    memory = parts()
    consolidation = PostgresConsolidation(memory.database, memory.index)
    degraded: list[str] = []
    try:
        plan, memories = consolidation.plan()
    except VectorIndexUnavailable as error:
        plan, memories = Plan(), {}
        degraded.append(str(error))
    result: dict[str, Any] = {
        "examined": len(plan.examined),
        "degraded": degraded,
        "planned": describe_plan(plan, memories),
    }
    if work.payload.get("dry_run"):
        with memory.database.transaction() as conn:
            result["moved"] = would_decay(conn, memory.limits)
        result |= _would_ask(plan)
        return Outcome(result=result | {"dry_run": True, "remaining": consolidation.remaining()})

    def write(tx: Transaction) -> None:
        result.update(
            apply_plan(tx.conn, plan, memories, work.command_id), moved=decay(tx.conn, work.command_id, memory.limits)
        )
        questions = Questions(tx, work.command_id, memory.consolidation_model)
        result.update({"read": 0, "asked": 0, **questions.take()})
        result["profile"] = int(PostgresProfile(tx.conn).keep())
        result["asked"] += questions.ask()
        row = tx.conn.execute(queries.load("memory").count_unexamined).fetchone()
        result["remaining"] = row["count"]
        if result["remaining"] and plan.examined:
            tx.submit(CommandSpec(name="memory.consolidate", key=f"memory.consolidate/{work.command_id}"))
        if plan.merges or plan.summaries or result.get("retold"):
            tx.submit(CommandSpec(name="memory.index", key=f"memory.index/{work.command_id}"))

    return Outcome(result=result, write=write)


def _would_ask(plan: Plan) -> dict[str, Any]:
    """What a round would do beyond its plan: the memories a model would be given, and whether the profile would be built anew."""
    memory = parts()
    with memory.database.transaction() as conn:
        told = any(one.subject == OWNER for statements in plan.statements.values() for one in statements)
        changed = told or not PostgresProfile(conn).is_current()
        return {"to_read": count_waiting(conn, memory.consolidation_model), "profile": int(changed)}


def describe_plan(plan: Plan, memories: Mapping[MemoryId, Memory]) -> list[dict[str, str]]:
    """A plan for a person, its first hundred changes."""
    lines = [
        {"action": "merge", "memory_id": str(one.dropped), "into": str(one.kept), "reason": one.reason}
        for one in plan.merges
    ]
    lines += [
        {"action": "fact", "memory_id": str(memory_id), "reason": f"{one.subject} · {one.predicate} · {one.value}"}
        for memory_id, statements in plan.statements.items()
        for one in statements
        if memory_id in memories
    ]
    lines += [{"action": "summary", "reason": str(draft.provenance["conversation"])} for draft in plan.summaries]
    lines += [{"action": "refuse", "memory_id": str(one.memory_id), "reason": one.reason} for one in plan.refusals]
    return lines[:100]


@command_task("memory.reindex")
def reindex(work: Work) -> Outcome:
    """Write every vector to Chroma anew; with ``words``, index the words anew as well."""
    memory = parts()
    reread = 0
    if work.payload.get("words"):
        reread = rebuild(memory.database, lambda: not work.stopping())
        if work.stopping():
            raise HandBack("the worker stops; the words are indexed by the next one")
    memory.index.clear()

    def write(tx: Transaction) -> None:
        tx.conn.execute(queries.load("memory").mark_unindexed, {"kept": []})
        tx.submit(CommandSpec(name="memory.index", key=f"memory.index/{work.command_id}"))

    return Outcome(result={"waiting": memory.queue.lag().memories, "reread": reread}, write=write)


def check_health() -> HealthReport:
    """Whether memory is reachable and its index whole; what is missing is queued to be made good."""
    memory = parts()
    troubles: list[str] = []
    with memory.database.transaction() as conn:
        if is_outdated(conn):
            key = f"memory.reindex/words/{LEXICON_VERSION}/{int(time.time() // 600)}"
            submit(conn, [CommandSpec(name="memory.reindex", key=key, payload={"words": True})])
        tiers = {
            f"L{row['tier']}": row["count"] for row in conn.execute(queries.load("memory").counts_by_tier).fetchall()
        }
    lost = 0
    try:
        lost = memory.indexer.heal()
        memory.indexer.try_write()
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
    # No count in words: `status` counts by itself, and a report's number would be that of half a minute ago.
    return HealthReport(status="ok", detail="", facts=facts)
