"""What perception read, as drafts: its chunks lie in ``percept_chunks``."""

from __future__ import annotations

from uuid import UUID

from lotus_tasks.infra import queries
from lotus_tasks.infra.postgres import Connection, Database
from lotus_tasks.memory.models import Draft


def read_chunks(database: Database, percept_id: UUID, source: str) -> list[Draft]:
    """A percept's chunks in order. The source is the thread, a heading a segment of it."""
    with database.transaction() as conn:
        rows = conn.execute(queries.load("memory").chunks_of_percept, {"percept_id": percept_id}).fetchall()
    return [
        Draft(
            text=row["text"],
            key=f"percept/{percept_id}/{row['seq']}",
            kind="chunk",
            source=source,
            thread=source,
            segment=row["heading"] or "",
            position=row["seq"],
            provenance={"percept_id": str(percept_id), "heading": row["heading"]},
        )
        for row in rows
        if row["text"].strip()
    ]


def is_superseded(conn: Connection, percept_id: UUID) -> bool:
    """Whether a newer version of the source has been read; if not, none will be until this transaction ends."""
    return conn.execute(queries.load("memory").hold_percept, {"percept_id": percept_id}).fetchone() is None
