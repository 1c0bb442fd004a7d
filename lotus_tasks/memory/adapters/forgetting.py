"""Forgetting: a memory's text leaves every table that may hold a copy of it. Each module does its part, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from lotus_tasks import bootstrap
from lotus_tasks.memory.adapters.postgres_profile import PostgresProfile
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.models import Memory
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.spine.forgetting import Gone, Traces, is_long, like
from lotus_tasks.values import MemoryId


def forget(conn: Connection, memories: Sequence[Memory], *, source: str | None = None) -> Traces:
    """Remove memories and what quotes them. With ``source``, its percept goes as well: reading it again brings it back.

    Vectors leave Chroma with the next index command, which the caller submits.
    """
    sql = queries.load("memory")
    ids = [memory.id for memory in memories]
    former = conn.execute(sql.former_texts, {"ids": ids}).fetchall()
    texts = list(
        dict.fromkeys([*(memory.text for memory in memories), *(row["text"] for row in former if row["text"])])
    )
    copies = _copies(conn, texts, ids)
    read_from = conn.execute(sql.chunk_places, {"ids": ids}).fetchall()
    gone = Gone(
        memory_ids=[*ids, *copies],
        texts=texts,
        chunks=[(row["percept_id"], row["seq"]) for row in read_from],
        conversations=sorted({memory.thread for memory in memories if memory.thread}),
        source=source,
    )
    found = _forget_own(conn, gone, ids, copies)
    for forgetter in bootstrap.forgetters():
        found.take(forgetter(conn, gone))
    return found


def _forget_own(conn: Connection, gone: Gone, ids: Sequence[MemoryId], copies: Sequence[MemoryId]) -> Traces:
    sql = queries.load("memory")
    named = {"ids": [str(one) for one in gone.memory_ids]}
    conn.execute(sql.withdraw_questions, {"ids": list(gone.memory_ids)})
    numbers = [row["no"] for row in conn.execute(sql.memories_by_id, {"ids": list(gone.memory_ids)}).fetchall()]
    found = Traces(removed=dict.fromkeys(("chunks", "answers"), 0))
    found.add("vectors", len(conn.execute(sql.vectors, {"numbers": numbers}).fetchall()))
    found.add("memories", PostgresMemoryWriter(conn).delete(ids))
    found.add("copies", PostgresMemoryWriter(conn).delete(copies))
    found.add("history", conn.execute(sql.forget_changes, {"ids": list(gone.memory_ids)}).rowcount)
    found.add("commands", conn.execute(sql.forget_payloads, {"texts": list(gone.texts)}).rowcount)
    found.add("recalls", conn.execute(sql.forget_results, named).rowcount)
    found.add("recalls", conn.execute(sql.forget_looks, named).rowcount)
    conn.execute(sql.forget_plans, named)
    for one in gone.quotes():
        conn.execute(sql.forget_in_changes, one)
    found.add("profile", int(PostgresProfile(conn).keep()))
    return found


def _copies(conn: Connection, texts: Sequence[str], ids: Sequence[MemoryId]) -> list[MemoryId]:
    """Other memories with the same text, as a turn beside a note, and summaries and models' answers that quote it."""
    long = [text for text in texts if is_long(text)]
    patterns = [f"%{like(text)}%" for text in long]
    wanted = {"texts": long, "patterns": patterns, "ids": list(ids), "names": [str(one) for one in ids]}
    return [MemoryId(row["id"]) for row in conn.execute(queries.load("memory").copies, wanted).fetchall()]
