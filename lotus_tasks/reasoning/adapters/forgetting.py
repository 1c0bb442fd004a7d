"""Reasoning's part of a forgetting: runs, steps, conversations, and what is noted of schedules and subscriptions.

A schedule's or a subscription's own question stays: it is an order that the user gave, and takes back by removing it.
"""

from __future__ import annotations

from typing import Final

from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.spine.forgetting import Gone, Traces

_NOTES: Final = ("forget_in_occasions", "forget_in_troubles", "forget_in_slots", "forget_in_held_back")


def forget(conn: Connection, gone: Gone) -> Traces:
    """See spine.forgetting.Forgetter."""
    sql = queries.load("reasoning")
    found = Traces()
    conversations = set(gone.conversations)
    patterns = [one["pattern"] for one in gone.quotes()]
    for one in gone.quotes():
        runs = conn.execute(sql.forget_answers, one).fetchall()
        found.runs += [row["id"] for row in runs]
        found.add("answers", len(runs))
        conversations |= {str(row["conversation_id"]) for row in runs}
        conn.execute(sql.forget_details, one)
        conn.execute(sql.forget_titles, one)
        for name in _NOTES:
            conn.execute(getattr(sql, name), one)
    conn.execute(sql.forget_summaries, {"ids": sorted(conversations), "patterns": patterns})
    return found
