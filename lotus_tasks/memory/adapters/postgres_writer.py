"""Writing memories and their BM25 postings, in the caller's transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from lotus_tasks.memory.adapters.placement import Placement
from lotus_tasks.memory.adapters.postgres_facts import PostgresFacts
from lotus_tasks.memory.adapters.postgres_lexicon import memory_of
from lotus_tasks.memory.models import PERSISTENT_KINDS, Draft, Entry, Memory, Stored, digest
from lotus_tasks.memory.service.facts import read_facts
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, json_parameter
from lotus_tasks.values import MemoryId

_MAX_COUNT: Final = 32_767
INDEXED_AT_ONCE: Final = 500
"""Memories whose postings are sent together: about a hundred thousand numbers, while which no other thread runs."""


TOLD_KINDS: Final = ("note", "preference", "fact")


class PostgresMemoryWriter:
    """Implements the port ``MemoryWriter`` on one connection; the caller opens and commits the transaction."""

    def __init__(self, conn: Connection, *, reads_facts: bool = True) -> None:
        self._conn = conn
        self._reads_facts = reads_facts
        self._sql = queries.load("memory")

    def insert(self, entries: Sequence[Entry]) -> Stored:
        """Write what is new with its postings; link the rest to the memory that has the same words."""
        if not entries:
            return Stored(new=(), known={})
        self._conn.execute(self._sql.lock_writes)
        placed = Placement.find(self._conn, [entry.draft for entry in entries])
        new: list[tuple[int, Entry]] = []
        known: dict[MemoryId, MemoryId] = {}
        for index, entry in enumerate(entries):
            alike = self._find_alike(entry)
            no = None if alike is not None else self._insert_memory(entry, placed, index)
            if no is None and alike is None and self._ended(entry.draft):
                # "I live in Kiel", once more after Oslo: the memory that said so is over, this one begins now.
                again = digest(f"again\x1f{entry.draft.key}")
                no = self._insert_memory(entry, placed, index, identity=again)
            if no is None:
                known[entry.draft.id] = alike or self._link(entry.draft)
            else:
                new.append((no, entry))
            if entry.draft.kind == "chunk":
                self._add_source(known.get(entry.draft.id, entry.draft.id), entry.draft)
                self._move(known.get(entry.draft.id), entry.draft, placed, index)
        self._index(new)
        self._read_facts([entry.draft.id for _, entry in new if entry.draft.kind in TOLD_KINDS])
        return Stored(new=[entry.draft.id for _, entry in new], known=known)

    def _ended(self, draft: Draft) -> bool:
        """Whether the memory with these words is another one, which no longer holds."""
        if draft.kind not in TOLD_KINDS:
            return False
        row = self._conn.execute(self._sql.known_memory, {"identity": draft.identity, "id": draft.id}).fetchone()
        return row is not None and row["id"] != draft.id and row["valid_to"] not in (None, draft.valid_to)

    def _insert_memory(
        self, entry: Entry, placed: Placement, index: int, *, identity: bytes | None = None
    ) -> int | None:
        draft = entry.draft
        row = self._conn.execute(
            self._sql.insert_memory,
            {
                "id": draft.id,
                "text": draft.text,
                "kind": draft.kind,
                "tier": draft.tier,
                "importance": draft.importance,
                "source": draft.source,
                "origin": draft.origin,
                "provenance": json_parameter(dict(draft.provenance)),
                "thread": draft.thread,
                "segment_no": placed.segments[index],
                "position": placed.positions[index],
                "speaker": draft.speaker,
                "happened_at": draft.happened_at,
                "valid_from": draft.valid_from,
                "valid_to": draft.valid_to,
                "identity": identity or draft.identity,
                "likeness": entry.likeness,
            },
        ).fetchone()
        return None if row is None else int(row["no"])

    def _link(self, draft: Draft) -> MemoryId:
        row = self._conn.execute(self._sql.known_memory, {"identity": draft.identity, "id": draft.id}).fetchone()
        if row is None:
            raise LookupError(f"memory {draft.id} was neither written nor known")
        found = MemoryId(row["id"])
        if found != draft.id and draft.kind != "chunk":
            self._add_source(found, draft)
        return found

    def _move(self, known: MemoryId | None, draft: Draft, placed: Placement, index: int) -> None:
        """A chunk that stands elsewhere in the newer version of its source moves there."""
        if known is None:
            return
        place = {
            "id": known,
            "source": draft.source,
            "segment_no": placed.segments[index],
            "position": placed.positions[index],
        }
        if self._conn.execute(self._sql.move_chunk, place).rowcount:
            self._conn.execute(self._sql.changed)

    def _find_alike(self, entry: Entry) -> MemoryId | None:
        """The memory that says the same in other dress; the new wording is linked to it."""
        if entry.likeness is None:
            return None
        row = self._conn.execute(
            self._sql.alike_memory,
            {"likeness": entry.likeness, "id": entry.draft.id, "persistent": entry.draft.tier == 4},
        ).fetchone()
        if row is None:
            return None
        found = MemoryId(row["id"])
        wording = entry.draft.text if entry.draft.text != row["text"] else None
        self._add_source(found, entry.draft, wording=wording)
        if wording is not None:
            self.record(found, "linked", "told again in other dress; not stored twice", after={"wording": wording})
        return found

    def _add_source(self, memory_id: MemoryId, draft: Draft, *, wording: str | None = None) -> None:
        percept = draft.provenance.get("percept_id")
        self._conn.execute(
            self._sql.insert_source,
            {
                "memory_id": memory_id,
                "source": draft.source,
                "seq": int(draft.position or 0),
                "percept_id": UUID(str(percept)) if percept else None,
                "wording": wording,
            },
        )

    def drop_words(self, ids: Sequence[MemoryId]) -> None:
        """Take memories out of the word index; their words are written anew by the caller."""
        self._conn.execute(self._sql.lock_writes)
        self._unindex(ids)
        self._conn.execute(self._sql.drop_lexicons, {"ids": list(ids)})

    def _unindex(self, ids: Sequence[MemoryId]) -> None:
        rows = self._conn.execute(self._sql.delete_postings, {"ids": list(ids)}).fetchall()
        self._conn.execute(self._sql.delete_terms, {"numbers": list({row["term_no"] for row in rows})})

    def _read_facts(self, ids: Sequence[MemoryId]) -> None:
        """What a person tells takes effect at once; the rest is read by consolidation."""
        if not self._reads_facts:
            return
        facts = PostgresFacts(self._conn)
        for row in self._conn.execute(self._sql.memories_by_id, {"ids": list(ids)}).fetchall() if ids else ():
            memory = memory_of(row)
            facts.add(memory, read_facts(memory.text, memory.speaker))

    def replace_source(self, source: str, percept_id: UUID) -> list[MemoryId]:
        """Remove what ``source`` no longer says, its version ``percept_id`` being written. Returns the memories that went."""
        left = [
            row["memory_id"]
            for row in self._conn.execute(
                self._sql.leave_source, {"source": source, "percept_id": percept_id}
            ).fetchall()
        ]
        if not left:
            return []
        gone = [MemoryId(row["id"]) for row in self._conn.execute(self._sql.orphaned_chunks, {"ids": left}).fetchall()]
        self._conn.execute(self._sql.move_source, {"ids": left, "source": source})
        self.delete(gone)
        return gone

    def delete(self, ids: Sequence[MemoryId]) -> int:
        """Remove memories with their postings and vectors; Chroma is told by the index queue. Returns how many there were."""
        if not ids:
            return 0
        self._conn.execute(self._sql.lock_writes)
        self._unindex(ids)
        PostgresFacts(self._conn).withdraw(ids)
        gone = self._conn.execute(self._sql.delete_memories, {"ids": list(ids)}).fetchall()
        self._conn.execute(self._sql.changed)
        return len(gone)

    def rewrite(
        self,
        memory: Memory,
        changes: Mapping[str, Any],
        *,
        entry: Entry,
        reason: str,
        command_id: UUID,
    ) -> None:
        """Change a memory and record what it was. ``entry``: the memory as it will be."""
        self._conn.execute(self._sql.lock_writes)
        fresh = dataclasses.replace(memory, **changes)
        self._conn.execute(
            self._sql.rewrite_memory,
            {
                "id": memory.id,
                "text": fresh.text,
                "kind": fresh.kind,
                "tier": 4 if fresh.kind in PERSISTENT_KINDS else min(memory.tier, 3),
                "importance": fresh.importance,
                "identity": entry.draft.identity,
                "likeness": entry.likeness,
            },
        )
        if "text" in changes:
            self._unindex([memory.id])
            self._conn.execute(self._sql.drop_lexicon, {"no": memory.no})
            self._conn.execute(self._sql.drop_vector, {"no": memory.no})
            write_postings(self._conn, {memory.no: Words(entry.terms, entry.cues, entry.told)})
        if "text" in changes:
            self._conn.execute(self._sql.reopen_rewritten, {"id": memory.id})
            PostgresFacts(self._conn).withdraw([memory.id])
            if fresh.kind in TOLD_KINDS:
                self._read_facts([memory.id])
        self.record(
            memory.id,
            "edited",
            reason,
            before={name: getattr(memory, name) for name in changes},
            after=changes,
            command_id=command_id,
        )
        self._conn.execute(self._sql.changed)

    def record(
        self,
        memory_id: MemoryId,
        action: str,
        reason: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        command_id: UUID | None = None,
    ) -> None:
        """Write down why a memory is as it is."""
        self._conn.execute(
            self._sql.insert_change,
            {
                "memory_id": memory_id,
                "action": action,
                "reason": reason,
                "before": None if before is None else json_parameter(dict(before)),
                "after": None if after is None else json_parameter(dict(after)),
                "command_id": command_id,
            },
        )

    def _index(self, new: Sequence[tuple[int, Entry]]) -> None:
        for at in range(0, len(new), INDEXED_AT_ONCE):
            part = new[at : at + INDEXED_AT_ONCE]
            write_postings(self._conn, {no: Words(entry.terms, entry.cues, entry.told) for no, entry in part})


class Words(NamedTuple):
    """What the word index knows of a memory: its terms and how often, its cues, and the days it tells of."""

    terms: Mapping[str, int]
    cues: int
    told: tuple[int, int] | None


def write_postings(conn: Connection, words_by_number: Mapping[int, Words]) -> None:
    """Write the word index of memories that are not in it yet."""
    if not words_by_number:
        return
    sql = queries.load("memory")
    vocabulary = sorted({term for words in words_by_number.values() for term in words.terms})
    conn.execute(sql.insert_terms, {"terms": vocabulary})
    numbers = {row["term"]: row["no"] for row in conn.execute(sql.term_numbers, {"terms": vocabulary}).fetchall()}
    lexicon: list[dict[str, Any]] = []
    postings: tuple[list[int], list[int], list[int]] = ([], [], [])
    for no, words in words_by_number.items():
        found = sorted((numbers[term], min(count, _MAX_COUNT)) for term, count in words.terms.items())
        told_first, told_last = words.told or (None, None)
        lexicon.append(
            {
                "no": no,
                "terms": [term for term, _ in found],
                "counts": [count for _, count in found],
                "length": sum(words.terms.values()),
                "cues": words.cues,
                "told_first": told_first,
                "told_last": told_last,
            }
        )
        for term, count in found:
            for column, value in zip(postings, (term, no, count), strict=True):
                column.append(value)
    with conn.cursor() as cursor:
        cursor.executemany(sql.insert_lexicon, lexicon)
    conn.execute(sql.insert_postings, dict(zip(("terms", "numbers", "counts"), postings, strict=True)))
