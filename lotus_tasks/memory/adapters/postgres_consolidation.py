"""Consolidation's reading and writing: what to look at, and a plan applied in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from lotus_tasks.memory.adapters.postgres_facts import PostgresFacts, fact_keys
from lotus_tasks.memory.adapters.postgres_lexicon import memory_of, unpack
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.models import Memory
from lotus_tasks.memory.ports import Floats, VectorIndex
from lotus_tasks.memory.service.consolidation import MERGEABLE_KINDS, SUMMARY_TURNS, Merge, Plan, plan_round, summarise
from lotus_tasks.memory.service.writing import entries
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, Database
from lotus_tasks.values import MemoryId

ROUND: Final = 500
"""Memories a round looks at; a longer backlog takes several."""
REST: Final = timedelta(hours=24)
"""A conversation is summarised when it has rested so long."""
_THREADS: Final = 20
_NEIGHBOURS: Final = 6


class PostgresConsolidation:
    """Plans a round over one store."""

    def __init__(self, database: Database, index: VectorIndex) -> None:
        self._database = database
        self._index = index
        self._sql = queries.load("memory")

    def plan(self) -> tuple[Plan, dict[MemoryId, Memory]]:
        """The next round, and the memories it speaks of. No transaction is open while Chroma is asked.

        Raises VectorIndexUnavailable; the round then waits, so that no duplicate is overlooked.
        """
        memories = [memory_of(row) for row in self._rows("unexamined", count=ROUND)]
        alike = self._alike([memory for memory in memories if memory.kind in MERGEABLE_KINDS])
        plan = plan_round(memories, alike)
        self._leave_known(plan)
        for row in self._rows("resting_threads", turns=SUMMARY_TURNS, rest_s=REST.total_seconds(), count=_THREADS):
            turns = [memory_of(one) for one in self._rows("memories_by_id", ids=row["ids"])]
            draft = summarise(row["thread"], sorted(turns, key=lambda turn: turn.position), self._vectors(row["ids"]))
            if draft is not None:
                plan.summaries.append(draft)
        return plan, {memory.id: memory for memory in memories}

    def _leave_known(self, plan: Plan) -> None:
        """What a memory states was read when it was told, unless it was said in a conversation: only news are planned."""
        known = {
            (row["memory_id"], row["subject_key"], row["predicate_key"], row["value_key"])
            for row in self._rows("facts_stated", ids=list(plan.statements))
        }
        for memory_id, statements in list(plan.statements.items()):
            news = [one for one in statements if (memory_id, *fact_keys(one)) not in known]
            if news:
                plan.statements[memory_id] = news
            else:
                del plan.statements[memory_id]

    def remaining(self) -> int:
        """How many memories nobody has examined."""
        return int(self._rows("count_unexamined")[0]["count"])

    def _alike(self, memories: Sequence[Memory]) -> dict[MemoryId, list[tuple[Memory, float]]]:
        vectors = self._vectors([memory.id for memory in memories])
        near = {one: self._index.nearest(vector, _NEIGHBOURS) for one, vector in vectors.items()}
        wanted = sorted({no for numbers, _ in near.values() for no in numbers})
        known = {row["no"]: memory_of(row) for row in self._rows("memories_by_number", numbers=wanted)}
        return {
            one: [(known[no], cosine) for no, cosine in zip(numbers, cosines, strict=True) if no in known]
            for one, (numbers, cosines) in near.items()
        }

    def _vectors(self, ids: Sequence[UUID]) -> Mapping[MemoryId, Floats]:
        return {MemoryId(row["id"]): unpack(row["vector"]) for row in self._rows("vectors_of_ids", ids=list(ids))}

    def _rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self._database.transaction() as conn:
            return conn.execute(getattr(self._sql, query), parameters).fetchall()


def apply_plan(conn: Connection, plan: Plan, memories: Mapping[MemoryId, Memory], command_id: UUID) -> dict[str, int]:
    """Carry a plan out. What was forgotten or changed since it was made is left alone. Returns what was done."""
    sql = queries.load("memory")
    writer, facts = PostgresMemoryWriter(conn), PostgresFacts(conn, command_id)
    done = {"merged": 0, "facts": 0, "closed": 0, "summaries": 0, "refused": 0}
    conn.execute(sql.lock_writes)
    named = {*plan.examined, *(merge.kept for merge in plan.merges), *(merge.dropped for merge in plan.merges)}
    now = {row["id"]: memory_of(row) for row in conn.execute(sql.memories_by_id, {"ids": list(named)}).fetchall()}
    for merge in plan.merges:
        if merge.kept in now and merge.dropped in now and now[merge.dropped].text == merge.wording:
            _merge(conn, writer, merge, command_id)
            done["merged"] += 1
    for memory_id, statements in plan.statements.items():
        if memory_id in now and now[memory_id].text == memories[memory_id].text:
            for name, count in facts.add(now[memory_id], statements).items():
                done[name] += count
    for refusal in plan.refusals:
        if refusal.memory_id in now:
            reason = f"not merged with {str(refusal.other)[:8]}: {refusal.reason}"
            writer.record(refusal.memory_id, "refused", reason, command_id=command_id)
            done["refused"] += 1
    done["summaries"] = len(writer.insert(entries(plan.summaries)).new)
    conn.execute(sql.mark_examined, {"ids": plan.examined})
    return done


def _merge(conn: Connection, writer: PostgresMemoryWriter, merge: Merge, command_id: UUID) -> None:
    sql = queries.load("memory")
    conn.execute(sql.move_sources, {"kept": merge.kept, "dropped": merge.dropped, "wording": merge.wording})
    conn.execute(sql.move_facts, {"kept": merge.kept, "dropped": merge.dropped})
    writer.record(merge.kept, "merged", merge.reason, after={"wording": merge.wording}, command_id=command_id)
    writer.delete([merge.dropped])
