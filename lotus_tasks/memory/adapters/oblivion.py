"""Forgetting: a memory's text leaves every table that may hold a copy of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lotus_tasks.infra import queries
from lotus_tasks.infra.postgres import Connection
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.models import Memory

_SHORTEST_QUOTE = 12
"""A text shorter than this is not looked for inside answers: it would be found everywhere."""


def forget(conn: Connection, memories: Sequence[Memory]) -> dict[str, int]:
    """Remove memories and what quotes them; returns how many rows of each sort were removed or blanked.

    Vectors leave Chroma with the next index command, which the caller submits.
    """
    sql = queries.load("memory")
    ids = [memory.id for memory in memories]
    former = conn.execute(sql.former_texts, {"ids": ids}).fetchall()
    texts = list(
        dict.fromkeys([*(memory.text for memory in memories), *(row["text"] for row in former if row["text"])])
    )
    vectors = len(conn.execute(sql.vectors, {"numbers": [memory.no for memory in memories]}).fetchall())
    removed = {
        "memories": PostgresMemoryWriter(conn).delete(ids),
        "vectors": vectors,
        "history": conn.execute(sql.forget_changes, {"ids": ids}).rowcount,
        "chunks": conn.execute(sql.forget_chunks, {"texts": texts}).rowcount,
        "commands": conn.execute(sql.forget_payloads, {"texts": texts}).rowcount,
        "recalls": conn.execute(sql.forget_results, {"ids": [str(one) for one in ids]}).rowcount,
        "answers": 0,
    }
    for text in texts:
        if len(text) >= _SHORTEST_QUOTE:
            in_json = json.dumps(text, ensure_ascii=False)[1:-1]
            quote = {
                "text": text,
                "json_text": in_json,
                "pattern": f"%{_like(text)}%",
                "json_pattern": f"%{_like(in_json)}%",
            }
            removed["answers"] += conn.execute(sql.forget_answers, quote).rowcount
            removed["commands"] += conn.execute(sql.forget_steps, quote).rowcount
            conn.execute(sql.forget_details, quote)
    return removed


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
