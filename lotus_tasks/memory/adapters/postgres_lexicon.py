"""Reading the BM25 index and the memories it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import numpy as np

from lotus_tasks.memory.adapters.readers import Readers
from lotus_tasks.memory.models import KINDS, Memory
from lotus_tasks.memory.ports import Columns, EmbeddingBlock, Floats, Numbers, Snapshot
from lotus_tasks.memory.ranking import TOKEN_BYTES
from lotus_tasks.origins import read_origin
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Database
from lotus_tasks.values import MemoryId


class PostgresLexicon:
    """Implements the port ``Lexicon``. Every method is one question."""

    def __init__(self, database: Database) -> None:
        self._readers = Readers(database.url)
        self._sql = queries.load("memory")
        self._speakers: dict[str, int] = {"": -1}

    def close(self) -> None:
        """Close what is open."""
        self._readers.close()

    def snapshot(self) -> Snapshot:
        """Where the store stands now."""
        row = self._readers.one(self._sql.snapshot)
        return Snapshot(incarnation=row["incarnation"], generation=row["generation"], last_no=row["last_no"])

    def store(self) -> str:
        """The store's id, which its vectors in Chroma go by."""
        return str(self._readers.one(self._sql.snapshot)["store"])

    def columns(self, after_no: int, up_to_no: int) -> tuple[Columns, Sequence[str]]:
        """A range of memories as columns, and all speakers met so far."""
        row = self._readers.one(self._sql.columns, {"after_no": after_no, "up_to_no": up_to_no, "kinds": list(KINDS)})
        speakers = [self._speaker(name) for name in row["speaker"]]
        columns = Columns(
            no=row["no"],
            segment=row["segment"],
            position=row["position"],
            length=row["length"],
            speaker=np.array(speakers, np.int32),
            kind=row["kind"],
            cues=row["cues"],
            told_first=row["told_first"],
            told_last=row["told_last"],
            happened_s=row["happened_s"],
        )
        return columns, [name for name in self._speakers if name]

    def _speaker(self, name: str) -> int:
        return self._speakers.setdefault(name, len(self._speakers) - 1)

    def postings(self, terms: Sequence[str], up_to_no: int, after_no: int = 0) -> Mapping[str, tuple[Numbers, Numbers]]:
        """For each known term, the memories that hold it, sorted, and how often."""
        if not terms:
            return {}
        rows = self._readers.all(self._sql.postings, {"terms": list(terms), "after_no": after_no, "up_to_no": up_to_no})
        return {row["term"]: (row["numbers"], row["counts"]) for row in rows}

    def embeddings(self, numbers: Numbers) -> EmbeddingBlock:
        """The embeddings of those that have one."""
        rows = self._readers.all(self._sql.embeddings, {"numbers": numbers.tolist()})
        vectors = np.frombuffer(b"".join(row["vector"] for row in rows), "<f2")
        signs = [row["tokens"] or b"" for row in rows]
        return EmbeddingBlock(
            numbers=np.array([row["memory_no"] for row in rows], np.int32),
            vectors=vectors.astype(np.float32).reshape(len(rows), -1) if rows else np.empty((0, 0), np.float32),
            signs=np.frombuffer(b"".join(signs), np.uint8).reshape(-1, TOKEN_BYTES),
            token_counts=np.array([len(one) // TOKEN_BYTES for one in signs], np.int32),
        )

    def memories(self, numbers: Sequence[int]) -> Mapping[int, Memory]:
        """These memories, by number."""
        rows = self._readers.all(self._sql.memories_by_number, {"numbers": [int(no) for no in numbers]})
        return {row["no"]: memory_of(row) for row in rows}

    def by_id(self, ids: Sequence[UUID]) -> list[Memory]:
        """These memories, in the order asked for."""
        rows = self._readers.all(self._sql.memories_by_id, {"ids": list(ids)})
        found = {row["id"]: memory_of(row) for row in rows}
        return [found[one] for one in ids if one in found]

    def successors(self, ids: Sequence[MemoryId]) -> Mapping[MemoryId, AbstractSet[MemoryId]]:
        """For memories that no longer hold: those that took their place."""
        found: dict[MemoryId, set[MemoryId]] = {}
        for row in self._readers.all(self._sql.successors, {"ids": list(ids)}):
            found.setdefault(row["memory_id"], set()).add(row["successor"])
        return found

    def of_source(self, source: str) -> Numbers:
        """The memories met in a source."""
        return self._numbers(self._sql.numbers_of_source, {"source": source})

    def of_thread(self, thread: str) -> Numbers:
        """The memories of a conversation or document."""
        return self._numbers(self._sql.numbers_of_thread, {"thread": thread})

    def of_time(self, since: datetime | None, until: datetime | None) -> Numbers:
        """The memories of a time."""
        return self._numbers(self._sql.numbers_of_time, {"since": since, "until": until})

    def _numbers(self, query: LiteralString, parameters: dict[str, Any]) -> Numbers:
        return np.array([row["no"] for row in self._readers.all(query, parameters)], np.int32)


def memory_of(row: Mapping[str, Any]) -> Memory:
    """A row of ``memories`` as a memory."""
    return Memory(**{**{name: row[name] for name in Memory.__slots__}, "origin": read_origin(row["origin"])})


def pack(vector: Floats) -> bytes:
    """A vector as the bytes that memory_vectors keeps."""
    return vector.astype("<f2").tobytes()


def unpack(raw: bytes) -> Floats:
    """The vector behind those bytes."""
    return np.frombuffer(raw, "<f2").astype(np.float32)
