"""A text is put into every column that may hold one, forgotten, and looked for in all of PostgreSQL and Redis.

A column that a migration adds must be named here: as one that holds texts (and then it is filled, and must be clean), as one
that never does, or as one that keeps them, with the reason.
"""

from __future__ import annotations

import json
import uuid

import pytest

from lotus_tasks.spine.streams import stream_key
from tests.integration.inprocess import Workers

TEXT = "The zeppelin hangar key is under the geranium."
MARKER = "geranium"

FILLED = {
    "commands": ("payload", "result", "error"),
    "conversations": ("title", "summary"),
    "events": ("payload",),
    "occasions": ("reason",),
    "percepts": ("reason",),
    "provider_calls": ("failure",),
    "runs": ("question", "options", "answer", "result", "error"),
    "schedules": ("trouble",),
    "schedule_slots": ("note",),
    "steps": ("detail",),
    "subscription_events": ("note",),
    "memory_changes": ("before", "after", "reason"),
}
"""Each of these gets the text in a row of its own."""

ITS_OWN = {
    "memories": ("text", "provenance", "speaker", "identity", "likeness"),
    "memory_facts": ("subject", "predicate", "value", "subject_key", "predicate_key", "value_key"),
    "memory_lexicon": ("terms",),
    "memory_profile": ("text", "basis", "reason"),
    "memory_questions": ("about",),
    "memory_sources": ("wording",),
    "memory_terms": ("term",),
    "memory_vectors": ("vector", "tokens"),
    "percept_chunks": ("text", "heading"),
}
"""Filled by remembering and reading the text; gone with its rows."""

KEPT = {
    "schedules": ("name", "question", "options"),  # an order of the user's; `schedule remove` takes it back
    "subscriptions": ("name", "patterns", "question", "options"),  # the same, `on remove`
    "module_health": ("detail", "facts"),  # of LOTUS's state; written anew twice a minute
    "memories": ("source", "thread"),  # where it was met: a path, an address, a conversation's id
    "memory_segments": ("thread", "key"),
    "memory_sources": ("source",),
    "percepts": ("source",),
    "percept_chunks": ("source",),
    "tool_pins": ("description", "parameters"),  # a server's words about its tool, to compare the next with
}
"""May name what the text names, and stays."""

NEVER = {
    "conversations": ("title_origin", "summary_origin"),
    "runs": ("origin",),
    "percept_chunks": ("origin",),
    "tool_pins": ("tool", "server", "digest"),
    "trusted_destinations": ("destination",),
    "commands": ("name", "queue", "owner"),
    "event_followers": ("event", "task"),
    "events": ("key", "name"),
    "memories": ("kind", "origin"),
    "memory_changes": ("action",),
    "memory_facts": ("origin", "told_by"),
    "memory_lexicon": ("counts",),
    "memory_profile": ("origin", "told_by", "memory_ids"),
    "memory_questions": ("memory_ids", "kind"),
    "memory_state": ("lexicon", "embedder"),
    "memory_vectors": ("embedder",),
    "module_health": ("name", "status"),
    "occasions": ("kind", "name", "ancestry"),
    "percepts": ("kind", "status", "content_hash", "follow_ups"),
    "provider_calls": ("provider", "model"),
    "provider_findings": ("server", "model", "refused"),
    "schedules": ("timetable", "zone", "missed"),
    "schema_migrations": ("name",),
    "steps": ("kind", "status", "origin"),
    "subscriptions": ("event",),
    "ticks": ("job",),
    "workers": ("name", "queues"),
}
"""Names, kinds, ids and hashes of LOTUS's own."""

_COLUMNS = """
SELECT table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND data_type IN ('text', 'character varying', 'jsonb', 'json', 'bytea', 'ARRAY')
"""


def named(*groups: dict[str, tuple[str, ...]]) -> set[str]:
    return {f"{table}.{column}" for group in groups for table, columns in group.items() for column in columns}


def columns_of(workers: Workers) -> set[str]:
    return {f"{row['table_name']}.{row['column_name']}" for row in workers.rows(_COLUMNS)}


def where_it_is(workers: Workers) -> set[str]:
    """The columns that hold the marker."""
    return {
        name
        for name in columns_of(workers)
        for table, column in [name.split(".")]
        if workers.rows(f"SELECT 1 FROM {table} WHERE strpos(lower({column}::text), '{MARKER}') > 0 LIMIT 1")
    }


