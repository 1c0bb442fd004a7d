"""Forgetting: a memory's text leaves every table that may hold a copy of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from lotus_tasks.memory.adapters.postgres_profile import PostgresProfile
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.models import Memory, plain
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.values import MemoryId

_SHORTEST_QUOTE: Final = 12
"""A text shorter than this is not looked for inside sentences: it would be found everywhere."""


@dataclass(slots=True, kw_only=True)
class Forgotten:
    """How many rows of each sort were removed or blanked, and the runs among them, whose streams in Redis are to go, too."""

    removed: dict[str, int] = field(default_factory=dict)
    runs: list[UUID] = field(default_factory=list)


def forget(conn: Connection, memories: Sequence[Memory], *, source: str | None = None) -> Forgotten:
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
    gone = [*ids, *copies]
    named = {"ids": [str(one) for one in gone]}
    conn.execute(sql.withdraw_questions, {"ids": gone})
    numbers = [row["no"] for row in conn.execute(sql.memories_by_id, {"ids": gone}).fetchall()]
    found = Forgotten()
    found.removed = {
        "vectors": len(conn.execute(sql.vectors, {"numbers": numbers}).fetchall()),
        "chunks": conn.execute(sql.forget_chunks, {"texts": texts, "ids": ids}).rowcount,
        "memories": PostgresMemoryWriter(conn).delete(ids),
        "copies": PostgresMemoryWriter(conn).delete(copies),
        "history": conn.execute(sql.forget_changes, {"ids": gone}).rowcount,
        "commands": conn.execute(sql.forget_payloads, {"texts": texts}).rowcount,
        "recalls": conn.execute(sql.forget_results, named).rowcount + conn.execute(sql.forget_looks, named).rowcount,
        "answers": 0,
        "profile": 0,
    }
    found.removed["profile"] = int(PostgresProfile(conn).keep())
    conn.execute(sql.forget_plans, named)
    if source is not None:
        conn.execute(sql.forget_percept, {"source": source})
    conversations = {memory.thread for memory in memories if memory.thread}
    for text in texts:
        conversations |= _blank(conn, text, found)
    conn.execute(sql.forget_summaries, {"ids": sorted(conversations)})
    return found


def _copies(conn: Connection, texts: Sequence[str], ids: Sequence[MemoryId]) -> list[MemoryId]:
    """Other memories with the same text, as a turn beside a note, and summaries and models' answers that quote it."""
    long = [text for text in texts if len(text) >= _SHORTEST_QUOTE]
    patterns = [f"%{_like(text)}%" for text in long]
    wanted = {"texts": long, "patterns": patterns, "ids": list(ids), "names": [str(one) for one in ids]}
    return [MemoryId(row["id"]) for row in conn.execute(queries.load("memory").copies, wanted).fetchall()]


def _blank(conn: Connection, text: str, found: Forgotten) -> set[str]:
    """Take a text out of runs, steps and commands. Returns the conversations it stood in."""
    sql = queries.load("memory")
    quote = _quote(text)
    runs = conn.execute(sql.forget_answers, quote).fetchall()
    found.runs += [row["id"] for row in runs]
    found.removed["answers"] += len(runs)
    found.removed["commands"] += conn.execute(sql.forget_steps, quote).rowcount
    conn.execute(sql.forget_details, quote)
    conn.execute(sql.forget_titles, {**quote, "plain": plain(text)})
    return {str(row["conversation_id"]) for row in runs}


def _quote(text: str) -> Mapping[str, str]:
    """What to look for, and what to put there. A short text is looked for as the whole of a text only."""
    in_json, blank = json.dumps(text, ensure_ascii=False)[1:-1], "[forgotten]"
    if len(text) >= _SHORTEST_QUOTE:
        patterns = {"pattern": f"%{_like(text)}%", "json_pattern": f"%{_like(in_json)}%"}
        return {"text": text, "blank": blank, "json_text": in_json, "json_blank": blank, **patterns}
    old, new = f'"text": "{in_json}"', f'"text": "{blank}"'
    patterns = {"pattern": _like(text), "json_pattern": f"%{_like(old)}%"}
    return {"text": text, "blank": blank, "json_text": old, "json_blank": new, **patterns}


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
