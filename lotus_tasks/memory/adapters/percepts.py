"""What perception read, as drafts: its chunks lie in ``percept_chunks``."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from lotus_tasks.memory.models import Draft
from lotus_tasks.origins import read_origin
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, Database


def read_chunks(database: Database, percept_id: UUID, source: str) -> list[Draft]:
    """A percept's chunks in order. The source is the thread, a heading a segment of it."""
    with database.transaction() as conn:
        rows = conn.execute(queries.load("memory").chunks_of_percept, {"percept_id": percept_id}).fetchall()
    return [
        Draft(
            text=row["text"],
            key=f"percept/{percept_id}/{row['seq']}",
            kind="chunk",
            origin=read_origin(row["origin"]),
            source=source,
            thread=source,
            segment=row["heading"] or "",
            position=row["seq"],
            provenance={"percept_id": str(percept_id), "heading": row["heading"]},
        )
        for row in rows
        if row["text"].strip()
    ]


def withhold(conn: Connection, percept_id: UUID, drafts: Sequence[Draft]) -> None:
    """Keep no secret in the chunks either: those with one get the text that memory holds."""
    for draft in drafts:
        if draft.provenance.get("withheld"):
            conn.execute(
                queries.load("memory").withhold_chunk,
                {"percept_id": percept_id, "seq": draft.position, "text": draft.text},
            )


def is_superseded(conn: Connection, percept_id: UUID) -> bool:
    """Whether a newer version of the source has been read; if not, none will be until this transaction ends."""
    return conn.execute(queries.load("memory").hold_percept, {"percept_id": percept_id}).fetchone() is None
