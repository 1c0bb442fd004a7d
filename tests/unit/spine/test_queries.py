"""SQL belongs to somebody: each query's name exists and is used, and it touches its owner's tables, or is listed here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import lotus_tasks
from lotus_tasks.spine import queries

PACKAGE = Path(lotus_tasks.__file__).parent
SQL = PACKAGE / "sql"

OWNERS = {
    **dict.fromkeys(("conversations", "runs", "steps", "occasions", "schedules", "schedule_slots"), "reasoning"),
    **dict.fromkeys(("subscriptions", "subscription_events", "event_followers"), "reasoning"),
    **dict.fromkeys(("trusted_destinations", "tool_pins"), "reasoning"),
    **dict.fromkeys(("commands", "events", "ticks", "workers", "module_health"), "spine"),
}
"""Of the first migrations; a later table is its prefix's (memory_…, percept…, provider_…)."""

FILES = {
    **{name: name for name in ("memory", "perception", "providers")},
    **dict.fromkeys(("reasoning", "conversations", "schedules", "subscriptions", "inbox", "trust"), "reasoning"),
    **dict.fromkeys(("outbox", "events", "status"), "spine"),
    "completion": "cli",
}

FOREIGN = {
    # A key must cost a tenth of a second: one connection, and no module imported.
    "completion.*": {
        *("runs", "occasions", "conversations", "memories", "schedules", "subscriptions", "module_health"),
        "trusted_destinations",
    },
    # What a command belongs to is read with its claim: one round trip a hop, on the path of every command.
    "outbox.claim": {"runs"},
    "outbox.renew": {"runs"},
    "outbox.retry_later": {"runs"},
    "outbox.hand_back": {"runs"},
    # A command that nobody can carry out ends its run in the same statement.
    "outbox.fail_run": {"runs"},
    "outbox.prune_payloads": {"runs"},
    # A view that reasoning publishes, the tasks of subscriptions: an event and what follows from it are one statement.
    "outbox.publish_event": {"event_followers"},
    # What memory's own commands carried and found.
    "memory.forget_payloads": {"commands"},
    "memory.forget_results": {"commands"},
    "memory.forget_looks": {"commands"},
    "memory.forget_plans": {"commands"},
    "memory.withhold_chunk": {"percept_chunks"},
    "memory.withhold_payload": {"commands"},
    "memory.drop_payload": {"commands"},
    "memory.blank_question": {"commands"},
    # What was read becomes memories without a copy of it in a message.
    "memory.hold_percept": {"percepts"},
    "memory.chunks_of_percept": {"percept_chunks"},
    "memory.exchange": {"runs", "occasions"},
    # Which model is there to ask, and what became of the questions put to it.
    "memory.reading_model": {"module_health"},
    "memory.ended_questions": {"commands"},
    "memory.withdraw_questions": {"commands"},
    # How far a module's own commands are.
    "perception.find_percept": {"commands"},
    "perception.cancel_readings": {"commands"},
    "perception.count_readings": {"commands"},
    "perception.list_percepts": {"commands"},
    "perception.ended_commands": {"commands"},
    "providers.last_health": {"module_health"},
    "reasoning.called_tools": {"commands"},
    "reasoning.steps_with_results": {"commands"},
    "reasoning.timings": {"commands"},
    "reasoning.cancel_commands": {"commands"},
    "reasoning.show_run": {"commands"},
    "reasoning.show_steps": {"commands", "provider_calls"},
    "conversations.take_summary": {"commands"},
    # An event that a subscription's own run caused starts it no second time.
    "subscriptions.event_with_ancestry": {"events"},
}
"""Tables that a query of somebody else touches, and why."""

