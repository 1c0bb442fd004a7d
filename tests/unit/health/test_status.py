"""How LOTUS is, judged from what its parts answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lotus_tasks.errors import ServiceDown
from lotus_tasks.health.probes import (
    DatabaseFacts,
    Found,
    ModuleRow,
    QueueRow,
    WorkerRow,
    ask_supervisor,
    count_restarts,
)
from lotus_tasks.health.status import assemble, is_ready
from lotus_tasks.local.home import Home
from lotus_tasks.local.reachable import without_password
from lotus_tasks.local.runtime import Runtime
from lotus_tasks.manifest import Manifest
from lotus_tasks.spine.queues import redis_url_of
from lotus_tasks.stack.set_aside import SetAside
from lotus_tasks.stack.supervision import ProcessState, write_configuration
from lotus_tasks.values import utc_now

MANIFESTS = [Manifest(name=name, queue=name, tasks=(f"{name}.work",)) for name in ("memory", "providers")]
RUNTIME = Runtime(
    home=Path("/home/lotus"),
    database_url="postgresql://lotus@/lotus?host=%2Frun",
    redis_url="unix:///run/valkey.sock",
    broker_url="redis+socket:///run/valkey.sock",
    chroma_url="http://127.0.0.1:1",
    gateway_url="http://127.0.0.1:2",
    flower_url="http://127.0.0.1:3",
    supervisor_socket=Path("/run/supervisor.sock"),
    embedded=frozenset({"redis", "postgres", "chroma"}),
)


def report(name: str, **fields) -> ModuleRow:
    values = {"status": "ok", "detail": "well", "facts": {}, "checked_at": utc_now(), "age_s": 5.0}
    return ModuleRow(name=name, **(values | fields))


def worker(queue: str, **fields) -> WorkerRow:
    values = {"queues": [queue], "slots": 2, "busy": 0, "age_s": 1.0}
    return WorkerRow(name=f"worker-{queue}", **(values | fields))


def process(name: str, **fields) -> ProcessState:
    values = {"group": "core", "state": "RUNNING", "pid": 7, "started_at": 0, "uptime_s": 100.0, "reason": ""}
    return ProcessState(name=name, **(values | fields))


WELL = DatabaseFacts(
    modules=[report("memory"), report("providers")],
    workers=[worker("memory"), worker("providers"), worker("system")],
    last_tick_s=2.0,
    tiers={"L3": 4},
)
ALL = Found(
    processes=[process("beat"), process("worker-memory")],
    database=WELL, redis=True, depths={}, chroma=True, gateway=True, flower=True,
)  # fmt: skip


def status(found: Found = ALL) -> dict:
    return assemble(RUNTIME, MANIFESTS, found)


def module(found: Found, name: str = "memory") -> dict:
    return next(row for row in status(found)["modules"] if row["name"] == name)


def queue(found: Found, name: str = "memory") -> dict:
    return next(row for row in status(found)["queues"] if row["name"] == name)


def having(**facts) -> Found:
    return replace(ALL, database=replace(WELL, **facts))


def test_all_well_is_ok():
    assert status()["overall"] == "ok"


def test_the_document_has_the_keys_that_others_read():
    document = status()
    parts = ["overall", "processes", "services", "modules", "queues", "providers", "memory", "beat", "set_aside"]
    assert list(document) == parts
    assert list(document["processes"][0]) == ["name", "pid", "state", "uptime_s", "restarts"]
    assert list(document["services"]) == ["redis", "postgres", "chroma", "gateway", "flower"]
    assert list(document["services"]["redis"]) == ["url", "embedded", "ok", "data", "trouble"]
    assert list(document["modules"][0]) == ["name", "status", "detail", "checked_at"]
    assert list(document["queues"][0]) == ["name", "depth", "oldest_s", "consumers", "saturated"]
    assert document["memory"] == {"L1": 0, "L2": 0, "L3": 4, "L4": 0, "index_lag": 0}
    assert document["beat"] == {"last_tick_s": 2.0}


@pytest.mark.parametrize("part", [{"redis": False}, {"database": None, "silent": {"database": "no answer"}}])
def test_without_redis_or_postgres_it_is_down(part):
    found = replace(ALL, **part)
    assert status(found)["overall"] == "down"
    assert not is_ready(MANIFESTS, found)


@pytest.mark.parametrize("part", ["chroma", "gateway", "flower"])
def test_without_any_other_service_it_is_degraded_and_still_ready(part):
    found = replace(ALL, **{part: False})
    assert status(found)["overall"] == "degraded"
    assert status(found)["services"][part]["ok"] is False
    assert is_ready(MANIFESTS, found)


def test_a_module_says_what_it_reported():
    found = having(modules=[report("memory", status="degraded", detail="Chroma is away"), report("providers")])
    assert (module(found)["status"], module(found)["detail"]) == ("degraded", "Chroma is away")
    assert status(found)["overall"] == "degraded"


@pytest.mark.parametrize("workers", [[], [worker("memory", age_s=60.0)]], ids=["none", "silent"])
def test_a_module_without_a_living_worker_is_down_whatever_it_reported(workers):
    found = having(workers=[worker("providers"), *workers])
    assert module(found)["status"] == "down"
    assert "logs worker-memory" in module(found)["detail"]
    assert not is_ready(MANIFESTS, found)


def test_a_silent_worker_is_no_consumer_of_its_queue():
    found = having(workers=[worker("memory", age_s=60.0), worker("providers")])
    assert (queue(found)["consumers"], queue(found, "providers")["consumers"]) == (0, 1)


def test_one_idle_worker_among_busy_ones_is_not_saturated():
    workers = [worker("memory", busy=2), worker("memory", busy=1), worker("providers")]
    assert queue(replace(having(workers=workers), depths={"memory": 5}))["saturated"] is False


def test_a_busy_but_silent_worker_does_not_saturate_a_queue():
    workers = [worker("memory", busy=1), worker("memory", busy=2, age_s=60.0)]
    assert queue(replace(having(workers=workers), depths={"memory": 5}))["saturated"] is False
    busy = [worker("memory", busy=2), worker("memory", busy=0, age_s=60.0)]
    assert queue(replace(having(workers=busy), depths={"memory": 5}))["saturated"] is True


def test_what_was_set_aside_is_told(tmp_path: Path):
    aside = SetAside(store="valkey", at=utc_now(), reason="Bad file format", path=tmp_path)
    (row,) = status(replace(ALL, set_aside=[aside]))["set_aside"]
    assert row == {"store": "valkey", "at": aside.at.isoformat(), "reason": "Bad file format", "path": str(tmp_path)}
    assert status(replace(ALL, set_aside=[aside]))["overall"] == "ok"


def test_a_module_that_has_not_reported_is_down():
    assert module(having(modules=[report("providers")]))["detail"] == "it has not reported yet"


def test_a_stale_report_of_a_busy_worker_is_degraded_busy_and_not_down():
    found = having(
        modules=[report("memory", age_s=200.0), report("providers")],
        workers=[worker("memory", busy=2), worker("providers")],
    )
    assert (module(found)["status"], module(found)["detail"]) == ("degraded", "busy: all its 2 slots are at work")
    assert is_ready(MANIFESTS, found)


def test_a_stale_report_of_an_idle_worker_is_degraded_with_its_age():
    found = having(modules=[report("memory", age_s=200.0), report("providers")])
    assert module(found)["detail"] == "no report for 200 s, though its worker lives"


def test_a_queue_has_its_depth_from_the_broker_and_its_age_from_postgres():
    found = replace(having(queues=[QueueRow(queue="memory", unclaimed=3, oldest_s=4.24)]), depths={"memory": 2})
    assert queue(found) == {"name": "memory", "depth": 2, "oldest_s": 4.2, "consumers": 1, "saturated": False}


def test_with_another_broker_the_depth_is_what_nobody_claimed():
    found = replace(having(queues=[QueueRow(queue="memory", unclaimed=3, oldest_s=4.0)]), depths=None)
    assert queue(found)["depth"] == 3


def test_a_queue_is_saturated_when_something_waits_and_every_slot_is_at_work():
    busy = [worker("memory", busy=2), worker("providers", busy=2)]
    found = replace(having(workers=busy), depths={"memory": 1, "providers": 0})
    assert queue(found)["saturated"] is True
    assert queue(found, "providers")["saturated"] is False


@pytest.mark.parametrize("state", ["BACKOFF", "EXITED", "STOPPED"])
def test_a_process_that_does_not_run_degrades(state):
    assert (
        status(replace(ALL, processes=[process("beat"), process("flower", state=state, pid=0)]))["overall"]
        == "degraded"
    )


def test_a_supervisor_that_does_not_answer_degrades_and_is_named():
    document = status(replace(ALL, processes=None))
    assert document["overall"] == "degraded"
    assert document["processes"][0]["name"] == "supervisor"


@pytest.mark.parametrize(
    ("last_tick_s", "uptime_s", "overall"),
    [(90.0, 100.0, "degraded"), (None, 100.0, "degraded"), (90.0, 5.0, "ok"), (None, 5.0, "ok")],
)
def test_a_beat_that_should_have_ticked_degrades(last_tick_s, uptime_s, overall):
    found = replace(having(last_tick_s=last_tick_s), processes=[process("beat", uptime_s=uptime_s)])
    assert status(found)["overall"] == overall


def test_providers_are_what_the_module_reported():
    offline = {"name": "offline", "reachable": True}
    found = having(modules=[report("memory"), report("providers", facts={"providers": [offline]})])
    assert status(found)["providers"] == [offline]


def test_a_password_is_not_shown():
    assert without_password("postgresql://me:s3cret@db:5432/x") == "postgresql://me:******@db:5432/x"
    assert without_password("redis://:s3cret@cache/0") == "redis://:******@cache/0"
    assert without_password("redis://:s3@cret@cache/0") == "redis://:******@cache/0"
    assert without_password("unix:///v.sock?password=s3cret&db=1") == "unix:///v.sock?password=******&db=1"
    assert without_password("unix:///run/valkey.sock") == "unix:///run/valkey.sock"


@pytest.mark.parametrize(
    ("broker", "redis"),
    [
        ("redis+socket:///run/v.sock", "unix:///run/v.sock"),
        ("redis+socket:///run/v.sock?virtual_host=3", "unix:///run/v.sock?db=3"),
        ("redis://cache:6379/1", "redis://cache:6379/1"),
        ("amqp://guest@rabbit//", None),
    ],
)
def test_the_brokers_address_is_told_as_redis_py_reads_it(broker, redis):
    assert redis_url_of(broker) == redis


def test_restarts_are_counted_since_the_supervisor_began(tmp_path: Path):
    (tmp_path / "log").mkdir()
    lines = ["spawned: 'relay' with pid 1", "supervisord started with pid 2", "spawned: 'relay' with pid 3",
             "spawned: 'beat' with pid 4", "exited: relay (terminated by SIGKILL)", "spawned: 'relay' with pid 5"]  # fmt: skip
    (tmp_path / "log" / "supervisor.log").write_text(
        "".join(f"2026-11-23 05:00:00,123 INFO {line}\n" for line in lines)
    )
    assert count_restarts(Home(tmp_path)) == {"relay": 1, "beat": 0}


def test_a_supervisor_that_left_and_took_its_socket_along_is_missed(tmp_path: Path) -> None:
    Home(tmp_path).create()
    runtime = replace(RUNTIME, home=tmp_path, supervisor_socket=tmp_path / "gone.sock")
    runtime.save()
    assert ask_supervisor(runtime) == ()  # containers have such a file, and no supervisor
    write_configuration(Home(tmp_path), [])
    with pytest.raises(ServiceDown):
        ask_supervisor(runtime)


def test_where_the_data_of_lotus_own_services_lies_is_told(monkeypatch, tmp_path):
    home = Home(tmp_path / "home")
    own = replace(RUNTIME, home=home.path, embedded=frozenset({"postgres", "chroma"}))

    def folders() -> dict:
        return {name: row["data"] for name, row in assemble(own, MANIFESTS, ALL)["services"].items()}

    inside = {"redis": None, "postgres": str(home.data / "postgres"), "chroma": str(home.data / "chroma")}
    assert folders() == inside | {"gateway": None, "flower": None}
    monkeypatch.setattr(Home, "root_database", property(lambda _: tmp_path / "lib"))
    assert folders()["postgres"] == inside["postgres"]
    (tmp_path / "lib").mkdir()
    assert folders()["postgres"] == str(tmp_path / "lib" / "parent" / "postgres")


def test_a_queue_that_nobody_has_is_shown_while_something_waits_there():
    waiting = [QueueRow(queue="attic", unclaimed=50, oldest_s=7.0)]
    found = having(queues=waiting)
    assert queue(found, "attic") == {"name": "attic", "depth": 50, "oldest_s": 7.0, "consumers": 0, "saturated": False}
    assert status(found)["overall"] == "degraded"
    assert status(having(queues=waiting, workers=[*WELL.workers, worker("attic")]))["overall"] == "ok"


def test_what_a_module_counts_stands_before_what_it_reported():
    found = having(
        modules=[report("memory", detail="Chroma is away", status="degraded"), report("providers", detail="")],
        counts={"memory": {"sources read": 1, "failed": 2}, "providers": {"runs open": 0}},
    )
    assert module(found)["detail"] == "1 source read, 2 failed; Chroma is away"
    assert module(found, "providers")["detail"] == "0 runs open"
