"""Keeping memory in order, and saying how it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import redis

from lotus_tasks.commands.upkeep import Consolidate, Consolidated, PlannedChange, Reindex, Reindexed
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
from lotus_tasks.memory.tasks.parts import index_after, parts
from lotus_tasks.memory.text import LEXICON_VERSION
from lotus_tasks.spine import queries
from lotus_tasks.spine.submission import submit
from lotus_tasks.values import MemoryId
from lotus_tasks.work import CommandSpec, Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task


@command_task(Consolidate)
def consolidate(asked: Consolidate, work: Work) -> Outcome[Consolidated]:
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
    result = Consolidated(examined=len(plan.examined), degraded=tuple(degraded), planned=describe_plan(plan, memories))
    if asked.dry_run:
        with memory.database.transaction() as conn:
            moved = would_decay(conn, memory.limits)
        to_read, profile = _would_ask(plan)
        remaining = consolidation.remaining()
        return Outcome(
            result=replace(
                result, moved=moved, to_read=to_read, profile=int(profile), dry_run=True, remaining=remaining
            )
        )

    def write(tx: Transaction) -> Consolidated:
        applied = apply_plan(tx.conn, plan, memories, work.command_id)
        moved = decay(tx.conn, work.command_id, memory.limits)
        questions = Questions(tx, work.command_id, memory.consolidation_model)
        taken = {"read": 0, "asked": 0, **questions.take()}
        profile = int(PostgresProfile(tx.conn).keep())
        taken["asked"] += questions.ask()
        remaining = tx.conn.execute(queries.load("memory").count_unexamined).fetchone()["count"]
        if remaining and plan.examined:
            tx.submit(CommandSpec.of(Consolidate(), key=f"memory.consolidate/{work.command_id}"))
        if plan.merges or plan.summaries or taken.get("retold"):
            tx.submit(index_after(work.command_id))
        counted: Mapping[str, Any] = {**applied, **taken}
        return replace(result, **counted, moved=moved, profile=profile, remaining=remaining)

    return Outcome(write=write)


def _would_ask(plan: Plan) -> tuple[int, bool]:
    """How many memories a round would give to a model, and whether it would make the profile anew."""
    memory = parts()
    with memory.database.transaction() as conn:
        told = any(one.subject == OWNER for statements in plan.statements.values() for one in statements)
        changed = told or not PostgresProfile(conn).is_current()
        return count_waiting(conn, memory.consolidation_model), changed


def describe_plan(plan: Plan, memories: Mapping[MemoryId, Memory]) -> tuple[PlannedChange, ...]:
    """A plan for a person, its first hundred changes."""
    lines = [
        PlannedChange(action="merge", memory_id=str(one.dropped), into=str(one.kept), reason=one.reason)
        for one in plan.merges
    ]
    lines += [
        PlannedChange(action="fact", memory_id=str(memory_id), reason=f"{one.subject} · {one.predicate} · {one.value}")
        for memory_id, statements in plan.statements.items()
        for one in statements
        if memory_id in memories
    ]
    lines += [PlannedChange(action="summary", reason=str(draft.provenance["conversation"])) for draft in plan.summaries]
    lines += [PlannedChange(action="refuse", memory_id=str(one.memory_id), reason=one.reason) for one in plan.refusals]
    return tuple(lines[:100])


@command_task(Reindex)
def reindex(asked: Reindex, work: Work) -> Outcome[Reindexed]:
    """Write every vector to Chroma anew; with ``words``, index the words anew as well."""
    memory = parts()
    reread = 0
    if asked.words:
        reread = rebuild(memory.database, lambda: not work.stopping())
        if work.stopping():
            raise HandBack("the worker stops; the words are indexed by the next one")
    memory.index.clear()

    def write(tx: Transaction) -> None:
        tx.conn.execute(queries.load("memory").mark_unindexed, {"kept": []})
        tx.submit(index_after(work.command_id))

    return Outcome(result=Reindexed(waiting=memory.queue.lag().memories, reread=reread), write=write)


def check_health() -> HealthReport:
    """Whether memory is reachable and its index whole; what is missing is queued to be made good."""
    memory = parts()
    troubles: list[str] = []
    with memory.database.transaction() as conn:
        if is_outdated(conn):
            key = f"memory.reindex/words/{LEXICON_VERSION}/{int(time.time() // 600)}"
            submit(conn, [CommandSpec.of(Reindex(words=True), key=key)])
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
            submit(conn, [index_after(f"health/{int(time.time())}")])
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