@pytest.fixture
def filled(workers, tell, tmp_path) -> str:
    """The id of a memory whose text stands in every column of FILLED and ITS_OWN that has a row."""
    path = tmp_path / "keys.md"
    path.write_text(f"# Keys\n\n{TEXT}\n", encoding="utf-8")
    assert workers.run("perception.ingest", path=str(path))["status"] == "succeeded"
    (row,) = workers.rows("SELECT id FROM memories WHERE kind = 'chunk'")
    tell("The harbour lies in the north.")
    conversation, run, schedule, subscription = (uuid.uuid4() for _ in range(4))
    for statement, values in (
        ("INSERT INTO conversations (id, title) VALUES (%s, '')", [conversation]),
        (
            "INSERT INTO runs (id, conversation_id, status, question, finished_at) VALUES (%s, %s, 'failed', 'x', now())",
            [run, conversation],
        ),
        ("INSERT INTO steps (run_id, seq, kind, status) VALUES (%s, 1, 'act', 'succeeded')", [run]),
        (
            ("INSERT INTO schedules (id, name, timetable, zone, missed, question, options) "
            "VALUES (%s, 'daily', '0 8 * * *', 'UTC', 'once', 'What is new?', '{}')"),
            [schedule],
        ),
        ("INSERT INTO schedule_slots (schedule_id, slot, note) VALUES (%s, now(), '')", [schedule]),
        (
            ("INSERT INTO subscriptions (id, name, event, patterns, question, options, per_hour) "
            "VALUES (%s, 'new', 'memory.stored', '{}', 'What is new?', '{}', 10)"),
            [subscription],
        ),
        (
            ("INSERT INTO subscription_events (event_id, subscription_id, note, created_at) "
            "SELECT max(id), %s, '', now() FROM events"),
            [subscription],
        ),
        (
            "INSERT INTO occasions (run_id, kind, name, reason, ancestry) VALUES (%s, 'schedule', 'daily', '', '{}')",
            [run],
        ),
        (
            ("INSERT INTO provider_calls (command_id, provider, model, started_at, input_tokens, output_tokens, estimated, "
            "cost_usd, total_ms) VALUES (%s, 'openai', 'm', now(), 1, 1, false, 0, 1)"),
            [uuid.uuid4()],
        ),
    ):
        workers.rows(f"{statement} RETURNING 1", *values)
    fill(workers)
    return str(row["id"])


def fill(workers: Workers) -> None:
    kinds = {f"{row['table_name']}.{row['column_name']}": row["data_type"] for row in workers.rows(_COLUMNS)}
    for table, columns in FILLED.items():
        for column in columns:
            said = json.dumps({"said": TEXT}) if kinds[f"{table}.{column}"] == "jsonb" else f"It quotes: {TEXT}"
            done = "WHERE status = 'succeeded'" if table == "commands" else ""  # one at work is blanked when it is done
            assert workers.rows(f"UPDATE {table} SET {column} = %s {done} RETURNING 1", said), f"no row in {table}"


def change(workers: Workers, statement: str) -> None:
    with workers.database.transaction() as conn:
        conn.execute(statement)


def test_every_column_is_named_here(workers):
    assert columns_of(workers) - named(FILLED, ITS_OWN, KEPT, NEVER) == set()
    assert named(FILLED, ITS_OWN, KEPT, NEVER) - columns_of(workers) == set()


def test_a_text_stands_nowhere_after_it_is_forgotten(workers, filled):
    assert named(FILLED) <= where_it_is(workers)
    done = workers.run("memory.forget", ids=[filled])
    assert done["status"] == "succeeded", done["error"]
    assert where_it_is(workers) == set()


def test_a_planted_column_that_forgetting_misses_is_found(workers, filled):
    change(workers, "ALTER TABLE steps ADD COLUMN remark text")
    try:
        assert columns_of(workers) - named(FILLED, ITS_OWN, KEPT, NEVER) == {"steps.remark"}
        workers.rows("UPDATE steps SET remark = %s RETURNING 1", TEXT)
        workers.run("memory.forget", ids=[filled])
        assert where_it_is(workers) == {"steps.remark"}
    finally:
        change(workers, "ALTER TABLE steps DROP COLUMN remark")


def test_no_key_of_redis_holds_it(services, workers, filled):
    (run,) = workers.rows("SELECT id FROM runs")
    with services.redis() as client:
        client.xadd(stream_key(run["id"]), {"k": "token", "c": "x", "t": TEXT})
        workers.run("memory.forget", ids=[filled])
        assert [key for key in client.scan_iter("*") if MARKER.encode() in read(client, key)] == []


def read(client, key: bytes | str) -> bytes:
    """All that a key holds."""
    readers = {
        "string": client.get,
        "list": lambda one: client.lrange(one, 0, -1),
        "set": client.smembers,
        "hash": client.hgetall,
        "zset": lambda one: client.zrange(one, 0, -1),
        "stream": client.xrange,
    }
    kind = client.type(key)
    found = readers[kind.decode() if isinstance(kind, bytes) else kind](key)
    return str(found).encode()
