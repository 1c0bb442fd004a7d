"""Asking real services how they are, and not hanging on those that don't answer."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lotus_tasks import bootstrap
from lotus_tasks.errors import NotRunning
from lotus_tasks.health.probes import ask_all
from lotus_tasks.health.status import collect_status, is_ready
from lotus_tasks.spine.database import Database

MOST_S = 3.0


@pytest.fixture
def database(services) -> Iterator[Database]:
    with Database(services.runtime.database_url) as database:
        yield database


@pytest.fixture
def deaf() -> Iterator[str]:
    """host:port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def populate(database: Database) -> None:
    with database.transaction() as conn:
        for manifest in bootstrap.manifests():
            conn.execute("INSERT INTO module_health (name, status, detail) VALUES (%s, 'ok', 'well')", [manifest.name])
            conn.execute(
                "INSERT INTO workers (name, pid, queues, slots, busy) VALUES (%s, 1, %s, 2, 0)",
                [f"worker-{manifest.queue}", [manifest.queue]],
            )


def module(document: dict, name: str) -> dict:
    return next(row for row in document["modules"] if row["name"] == name)


def test_what_the_services_hold_is_what_the_status_shows(services, database):
    populate(database)
    with database.transaction() as conn:
        conn.execute(
            "INSERT INTO commands (id, name, queue, created_at, not_before)"
            " VALUES (gen_random_uuid(), 'memory.recall', 'memory', now() - interval '9 s', now() - interval '5 s')"
        )
        conn.execute("INSERT INTO ticks (job, slot, taken_at) VALUES ('system.sweep', 1, now() - interval '4 s')")
    with services.redis() as client:
        client.lpush("lotus:memory", "a", "b")
    document = collect_status(services.runtime, bootstrap.manifests())
    waiting = next(row for row in document["queues"] if row["name"] == "memory")
    assert (waiting["depth"], waiting["consumers"]) == (2, 1)
    assert 5.0 <= waiting["oldest_s"] < 60.0
    assert 4.0 <= document["beat"]["last_tick_s"] < 60.0
    assert [document["services"][name]["ok"] for name in ("redis", "postgres", "chroma", "flower")] == [
        True,
        True,
        True,
        False,
    ]
    assert {process["name"] for process in document["processes"]} >= {"valkey", "postgres", "chroma"}
    assert {row["status"] for row in document["modules"]} == {"ok"}


def test_a_worker_gone_silent_takes_its_module_down(services, database):
    populate(database)
    with database.transaction() as conn:
        conn.execute("UPDATE workers SET seen_at = now() - interval '1 min' WHERE name = 'worker-memory'")
    assert module(collect_status(services.runtime, bootstrap.manifests()), "memory")["status"] == "down"


def test_modules_are_ready_once_each_has_a_worker_and_a_report(services, database):
    manifests = bootstrap.manifests()
    assert not is_ready(manifests, ask_all(services.runtime, []))
    populate(database)
    assert is_ready(manifests, ask_all(services.runtime, []))


@pytest.mark.parametrize("part", ["chroma_url", "gateway_url", "flower_url", "redis_url", "database_url"])
def test_a_part_that_never_answers_does_not_hold_up_the_rest(services, database, deaf, part):
    populate(database)
    urls = {"redis_url": f"redis://{deaf}/0", "database_url": f"postgresql://lotus@{deaf}/lotus"}
    runtime = replace(services.runtime, **{part: urls.get(part, f"http://{deaf}")})
    started = time.monotonic()
    document = collect_status(runtime, bootstrap.manifests())
    assert time.monotonic() - started < MOST_S
    name = {"database_url": "postgres"}.get(part, part.removesuffix("_url"))
    assert document["services"][name]["ok"] is False
    others = {"redis", "postgres", "chroma"} - {name}
    assert all(document["services"][other]["ok"] for other in others)


def test_when_nothing_answers_lotus_is_not_running(services, tmp_path):
    nowhere = f"{tmp_path}/nothing.sock"
    runtime = replace(
        services.runtime,
        redis_url=f"unix://{nowhere}",
        broker_url=f"redis+socket://{nowhere}",
        database_url=f"postgresql://lotus@/lotus?host={tmp_path}",
        supervisor_socket=tmp_path / "none",
    )
    with pytest.raises(NotRunning, match=r"manage\.py up"):
        collect_status(runtime, bootstrap.manifests())


def test_what_the_modules_count_is_counted_when_status_is_asked(services, database):
    populate(database)
    with database.transaction() as conn:
        conversation = uuid.uuid4()
        conn.execute("INSERT INTO conversations (id) VALUES (%s)", [conversation])
        conn.execute(
            "INSERT INTO runs (id, conversation_id, question, status) VALUES (%s, %s, 'q', 'waiting')",
            [uuid.uuid4(), conversation],
        )
        for number, status in enumerate(("captured", "captured", "skipped")):
            conn.execute(
                "INSERT INTO percepts (id, source, kind, status, content_hash, size_bytes, chunker, chunk_count, read_at) "
                "VALUES (%s, %s, 'text', %s, %s, 1, 1, %s, now())",
                [uuid.uuid4(), f"/notes/{number}.md", status, str(number), 3 - number],
            )
    document = collect_status(services.runtime, bootstrap.manifests())
    assert module(document, "perception")["detail"].startswith("2 sources read, 6 chunks, 1 skipped, 0 failed")
    assert module(document, "reasoning")["detail"].startswith("0 runs open, 1 waiting for a yes")


def test_every_modules_counts_are_whole_numbers(services, database):
    named = {manifest.name: manifest.counted for manifest in bootstrap.manifests() if manifest.counted}
    assert set(named) == {"perception", "reasoning"}
    found = ask_all(services.runtime, [], counted=named).database
    assert all(number == 0 for counts in found.counts.values() for number in counts.values())
