"""The vector index's work, kept in PostgreSQL so that Chroma can be lost at any time."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from lotus_tasks.memory.adapters.postgres_lexicon import pack, unpack
from lotus_tasks.memory.models import EVIDENCE_KINDS
from lotus_tasks.memory.ports import Embedding, Lag, Numbers, Unembedded, VectorRow
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Database


class PostgresIndexQueue:
    """Implements the port ``IndexQueue``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries.load("memory")

    def unembedded(self, count: int) -> Sequence[Unembedded]:
        """Memories without a vector, newest first."""
        with self._database.transaction() as conn:
            rows = conn.execute(self._sql.without_vector, {"count": count}).fetchall()
        return [Unembedded(no=row["no"], text=row["text"], caption=row["caption"]) for row in rows]

    def waiting_evidence(self, after_no: int, *, most: int) -> int:
        """How much of what could be evidence, numbered above ``after_no``, has no vector yet; ``most`` where it is more."""
        wanted = {"after_no": after_no, "kinds": list(EVIDENCE_KINDS), "most": most}
        with self._database.statement() as conn:
            row = conn.execute(self._sql.evidence_without_vector, wanted).fetchone()
        return int(row["waiting"]) if row else 0

    def save(self, numbers: Sequence[int], embeddings: Sequence[Embedding], embedder: str) -> None:
        """Keep their vectors and token bits."""
        rows = {
            "numbers": list(numbers),
            "vectors": [pack(one.vector) for one in embeddings],
            "tokens": [one.tokens for one in embeddings],
            "embedder": embedder,
        }
        with self._database.transaction() as conn:
            conn.execute(self._sql.insert_vectors, rows)

    def unindexed(self, count: int) -> Sequence[VectorRow]:
        """Vectors that the index doesn't hold."""
        with self._database.transaction() as conn:
            rows = conn.execute(self._sql.unindexed, {"count": count}).fetchall()
        return [
            VectorRow(
                memory_id=row["id"], no=row["no"], vector=unpack(row["vector"]), kind=row["kind"], thread=row["thread"]
            )
            for row in rows
        ]

    def mark_indexed(self, numbers: Sequence[int]) -> None:
        """The index holds these now."""
        with self._database.transaction() as conn:
            conn.execute(self._sql.mark_indexed, {"numbers": list(numbers)})

    def to_remove(self, count: int) -> Sequence[tuple[UUID, int]]:
        """Deleted memories that the index still holds, id and number."""
        with self._database.transaction() as conn:
            rows = conn.execute(self._sql.to_unindex, {"count": count}).fetchall()
        return [(row["memory_id"], row["memory_no"]) for row in rows]

    def removed(self, ids: Sequence[UUID]) -> None:
        """The index no longer holds these."""
        with self._database.transaction() as conn:
            conn.execute(self._sql.unindexed_done, {"ids": list(ids)})

    def lag(self) -> Lag:
        """How far the index is behind."""
        with self._database.transaction() as conn:
            row = conn.execute(self._sql.index_lag).fetchone() or {}
        return Lag(memories=row["memories"], indexed=row["indexed"], to_remove=row["to_remove"])

    def expected(self) -> Numbers:
        """The memories whose vectors the index should hold, sorted."""
        with self._database.transaction() as conn:
            return np.array([row["memory_no"] for row in conn.execute(self._sql.indexed_numbers).fetchall()], np.int32)

    def known(self) -> Numbers:
        """Every memory that has a vector; sorted."""
        with self._database.transaction() as conn:
            return np.array([row["memory_no"] for row in conn.execute(self._sql.embedded_numbers).fetchall()], np.int32)

    def lost(self, kept: Numbers) -> int:
        """The index holds no more than ``kept``: queue the rest again."""
        with self._database.transaction() as conn:
            return conn.execute(self._sql.mark_unindexed, {"kept": kept.tolist()}).rowcount

    def use_embedder(self, model: str) -> bool:
        """Make ``model`` the embedder of this store; vectors of another are dropped."""
        with self._database.transaction() as conn:
            row = conn.execute(self._sql.snapshot).fetchone() or {}
            if row["embedder"] == model:
                return False
            conn.execute(self._sql.set_embedder, {"embedder": model})
            conn.execute(self._sql.drop_other_vectors, {"embedder": model})
            return True
