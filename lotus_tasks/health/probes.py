"""What the parts of a running LOTUS answer when they are asked how they are. Each is asked in a thread and given little time."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, LiteralString

import psycopg

from lotus_tasks.errors import LotusError
from lotus_tasks.local.home import Home
from lotus_tasks.local.reachable import PART_LIMIT_S, ask_http, ask_redis
from lotus_tasks.local.runtime import Runtime
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import connect, one_line
from lotus_tasks.spine.queues import ask_depths
from lotus_tasks.stack.endpoints import chroma_token
from lotus_tasks.stack.postgres_words import explain_postgres
from lotus_tasks.stack.set_aside import SetAside, list_set_aside
from lotus_tasks.stack.supervision import ProcessState, Supervisor, configuration_path

TOTAL_LIMIT_S = 2.0
"""What all of them together may take; a part that is later than this doesn't answer."""

_MOST_LOG_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleRow:
    """A module's last report."""

    name: str
    status: str
    detail: str
    facts: Mapping[str, Any]
    checked_at: datetime
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A worker's last sign of life."""

    name: str
    queues: Sequence[str]
    slots: int
    busy: int
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """What nobody has claimed yet of a queue's commands."""

    queue: str
    unclaimed: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What PostgreSQL knows of the system's state."""

    modules: Sequence[ModuleRow] = ()
    workers: Sequence[WorkerRow] = ()
    queues: Sequence[QueueRow] = ()
    last_tick_s: float | None = None
    tiers: Mapping[str, int] = field(default_factory=dict)
    index_lag: int = 0
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By module: what it counts, by its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the parts answered. None: it doesn't answer, and ``silent`` says why. ``depths`` None: the broker isn't a Redis."""

    processes: Sequence[ProcessState] | None = ()
    restarts: Mapping[str, int] = field(default_factory=dict)
    database: DatabaseFacts | None = None
    redis: bool = False
    depths: Mapping[str, int] | None = None
    chroma: bool = False
    gateway: bool = False
    flower: bool = False
    silent: Mapping[str, str] = field(default_factory=dict)
    set_aside: Sequence[SetAside] = ()
    trouble: str | None = None
    """What keeps the embedded PostgreSQL from running, and what to do, where its own words tell."""


def ask_all(
    runtime: Runtime, queue_names: Sequence[str], *, counted: Mapping[str, str] = MappingProxyType({}), skip: Sequence[str] = ()
) -> Found:
    """Ask every part at once; returns within TOTAL_LIMIT_S whatever hangs.

    ``counted``: by module, the query of what it counts (Manifest.counted).
    ``skip``: parts not to be asked, which then count as well; ``memory`` leaves out the counting of memories.
    """
    asked: dict[str, Callable[[], Any]] = {
        "processes": lambda: ask_supervisor(runtime),
        "database": lambda: ask_database(runtime.database_url, counted, with_memory="memory" not in skip),
        "redis": lambda: ask_redis(runtime.redis_url),
        "depths": lambda: ask_depths(runtime.broker_url, queue_names),
        "chroma": lambda: ask_http(runtime.chroma_url, "/api/v2/heartbeat", token=chroma_token(runtime)),
        "gateway": lambda: ask_http(runtime.gateway_url, "/healthz"),
        "flower": lambda: ask_http(runtime.flower_url, "/healthcheck"),
    }
    answers, silent = _gather({part: ask for part, ask in asked.items() if part not in skip})
    return Found(
        processes=answers.get("processes", () if "processes" in skip else None),
        restarts=count_restarts(Home(runtime.home)) if answers.get("processes") else {},
        database=answers.get("database"),
        redis="redis" in answers,
        depths=answers.get("depths"),
        chroma="chroma" in answers or "chroma" in skip,
        gateway="gateway" in answers or "gateway" in skip,
        flower="flower" in answers or "flower" in skip,
        silent=silent,
        set_aside=list_set_aside(Home(runtime.home)),
        trouble=explain_postgres(Home(runtime.home))
        if "postgres" in runtime.embedded and "database" in silent
        else None,
    )


def ask_supervisor(runtime: Runtime) -> Sequence[ProcessState]:
    """The supervised processes; none where there is no supervisor (each process in a container of its own).

    What `up` has started has one: raises ServiceDown where it is gone.
    """
    if not runtime.supervisor_socket.exists() and not configuration_path(Home(runtime.home)).exists():
        return ()
    return Supervisor(runtime.supervisor_socket, timeout_s=PART_LIMIT_S).processes()


def ask_database(url: str, counted: Mapping[str, str], *, with_memory: bool = True) -> DatabaseFacts:
    """The system's state in PostgreSQL; counting the memories may be left out. Raises ServiceDown and psycopg.Error."""
    sql, memory = queries.load("status"), queries.load("memory")
    with connect(url, autocommit=True, connect_timeout_s=2) as conn:
        conn.execute(f"SET statement_timeout = {int(PART_LIMIT_S * 500)}")
        tick = conn.execute(sql.last_tick).fetchone()
        lag = conn.execute(memory.index_lag).fetchone() if with_memory else None
        tiers = conn.execute(memory.counts_by_tier).fetchall() if with_memory else []
        return DatabaseFacts(
            modules=[ModuleRow(**row) for row in conn.execute(sql.modules).fetchall()],
            workers=[WorkerRow(**row) for row in conn.execute(sql.workers).fetchall()],
            queues=[QueueRow(**row) for row in conn.execute(sql.queues).fetchall()],
            last_tick_s=tick["last_tick_s"] if tick else None,
            tiers={f"L{row['tier']}": row["count"] for row in tiers},
            index_lag=max(lag["memories"] - lag["indexed"], 0) if lag else 0,
            counts={module: conn.execute(_query(named)).fetchone() or {} for module, named in counted.items()},
        )


def _query(named: str) -> LiteralString:
    file, _, name = named.partition(".")
    query: LiteralString = getattr(queries.load(file), name)
    return query


def count_restarts(home: Home) -> Mapping[str, int]:
    """How often each process was started again since its supervisor began: from the supervisor's log."""
    spawned: dict[str, int] = {}
    for line in _tail(home.log / "supervisor.log").splitlines():
        if "supervisord started with pid" in line:
            spawned.clear()
        elif found := re.search(r"INFO spawned: '([^']+)' with pid", line):
            spawned[found[1]] = spawned.get(found[1], 0) + 1
    return {name: count - 1 for name, count in spawned.items()}


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _MOST_LOG_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _gather(asked: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Any], dict[str, str]]:
    """Answers and reasons for silence, by part. Threads that hang are left behind: they end with the process."""
    answers: dict[str, Any] = {}
    silent: dict[str, str] = {}

    def ask(part: str) -> None:
        try:
            answers[part] = asked[part]()
        except (LotusError, psycopg.Error) as error:
            silent[part] = one_line(error)
        except Exception as error:  # noqa: BLE001 - each client has errors of its own, and all mean that the part doesn't answer
            silent[part] = one_line(error) or "it doesn't answer"

    threads = {part: threading.Thread(target=ask, args=(part,), name=f"ask-{part}", daemon=True) for part in asked}
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + TOTAL_LIMIT_S
    for part, thread in threads.items():
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            silent.setdefault(part, f"no answer within {TOTAL_LIMIT_S:g} s")
    return dict(answers), dict(silent)
