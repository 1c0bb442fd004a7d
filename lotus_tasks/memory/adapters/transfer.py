"""Memories leaving and entering as JSON: what `memory export` writes and `memory import` reads, one object a memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lotus_tasks.memory.adapters.exported import ExportedMemory
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.models import Stored
from lotus_tasks.memory.service.writing import entries
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, Database, json_parameter
from lotus_tasks.values import MemoryId


def export_page(database: Database, after_no: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """The next memories in order of their numbers, and the last number; an empty page is the end."""
    with database.transaction() as conn:
        rows = conn.execute(queries.load("memory").export_memories, {"after_no": after_no, "limit": limit}).fetchall()
    return [{name: value for name, value in row.items() if name != "no"} for row in rows], rows[-1][
        "no"
    ] if rows else after_no


def import_memories(conn: Connection, memories: Sequence[ExportedMemory]) -> Stored:
    """Write memories with their tier, age, places, facts and history. What is here already stays as it is."""
    sql = queries.load("memory")
    stored = PostgresMemoryWriter(conn, reads_facts=False).insert(entries([one.draft for one in memories]))
    new = set(stored.new)
    for one in memories:
        if one.memory_id not in new:
            continue
        new.discard(MemoryId(one.memory_id))
        conn.execute(
            sql.restore_memory,
            {
                "id": one.memory_id,
                "tier": int(one.tier.removeprefix("L")),
                "created_at": one.created_at,
                "examined": one.examined,
            },
        )
        for name, parts in (("sources", one.sources), ("facts", one.facts), ("changes", one.changes)):
            conn.execute(getattr(sql, f"restore_{name}"), {"rows": json_parameter(one.rows(parts))})
    return stored
