"""Taking a model's answer: what of it passes the checks is written, the rest is counted and dropped.

Each taker gets the connection, the command in whose transaction it works, the question's row, the answer and its model's name.
It returns what it did, or None for an answer that says nothing and is worth asking for again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from lotus_tasks.memory.adapters.postgres_facts import PostgresFacts
from lotus_tasks.memory.adapters.postgres_lexicon import memory_of
from lotus_tasks.memory.adapters.postgres_profile import PostgresProfile
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.models import Memory
from lotus_tasks.memory.service import profile, retelling
from lotus_tasks.memory.service.reading import believe, is_known
from lotus_tasks.memory.service.writing import entries
from lotus_tasks.origins import MODEL, least_trusted
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.values import MemoryId

Taker = Callable[[Connection, UUID, Mapping[str, Any], str, str], "Counter[str] | None"]


def _take_facts(
    conn: Connection, command_id: UUID, row: Mapping[str, Any], text: str, model: str
) -> Counter[str] | None:
    known = _memories(conn, row["memory_ids"])
    reading = believe(text, [known.get(one) for one in row["memory_ids"]])
    if reading is None:
        return None
    sql, done = queries.load("memory"), Counter(dropped=reading.dropped)
    facts, writer = PostgresFacts(conn, command_id), PostgresMemoryWriter(conn)
    stated: dict[MemoryId, list[tuple[str, str]]] = {}
    for fact in conn.execute(sql.facts_stated, {"ids": row["memory_ids"]}).fetchall():
        stated.setdefault(fact["memory_id"], []).append((fact["subject_key"], fact["value_key"]))
    read_with = least_trusted((memory.origin for memory in known.values()), at_best=MODEL)
    for memory, statement in reading.believed:
        if memory.valid_to is not None or is_known(statement, stated.get(memory.id, ())):
            continue
        if facts.add(memory, [statement], told_by=model, read_with=read_with)["facts"]:
            reason = f"{model} read in it: {statement.subject} · {statement.predicate} · {statement.value}"
            writer.record(memory.id, "read", reason, command_id=command_id)
            done["read"] += 1
    return done


def _take_summary(
    conn: Connection, command_id: UUID, row: Mapping[str, Any], text: str, model: str
) -> Counter[str] | None:
    sql, writer = queries.load("memory"), PostgresMemoryWriter(conn)
    summary = _memories(conn, [UUID(row["about"])]).get(MemoryId(UUID(row["about"])))
    if summary is None:
        return Counter()
    turns = [turn for turn in _memories(conn, row["memory_ids"]).values() if turn.updated_at <= row["created_at"]]
    if len(turns) < len(row["memory_ids"]):
        # A turn was changed or forgotten meanwhile: what was told of it isn't taken.
        conn.execute(sql.mark_unasked, {"id": summary.id})
        return Counter(outdated=1)
    refused = retelling.refusal(text, turns)
    if refused:
        writer.record(summary.id, "refused", f"{model}'s summary was not taken: {refused}", command_id=command_id)
        return Counter(not_taken=1)
    draft = retelling.retold(summary, text, turns, model)
    if writer.insert(entries([draft])).new:
        reason = f"{model} told {len(turns)} turns, in place of the summary by rules"
        writer.record(draft.id, "told", reason, command_id=command_id)
        writer.delete([summary.id])
    return Counter(retold=1)


def _take_profile(
    conn: Connection, command_id: UUID, row: Mapping[str, Any], text: str, model: str
) -> Counter[str] | None:
    del command_id  # The profile says itself why it is as it is.
    kept = PostgresProfile(conn)
    known = kept.known()
    if profile.basis_of(known) != row["about"]:
        return Counter(outdated=1)
    refused = profile.refusal(text, known)
    if refused:
        # The model's reason may quote its text, which may quote a memory: it goes when the profile is made anew.
        kept.refuse(f"made of {profile.counted(known)}; {model}'s text was not taken: {refused}")
        return Counter(not_taken=1)
    kept.tell(text, model)
    return Counter(profile_told=1)


TAKERS: Final[Mapping[str, Taker]] = {"facts": _take_facts, "summary": _take_summary, "profile": _take_profile}


def _memories(conn: Connection, ids: list[UUID]) -> dict[MemoryId, Memory]:
    rows = conn.execute(queries.load("memory").memories_by_id, {"ids": ids}).fetchall()
    return {MemoryId(row["id"]): memory_of(row) for row in rows}
