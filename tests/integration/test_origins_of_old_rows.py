"""Rows from before there were origins get the least trusted one that is true of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from stack import Services

from lotus_tasks.spine.migrate import migrations

ORIGINS = 210
_CONVERSATION = UUID(int=1)


@pytest.fixture
def before(services: Services) -> Iterator[psycopg.Connection]:
    """A database as the version before left it."""
    with services._administrator() as administrator:
        administrator.execute("DROP DATABASE IF EXISTS before WITH (FORCE)")
        administrator.execute("CREATE DATABASE before")
        try:
            url = services.runtime.database_url.replace("/lotus?", "/before?")
            with psycopg.connect(url, row_factory=dict_row) as conn:
                for version, _, sql in migrations():
                    if version < ORIGINS:
                        conn.execute(sql)
                yield conn
        finally:
            administrator.execute("DROP DATABASE before WITH (FORCE)")


def upgrade(conn: psycopg.Connection) -> None:
    (sql,) = [sql for version, _, sql in migrations() if version == ORIGINS]
    conn.execute(sql)


def insert_run(conn: psycopg.Connection, result: dict, *, options: dict) -> UUID:
    run_id = uuid4()
    conn.execute("INSERT INTO conversations (id) VALUES (%s) ON CONFLICT DO NOTHING", [_CONVERSATION])
    conn.execute(
        "INSERT INTO runs (id, conversation_id, question, result, options) VALUES (%s, %s, 'q', %s, %s)",
        [run_id, _CONVERSATION, json.dumps(result), json.dumps(options)],
    )
    return run_id


@pytest.mark.parametrize(
    ("result", "options", "origin", "question"),
    [
        ({"outside": False}, {"outside": False}, "model", "user"),
        ({"outside": True}, {"outside": False}, "outside", "user"),
        ({"outside": True}, {"outside": True}, "outside", "outside"),
        ({}, {}, "outside", "user"),
        ({}, {"outside": True}, "outside", "outside"),
    ],
    ids=["its own", "read others' text", "from a pipe", "not concluded", "from a pipe, not concluded"],
)
def test_an_old_run(before: psycopg.Connection, result: dict, options: dict, origin: str, question: str):
    insert_run(before, result, options=options)
    upgrade(before)
    row: Any = before.execute("SELECT origin, options, result FROM runs").fetchone()
    assert (row["origin"], row["options"]["origin"]) == (origin, question)
    assert "outside" not in {**row["options"], **row["result"]}


def test_an_old_runs_files_and_schema(before: psycopg.Connection):
    files = [{"name": "b.md", "text": "x"}, {"name": "standard input", "text": "y"}]
    insert_run(before, {}, options={"attachments": files, "schema": {}})
    upgrade(before)
    row: Any = before.execute("SELECT options FROM runs").fetchone()
    assert [(one["name"], one["origin"]) for one in row["options"]["attachments"]] == [
        ("b.md", "own_file"), ("standard input", "outside"),
    ]  # fmt: skip
    assert row["options"]["schema_origin"] == "own_file"


def test_old_steps(before: psycopg.Connection):
    run_id = insert_run(before, {"outside": False}, options={})
    results = {1: {}, 2: {"outside": False}, 3: {"outside": True}, 4: None, 5: {}}
    for seq, result in results.items():
        command_id = None if result is None else uuid4()
        if command_id is not None:
            insert = "INSERT INTO commands (id, run_id, name, queue, result) VALUES (%s, %s, 'x', 'x', %s)"
            before.execute(insert, [command_id, run_id, json.dumps(result)])
        kind = "think" if seq == 1 else "act"
        insert = "INSERT INTO steps (run_id, seq, kind, command_id, detail) VALUES (%s, %s, %s, %s, %s)"
        before.execute(insert, [run_id, seq, kind, command_id, json.dumps({"tool": "fetch url"})])
    upgrade(before)
    rows = before.execute("SELECT origin FROM steps ORDER BY seq").fetchall()
    assert [row["origin"] for row in rows] == ["model", "model", "tool:fetch_url", "model", "tool:fetch_url"]


@pytest.mark.parametrize(
    ("kind", "source", "provenance", "origin"),
    [
        ("note", "user", {}, "user"),
        ("note", "user", {"origin": "outside"}, "outside"),
        ("note", "user", {"tool": "remember"}, "model"),
        ("chunk", "/home/a/b.md", {}, "own_file"),
        ("chunk", "stdin:mail", {}, "outside"),
        ("answer", "conversation:1", {}, "model"),
        ("answer", "conversation:1", {"origin": "outside"}, "outside"),
        ("summary", "conversation:1", {}, "model"),
    ],
)
def test_an_old_memory_and_its_facts(before: psycopg.Connection, kind: str, source: str, provenance: dict, origin: str):
    memory_id = uuid4()
    before.execute(
        "INSERT INTO memories (id, text, kind, tier, source, provenance, identity) VALUES (%s, 't', %s, 2, %s, %s, 'i')",
        [memory_id, kind, source, json.dumps(provenance)],
    )
    for by in ("rules", "gpt"):
        before.execute(
            "INSERT INTO memory_facts (id, memory_id, subject, predicate, value, subject_key, predicate_key, value_key, single,"
            " origin, valid_from) VALUES (%s, %s, 's', 'p', 'v', 's', 'p', %s, false, %s, now())",
            [uuid4(), memory_id, by, by],
        )
    insert = "INSERT INTO memory_profile (text, origin, basis, memory_ids, reason) VALUES ('t', 'gpt', 'b', %s, 'r')"
    before.execute(insert, [[memory_id]])
    upgrade(before)
    row: Any = before.execute("SELECT origin, provenance FROM memories").fetchone()
    assert (row["origin"], row["provenance"].get("origin")) == (origin, None)
    facts = {row["told_by"]: row["origin"] for row in before.execute("SELECT told_by, origin FROM memory_facts").fetchall()}
    assert facts == {"rules": origin, "gpt": "model" if origin == "user" else origin}
    told: Any = before.execute("SELECT told_by, origin FROM memory_profile").fetchone()
    assert told == {"told_by": "gpt", "origin": "model" if origin in ("user", "model") else "outside"}


def test_what_is_written_without_an_origin_is_outside(before: psycopg.Connection):
    upgrade(before)
    columns = before.execute(
        "SELECT table_name, column_default, is_nullable FROM information_schema.columns WHERE column_name LIKE '%origin'"
        " AND data_type = 'text' AND table_schema = 'public'"
    ).fetchall()
    found = {row["table_name"] for row in columns}
    assert found == {"conversations", "runs", "steps", "memories", "percept_chunks", "memory_facts", "memory_profile"}
    assert {(row["column_default"], row["is_nullable"]) for row in columns} == {("'outside'::text", "NO")}
