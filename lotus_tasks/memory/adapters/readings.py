"""Asking a model for facts, durably: a command to the providers now, its answer taken by a later round of consolidation."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from lotus_tasks.infra import queries
from lotus_tasks.memory.adapters.postgres_facts import PostgresFacts
from lotus_tasks.memory.adapters.postgres_lexicon import memory_of
from lotus_tasks.memory.service.reading import believe, choose_texts, reading_prompt
from lotus_tasks.values import CommandId
from lotus_tasks.work import CommandSpec, Transaction

TEXTS: Final = 20
"""How many texts one question holds. One question is open at a time, so a model is never busy with memory alone."""


def take_readings(tx: Transaction, command_id: UUID) -> int:
    """Keep what models have answered since the last round. Returns how many facts were new."""
    sql = queries.load("memory")
    facts, found = PostgresFacts(tx.conn, command_id), 0
    for row in tx.conn.execute(sql.ended_readings).fetchall():
        result = row["result"] or {}
        if row["status"] == "succeeded" and result.get("provider") not in (None, "offline"):
            rows = tx.conn.execute(sql.memories_by_id, {"ids": row["memory_ids"]}).fetchall()
            known = {one["id"]: memory_of(one) for one in rows}
            put = [known.get(one) for one in row["memory_ids"]]
            for memory, statement in believe(str(result.get("text") or ""), put):
                found += facts.add(memory, [statement], origin=str(result.get("model") or "a model"))["facts"]
        # What was put to the model is in memory; no second copy of it stays.
        tx.conn.execute(sql.end_reading, {"command_id": row["command_id"]})
    return found


def ask_model(tx: Transaction, command_id: CommandId, whose: str) -> int:
    """Put what no model has read yet to one, where there is one. Returns how many texts that are."""
    sql = queries.load("memory")
    if whose == "none":
        return 0
    model = tx.conn.execute(sql.reading_model, {"local": whose == "local"}).fetchone()
    if model is None or tx.conn.execute(sql.open_reading).fetchone() is not None:
        return 0
    rows = tx.conn.execute(sql.unasked, {"count": TEXTS}).fetchall()
    memories = [memory_of(row) for row in rows]
    chosen = choose_texts(memories)
    passed = memories[: memories.index(chosen[-1]) + 1] if chosen else memories
    tx.conn.execute(sql.mark_asked, {"ids": [memory.id for memory in passed]})
    if not chosen:
        return 0
    prompt = reading_prompt(chosen)
    request = {
        "question": prompt,
        "messages": [{"role": "user", "content": prompt}],
        "provider": model["name"],
        "stream": False,
        "temperature": 0,
        "purpose": "facts",
    }
    spec = CommandSpec(name="providers.complete", key=f"memory.facts/{command_id}", payload=request)
    tx.submit(spec)
    tx.conn.execute(sql.begin_reading, {"command_id": spec.id, "memory_ids": [memory.id for memory in chosen]})
    return len(chosen)
