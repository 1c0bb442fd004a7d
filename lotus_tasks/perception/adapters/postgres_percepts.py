"""What was read, in PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from lotus_tasks.commands.codec import read
from lotus_tasks.commands.perception import PerceptLine
from lotus_tasks.perception.models import Chunk, Document, Percept, Skip
from lotus_tasks.perception.service.chunking import CHUNKER
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Database, strip_nul
from lotus_tasks.values import CommandId, PerceptId
from lotus_tasks.work import Transaction


class PostgresPercepts:
    """The tables percepts and percept_chunks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries.load("perception")

    def find(self, source: str) -> Percept | None:
        """What is kept of the source."""
        with self._database.transaction() as conn:
            row = conn.execute(self._sql.find_percept, {"source": source}).fetchone()
        return None if row is None else Percept(**row)

    def replace(
        self, tx: Transaction, document: Document, chunks: Sequence[Chunk], follow_ups: Sequence[CommandId], note: str
    ) -> PerceptId | None:
        """Keep this version in place of the older one; None where a later reading is kept already."""
        percept_id = self._insert(
            tx,
            {
                "source": document.source,
                "kind": document.kind,
                "status": "captured",
                "reason": note or None,
                "content_hash": document.content_hash,
                "size_bytes": document.size_bytes,
                "modified_at": document.modified_at,
                "chunk_count": len(chunks),
                "follow_ups": list(follow_ups),
                "read_at": document.read_at,
            },
        )
        if percept_id is not None and chunks:
            tx.conn.execute(
                self._sql.insert_chunks,
                {
                    "percept_id": percept_id,
                    "source": document.source,
                    "origin": document.origin,
                    "headings": [strip_nul(chunk.heading) for chunk in chunks],
                    "texts": [strip_nul(chunk.text) for chunk in chunks],
                },
            )
        return percept_id

    def sources_below(self, folder: str) -> Sequence[str]:
        """The sources in the folder that say anything."""
        with self._database.transaction() as conn:
            rows = conn.execute(self._sql.sources_below, {"prefix": f"{folder.rstrip('/')}/"}).fetchall()
        return [row["source"] for row in rows]

    def skip(self, tx: Transaction, skip: Skip, follow_ups: Sequence[CommandId]) -> PerceptId | None:
        """Keep that there was nothing to read; None where a later reading, or what the older version said, is kept."""
        if not skip.withdraws:
            kept = tx.conn.execute(
                self._sql.note_status,
                {"source": skip.source, "status": "skipped", "reason": skip.reason, "read_at": skip.read_at},
            ).fetchone()
            if kept is not None:
                return None
        return self._insert(
            tx,
            {
                "source": skip.source,
                "kind": "none",
                "status": "skipped",
                "reason": skip.reason,
                "content_hash": skip.content_hash,
                "size_bytes": skip.size_bytes,
                "modified_at": skip.modified_at,
                "chunk_count": 0,
                "follow_ups": list(follow_ups),
                "read_at": skip.read_at,
            },
        )

    def fail(self, tx: Transaction, source: str, reason: str) -> None:
        """Note on what is kept of the source that it can't be read any more."""
        tx.conn.execute(
            self._sql.note_status, {"source": source, "status": "failed", "reason": reason, "read_at": None}
        )

    def list(self, *, status: str | None, limit: int) -> Sequence[PerceptLine]:
        """What was read, the latest first."""
        with self._database.transaction() as conn:
            rows = conn.execute(self._sql.list_percepts, {"status": status, "limit": limit}).fetchall()
        return [read(PerceptLine, row | {"captured_at": row["captured_at"].isoformat()}) for row in rows]

    def probe(self) -> None:
        """Read what is there. Raises ServiceDown where that can't be."""
        with self._database.transaction() as conn:
            conn.execute(self._sql.counted)

    def _insert(self, tx: Transaction, values: dict[str, Any]) -> PerceptId | None:
        tx.conn.execute(self._sql.hold_source, {"source": values["source"]})
        tx.conn.execute(self._sql.drop_older, values)
        row = tx.conn.execute(self._sql.insert_percept, {"id": uuid.uuid4(), "chunker": CHUNKER, **values}).fetchone()
        return None if row is None else PerceptId(row["id"])