_CREATED = re.compile(r"CREATE (?:TABLE|VIEW) (?:IF NOT EXISTS )?(\w+)")
_TOUCHED = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(?:ONLY\s+|LATERAL\s+)?(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A named query. ``tables``: those of the database that it names after FROM, JOIN, INTO, UPDATE or USING."""

    file: str
    name: str
    tables: frozenset[str]

    @property
    def key(self) -> str:
        """As FOREIGN names it."""
        return f"{self.file}.{self.name}"


def owner_of(table: str) -> str:
    """Whose table it is."""
    for prefix, owner in (("memor", "memory"), ("percept", "perception"), ("provider_", "providers")):
        if table.startswith(prefix):
            return owner
    return OWNERS[table]


def find_tables() -> frozenset[str]:
    """Every table and view that a migration makes."""
    texts = (file.read_text(encoding="utf-8") for file in sorted((SQL / "migrations").glob("*.sql")))
    return frozenset(name for text in texts for name in _CREATED.findall(text))


def find_queries(text: str, file: str, tables: frozenset[str]) -> Iterator[Query]:
    """The queries of one file."""
    parts = re.split(r"^-- name: (\w+)\s*$", text, flags=re.MULTILINE)
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        touched = _TOUCHED.findall(re.sub(r"--.*", "", body))
        yield Query(file=file, name=name, tables=tables.intersection(touched))


def find_foreign(query: Query) -> frozenset[str]:
    """Tables of somebody else that FOREIGN doesn't allow."""
    allowed = FOREIGN.get(query.key, set()) | FOREIGN.get(f"{query.file}.*", set())
    return frozenset(one for one in query.tables if owner_of(one) != FILES[query.file] and one not in allowed)


TABLES = find_tables()
QUERIES = [
    one for file in sorted(SQL.glob("*.sql")) for one in find_queries(file.read_text(encoding="utf-8"), file.stem, TABLES)
]
CODE = {file: file.read_text(encoding="utf-8") for file in sorted(PACKAGE.rglob("*.py"))}


def test_every_table_and_every_file_has_an_owner():
    assert len(TABLES) > 20
    assert {owner_of(table) for table in TABLES} == {"memory", "providers", "perception", "reasoning", "spine"}
    assert {file.stem for file in SQL.glob("*.sql")} == set(FILES)


@pytest.mark.parametrize("query", QUERIES, ids=lambda one: one.key)
def test_a_query_touches_its_owner_s_tables(query: Query):
    assert find_foreign(query) == frozenset()


def test_no_exception_is_left_that_nothing_needs():
    touched = {one.key: one.tables for one in QUERIES}
    files = {one.file: frozenset().union(*(other.tables for other in QUERIES if other.file == one.file)) for one in QUERIES}
    needed = {key: touched.get(key, files.get(key.removesuffix(".*"), frozenset())) for key in FOREIGN}
    assert {key: tables - needed[key] for key, tables in FOREIGN.items() if tables - needed[key]} == {}


@pytest.mark.parametrize("query", QUERIES, ids=lambda one: one.key)
def test_a_query_is_used(query: Query):
    prefix = query.name.partition("_")[0]
    # A name in quotes is asked for with getattr, a part of a name with an f-string.
    used = re.compile(rf'\.{query.name}\b|"{query.name}"|f"{prefix}_\{{')
    assert any(used.search(text) for text in CODE.values())


def test_every_query_that_the_code_asks_for_exists():
    asked = re.compile(r'queries\.load\("(\w+)"\)\.(\w+)')
    named = {(file, name) for text in CODE.values() for file, name in asked.findall(text)}
    assert len(named) > 10
    assert named <= {(one.file, one.name) for one in QUERIES}


def test_a_planted_query_on_a_foreign_table_is_found():
    planted = "-- name: peek\n-- What a run was asked.\nWITH one AS (SELECT 1) SELECT question FROM one JOIN runs ON true;\n"
    (query,) = find_queries(planted, "memory", TABLES)
    assert find_foreign(query) == {"runs"}


def test_an_unknown_name_says_which_file_lacks_it():
    with pytest.raises(AttributeError, match=r"sql/memory\.sql has no query named 'nothing'"):
        _ = queries.load("memory").nothing
