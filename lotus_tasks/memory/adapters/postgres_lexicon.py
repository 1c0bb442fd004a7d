"""Reading the BM25 index and the memories it leads to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import numpy as np

from lotus_tasks.infra import queries
from lotus_tasks.infra.postgres import Database
from lotus_tasks.memory.adapters.arrays import numeric_cursor
from lotus_tasks.memory.models import KINDS, Memory
from lotus_tasks.memory.ports import Columns, EmbeddingBlock, Floats, Numbers, Snapshot
from lotus_tasks.memory.ranking import TOKEN_BYTES


class PostgresLexicon:
    """Implements the port ``Lexicon``. Every method is one short transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries.load("memory")
        self._speakers: dict[str, int] = {"": -1}

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        with self._database.transaction() as conn, numeric_cursor(conn) as cursor:
            yield cursor

    def snapshot(self) -> Snapshot:
        """Where the store stands now."""
        with self._cursor() as cursor:
            row = cursor.execute(self._sql.snapshot).fetchone()
        return Snapshot(generation=row["generation"], last_no=row["last_no"])

    def store(self) -> str:
        """The store's id, which its vectors in Chroma go by."""
        with self._cursor() as cursor:
            return str(cursor.execute(self._sql.snapshot).fetchone()["store"])

    def columns(self, after_no: int, up_to_no: int) -> tuple[Columns, Sequence[str]]:
        """A range of memories as columns, and all speakers met so far."""
        with self._cursor() as cursor:
            row = cursor.execute(
                self._sql.columns, {"after_no": after_no, "up_to_no": up_to_no, "kinds": list(KINDS)}
            ).fetchone()
        speakers = [self._speaker(name) for name in row["speaker"]]
        columns = Columns(
            no=row["no"],
            segment=row["segment"],
            position=row["position"],
            length=row["length"],
            speaker=np.array(speakers, np.int32),
            kind=row["kind"],
            cues=row["cues"],
            happened_s=row["happened_s"],
        )
        return columns, [name for name in self._speakers if name]

    def _speaker(self, name: str) -> int:
        return self._speakers.setdefault(name, len(self._speakers) - 1)

    def postings(self, terms: Sequence[str], up_to_no: int, after_no: int = 0) -> Mapping[str, tuple[Numbers, Numbers]]:
        """For each known term, the memories that hold it, sorted, and how often."""
        if not terms:
            return {}
        with self._cursor() as cursor:
            rows = cursor.execute(
                self._sql.postings, {"terms": list(terms), "after_no": after_no, "up_to_no": up_to_no}
            ).fetchall()
        return {row["term"]: (row["numbers"], row["counts"]) for row in rows}

    def terms_of(self, numbers: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
        """The terms of these memories and how often each holds them."""
        with self._cursor() as cursor:
            rows = cursor.execute(self._sql.terms_of, {"numbers": list(numbers)}).fetchall()
        return {row["memory_no"]: dict(zip(row["terms"], row["counts"].tolist(), strict=True)) for row in rows}

    def embeddings(self, numbers: Numbers) -> EmbeddingBlock:
        """The embeddings of those that have one; the server joins them, so that no row costs a Python object."""
        with self._cursor() as cursor:
            row = cursor.execute(self._sql.embedding_block, {"numbers": numbers.tolist()}).fetchone()
        found: Numbers = row["numbers"]
        vectors = np.frombuffer(row["vectors"], "<f2").reshape(len(found), -1) if len(found) else np.empty((0, 0))
        return EmbeddingBlock(
            numbers=found,
            vectors=vectors.astype(np.float32),
            signs=np.frombuffer(row["signs"], np.uint8).reshape(-1, TOKEN_BYTES),
            token_counts=row["token_counts"],
        )

    def memories(self, numbers: Sequence[int]) -> Mapping[int, Memory]:
        """These memories, by number."""
        with self._cursor() as cursor:
            rows = cursor.execute(self._sql.memories_by_number, {"numbers": [int(no) for no in numbers]}).fetchall()
        return {row["no"]: memory_of(row) for row in rows}

    def by_id(self, ids: Sequence[UUID]) -> list[Memory]:
        """These memories, in the order asked for."""
        with self._cursor() as cursor:
            rows = cursor.execute(self._sql.memories_by_id, {"ids": list(ids)}).fetchall()
        found = {row["id"]: memory_of(row) for row in rows}
        return [found[one] for one in ids if one in found]

    def of_source(self, source: str) -> Numbers:
        """The memories met in a source."""
        return self._numbers(self._sql.numbers_of_source, {"source": source})

    def of_thread(self, thread: str) -> Numbers:
        """The memories of a conversation or document."""
        return self._numbers(self._sql.numbers_of_thread, {"thread": thread})

    def _numbers(self, query: Any, parameters: Mapping[str, Any]) -> Numbers:
        with self._cursor() as cursor:
            return np.array([row["no"] for row in cursor.execute(query, parameters).fetchall()], np.int32)


def memory_of(row: Mapping[str, Any]) -> Memory:
    """A row of ``memories`` as a memory."""
    return Memory(**{name: row[name] for name in Memory.__slots__})


def pack(vector: Floats) -> bytes:
    """A vector as the bytes that memory_vectors keeps."""
    return vector.astype("<f2").tobytes()


def unpack(raw: bytes) -> Floats:
    """The vector behind those bytes."""
    return np.frombuffer(raw, "<f2").astype(np.float32)
