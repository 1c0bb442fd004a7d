"""Providers' part of a forgetting: what a server said when it refused a prompt."""

from __future__ import annotations

from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.spine.forgetting import Gone, Traces


def forget(conn: Connection, gone: Gone) -> Traces:
    """See spine.forgetting.Forgetter."""
    for one in gone.quotes():
        conn.execute(queries.load("providers").forget_in_failures, one)
    return Traces()
