"""What the supervisor runs: one row a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from lotus_tasks.local.home import Home
from workers import SHARED, WORKERS, shared_worker

NO_TELEMETRY: Final = {"ANONYMIZED_TELEMETRY": "False", "ORT_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
"""Chroma's, ONNX Runtime's, and the word that others listen to: off, whatever the environment says."""

SMALL_BYTES: Final = 8 * 10**9
"""Less memory than this, or one core: the workers are one process, unless LOTUS_WORKERS says otherwise."""

Group = Literal["services", "core"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process. ``group``: "core" stops before "services".

    ``holds_itself``: it takes its lock on its own (spine/processes.py).
    """

    name: str
    command: Sequence[str]
    group: Group
    stop_signal: Literal["TERM", "INT"] = "TERM"
    environment: Mapping[str, str] = field(default_factory=dict)
    run_as: tuple[int, int] | None = None
    """(uid, gid) to become before the command begins."""
    holds_itself: bool = False
    store: str = ""
    """Whose files the launcher looks after first (rebuildable.py, postmaster.py)."""


def launch(program: Program, home: Home) -> list[str]:
    """The command as the supervisor runs it: launch.py takes the process's lock and becomes the program."""
    if program.holds_itself:
        return list(program.command)
    user = [f"--as={program.run_as[0]}:{program.run_as[1]}"] if program.run_as else []
    store = [f"--store={program.store}"] if program.store else []
    lock = str(home.locks / program.name)
    launcher = [sys.executable, "-E", "-S", "-m", "lotus_tasks.stack.launch"]
    return [*launcher, lock, *store, *user, "--", *program.command]


def core_programs(home: Home, settings: Mapping[str, Any], flower_config: str) -> list[Program]:
    """Relay, gateway, beat, Flower and the workers. ``settings``: as in runtime.json."""
    python = sys.executable
    celery = [python, "-m", "lotus_tasks.worker.celery_command"]
    schedule = str(home.run / "beat-schedule")
    rows = [
        Program(name="relay", command=[python, "-m", "lotus_tasks.worker.relay"], group="core", holds_itself=True),
        Program(name="gateway", command=[python, "-m", "lotus_tasks.health.gateway"], group="core", holds_itself=True),
        # The flock is what keeps a second beat away; a pidfile would outlive a kill -9.
        Program(name="beat", command=[*celery, "beat", f"--schedule={schedule}", "--pidfile="], group="core"),
        Program(name="flower", command=[*celery, "flower", f"--conf={flower_config}"], group="core"),
    ]
    workers = [shared_worker(settings)] if shares_workers(settings) else list(WORKERS)
    for worker in workers:
        slots = settings.get(f"LOTUS_{worker.name.removeprefix('worker-').upper()}_CONCURRENCY")
        rows.append(
            Program(
                name=worker.name,
                command=[*celery, *worker.arguments(slots)],
                group="core",
                environment=worker.environment,
                holds_itself=True,
            )
        )
    return rows


def shares_workers(settings: Mapping[str, Any]) -> bool:
    """Whether one process serves all queues. ``settings``: as in runtime.json.

    A broker that isn't Redis hands messages over before anyone looks at a queue's slots, so there each queue has a process.
    """
    broker = str(settings.get("LOTUS_BROKER_URL") or "redis")
    if not broker.startswith("redis"):
        return False
    wanted = settings.get("LOTUS_WORKERS")
    return wanted == "shared" if wanted else is_small(os.cpu_count() or 1, memory_bytes())


def is_small(cores: int, memory: int) -> bool:
    """Whether five worker processes are more than such a machine should hold."""
    return cores < 2 or memory < SMALL_BYTES


def memory_bytes() -> int:
    """This machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def worker_of(queue: str, processes: Iterable[str]) -> str:
    """Which of the ``processes`` serves a queue, by name."""
    return SHARED if SHARED in processes else f"worker-{queue}"


def child_environment(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """What the processes see: what `up` saw, and what keeps them small.

    MALLOC_ARENA_MAX and the thread counts: a thread pool's arenas and every library's own threads cost memory, not speed,
    on a machine that runs a dozen processes.
    """
    cores = str(min(2, os.cpu_count() or 1))
    small = {
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": cores,
        "OPENBLAS_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    own = {"LOTUS_HOME": str(home.path), "PYTHONUNBUFFERED": "1"}
    return {**small, **environ, **own, **NO_TELEMETRY}
