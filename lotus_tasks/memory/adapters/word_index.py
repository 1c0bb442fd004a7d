"""Building the word index anew: after an upgrade the same text may have other terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter, Words, write_postings
from lotus_tasks.memory.cues import text_cues
from lotus_tasks.memory.service.requests import stated_in
from lotus_tasks.memory.service.writing import told_days
from lotus_tasks.memory.text import LEXICON_VERSION, count_terms, embedding_text
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, Database

BATCH = 500


def is_outdated(conn: Connection) -> bool:
    """Whether the words were indexed by another version. An empty store is brought up to date at once."""
    sql = queries.load("memory")
    row = conn.execute(sql.snapshot).fetchone() or {}
    if row["lexicon"] != LEXICON_VERSION and row["last_no"] == 0:
        conn.execute(sql.set_lexicon, {"version": LEXICON_VERSION})
        return False
    return bool(row["lexicon"] != LEXICON_VERSION)


def rebuild(database: Database, go_on: Callable[[], bool]) -> int:
    """Index every memory's words anew, a batch a transaction. Returns how many; cut off, the next call begins again."""
    sql = queries.load("memory")
    done = after_no = 0
    while go_on():
        with database.transaction() as conn:
            rows = conn.execute(sql.memories_to_read, {"after_no": after_no, "count": BATCH}).fetchall()
            if not rows:
                conn.execute(sql.set_lexicon, {"version": LEXICON_VERSION})
                return done
            PostgresMemoryWriter(conn).drop_words([row["id"] for row in rows])
            write_postings(conn, {row["no"]: _words(row) for row in rows})
            conn.execute(sql.set_kind, {"ids": [row["id"] for row in rows if _only_asked(row)], "kind": "question"})
            conn.execute(sql.changed)
        done += len(rows)
        after_no = rows[-1]["no"]
    return done


def _words(row: Mapping[str, Any]) -> Words:
    indexed = embedding_text(row["text"], row["caption"])
    return Words(count_terms(indexed), text_cues(row["text"]), told_days(row["text"], row["at"]))


def _only_asked(row: Mapping[str, Any]) -> bool:
    """Whether a turn was only asked: earlier versions took what has no question mark for a statement."""
    return bool(row["asked"]) and not stated_in(row["text"])
