"""Perception's part of a forgetting: the chunks that were read of a text, and a source of which none is left."""

from __future__ import annotations

from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.spine.forgetting import Gone, Traces


def forget(conn: Connection, gone: Gone) -> Traces:
    """See spine.forgetting.Forgetter."""
    sql = queries.load("perception")
    places = {"percepts": [percept for percept, _ in gone.chunks], "numbers": [number for _, number in gone.chunks]}
    found = Traces(removed={"chunks": conn.execute(sql.forget_chunks, {"texts": list(gone.texts), **places}).rowcount})
    for one in gone.quotes():
        conn.execute(sql.forget_in_reasons, one)
    if gone.source is not None:
        conn.execute(sql.forget_percept, {"source": gone.source})
    return found
