"""Memories leaving and entering as JSON: what `memory export` writes and `memory import` reads, one object a memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from lotus_tasks.errors import InvalidInput
from lotus_tasks.infra import queries
from lotus_tasks.infra.postgres import Connection, Database, json_parameter
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.models import KINDS, Draft, Stored
from lotus_tasks.memory.service.writing import entries
from lotus_tasks.values import MemoryId

_MOMENTS: Final = ("happened_at", "valid_from", "valid_to")


def export_page(database: Database, after_no: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """The next memories in order of their numbers, and the last number; an empty page is the end."""
    with database.transaction() as conn:
        rows = conn.execute(queries.load("memory").export_memories, {"after_no": after_no, "limit": limit}).fetchall()
    return [{name: value for name, value in row.items() if name != "no"} for row in rows], rows[-1][
        "no"
    ] if rows else after_no


def read_drafts(objects: Sequence[Mapping[str, Any]]) -> list[Draft]:
    """The drafts behind exported objects. Raises InvalidInput naming the object that can't be read."""
    drafts = []
    for number, one in enumerate(objects, 1):
        if one.get("kind") not in KINDS:
            raise InvalidInput(f"memory {number} of this part has no kind of memory: {one.get('kind')!r}")
        try:
            drafts.append(_draft(one))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(
                f"memory {number} of this part can't be read: {type(error).__name__}: {error}"
            ) from error
    return drafts


def _draft(one: Mapping[str, Any]) -> Draft:
    return Draft(
        text=str(one["text"]),
        key=f"import/{one['memory_id']}",
        given_id=MemoryId(UUID(str(one["memory_id"]))),
        kind=one["kind"],
        importance=float(one.get("importance", 0.5)),
        source=str(one["source"]),
        provenance=dict(one.get("provenance") or {}),
        thread=one.get("thread"),
        segment=one.get("segment"),
        position=int(one.get("position") or 0),
        speaker=one.get("speaker"),
        **{name: datetime.fromisoformat(one[name]) if one.get(name) else None for name in _MOMENTS},
    )


def import_memories(conn: Connection, drafts: Sequence[Draft], objects: Sequence[Mapping[str, Any]]) -> Stored:
    """Write drafts with their tier, age, places, facts and history. What is here already stays as it is."""
    sql = queries.load("memory")
    stored = PostgresMemoryWriter(conn, reads_facts=False).insert(entries(drafts))
    new = {str(one) for one in stored.new}
    for one in objects:
        if str(one["memory_id"]) not in new:
            continue
        conn.execute(
            sql.restore_memory,
            {
                "id": one["memory_id"],
                "tier": int(str(one.get("tier", "L3")).removeprefix("L")),
                "created_at": one.get("created_at"),
                "examined": bool(one.get("examined")),
            },
        )
        for name in ("sources", "facts", "changes"):
            rows = [{**row, "memory_id": one["memory_id"]} for row in one.get(name) or ()]
            conn.execute(getattr(sql, f"restore_{name}"), {"rows": json_parameter(rows)})
    return stored
