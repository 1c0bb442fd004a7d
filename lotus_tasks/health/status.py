"""How LOTUS is: what `status --json` and /status show, judged from what the parts answered (probes.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from lotus_tasks.errors import NotRunning
from lotus_tasks.health.probes import DatabaseFacts, Found, ModuleRow, WorkerRow, ask_all
from lotus_tasks.local.home import Home
from lotus_tasks.local.reachable import without_password
from lotus_tasks.local.runtime import Runtime
from lotus_tasks.manifest import Manifest
from lotus_tasks.spine.outbox import SILENT_WORKER_S
from lotus_tasks.spine.queues import queue_names
from lotus_tasks.stack.programs import worker_of

STALE_REPORT_S = 90.0
"""Three of beat's health ticks: a report that is older says nothing any more."""
LATE_TICK_S = 30.0
"""Ten of beat's sweeps."""

_WELL = {"RUNNING", "STARTING"}


def collect_status(runtime: Runtime, manifests: Sequence[Manifest], *, skip: Sequence[str] = ()) -> dict[str, Any]:
    """The whole status within 3 s, whatever hangs. ``skip``: parts not to be asked (the gateway doesn't ask itself).

    Raises NotRunning where neither supervisor, PostgreSQL nor Redis answers.
    """
    counted = {manifest.name: manifest.counted for manifest in manifests if manifest.counted}
    found = ask_all(runtime, queue_names(manifests), counted=counted, skip=skip)
    if not found.processes and found.database is None and not found.redis:
        raise NotRunning(f"LOTUS is not running in {runtime.home}; start it with `python manage.py up`")
    return assemble(runtime, manifests, found)


def assemble(runtime: Runtime, manifests: Sequence[Manifest], found: Found) -> dict[str, Any]:
    """The status document (JSON) of what was found."""
    facts = found.database or DatabaseFacts()
    processes = [
        {
            "name": process.name,
            "pid": process.pid or None,
            "state": process.state,
            "uptime_s": round(process.uptime_s, 1),
            "restarts": found.restarts.get(process.name, 0),
        }
        for process in found.processes or ()
    ]
    if found.processes is None:
        processes = [{"name": "supervisor", "pid": None, "state": "SILENT", "uptime_s": 0.0, "restarts": 0}]
    services = _services(runtime, found)
    modules = judge_modules(manifests, found)
    reports = {row.name: row.facts for row in facts.modules}
    late = _is_late(facts.last_tick_s, processes)
    known = queue_names(manifests)
    foreign = sorted({row.queue for row in facts.queues} - set(known))
    queues = [_queue(name, facts, found.depths) for name in (*known, *foreign)]
    stranded = any(row["name"] in foreign and not row["consumers"] for row in queues)
    return {
        "overall": _overall(services, modules, processes, is_late=late or stranded),
        "processes": processes,
        "services": services,
        "modules": modules,
        "queues": queues,
        "providers": list(reports.get("providers", {}).get("providers", [])),
        "memory": {
            **{f"L{tier}": facts.tiers.get(f"L{tier}", 0) for tier in range(1, 5)},
            "index_lag": facts.index_lag,
        },
        "beat": {"last_tick_s": _rounded(facts.last_tick_s)},
        "set_aside": [
            {"store": one.store, "at": one.at.isoformat(), "reason": one.reason, "path": str(one.path)}
            for one in found.set_aside
        ],
    }


def judge_modules(manifests: Iterable[Manifest], found: Found) -> list[dict[str, Any]]:
    """Each module's status: what it counts now, and what it reported, unless the report is old or its worker gone."""
    if found.database is None:
        reason = found.silent.get("database", "PostgreSQL does not answer")
        return [_module(manifest.name, "down", reason, None) for manifest in manifests]
    reports = {row.name: row for row in found.database.modules}
    names = [process.name for process in found.processes or ()]
    judged = [
        _judge(manifest, reports.get(manifest.name), found.database.workers, worker_of(manifest.queue, names))
        for manifest in manifests
    ]
    for row in judged:
        counts = (_counted(name, number) for name, number in found.database.counts.get(row["name"], {}).items())
        row["detail"] = "; ".join(filter(None, [", ".join(counts), row["detail"]]))
    return judged


def _counted(name: str, number: int) -> str:
    first, space, rest = name.partition(" ")
    return f"{number} {first.removesuffix('s') if number == 1 else first}{space}{rest}"


def is_ready(manifests: Sequence[Manifest], found: Found) -> bool:
    """Whether PostgreSQL and Redis answer and no module is down."""
    return (
        found.database is not None
        and found.redis
        and all(row["status"] != "down" for row in judge_modules(manifests, found))
    )


def _judge(manifest: Manifest, report: ModuleRow | None, workers: Sequence[WorkerRow], process: str) -> dict[str, Any]:
    serving = [worker for worker in workers if manifest.queue in worker.queues and worker.age_s <= SILENT_WORKER_S]
    checked_at = report.checked_at if report else None
    if not serving:
        reason = f"no worker serves its queue; see `python manage.py logs {process}`"
        return _module(manifest.name, "down", reason, checked_at)
    if report is None:
        return _module(manifest.name, "down", "it has not reported yet", None)
    if report.age_s <= STALE_REPORT_S:
        return _module(manifest.name, report.status, report.detail, checked_at)
    if all(worker.busy >= worker.slots for worker in serving):
        slots = sum(worker.slots for worker in serving)
        return _module(manifest.name, "degraded", f"busy: all its {slots} slots are at work", checked_at)
    return _module(
        manifest.name, "degraded", f"no report for {report.age_s:.0f} s, though its worker lives", checked_at
    )


def _module(name: str, status: str, detail: str, checked_at: datetime | None) -> dict[str, Any]:
    return {
        "name": name,
        "status": status,
        "detail": detail,
        "checked_at": checked_at.isoformat() if checked_at else None,
    }


def _services(runtime: Runtime, found: Found) -> dict[str, dict[str, Any]]:
    parts = {
        "redis": (runtime.redis_url, found.redis),
        "postgres": (runtime.database_url, found.database is not None),
        "chroma": (runtime.chroma_url, found.chroma),
        "gateway": (runtime.gateway_url, found.gateway),
        "flower": (runtime.flower_url, found.flower),
    }
    folders = data_folders(Home(runtime.home))
    return {
        name: {
            "url": without_password(url),
            "embedded": name in runtime.embedded or name in ("gateway", "flower"),
            "ok": ok,
            "data": folders.get(name) if name in runtime.embedded else None,
            "trouble": found.trouble if name == "postgres" else None,
        }
        for name, (url, ok) in parts.items()
    }


def data_folders(home: Home) -> dict[str, str]:
    """Where the embedded services keep their data, by the service's name."""
    return {
        "redis": str(home.data / "valkey"),
        "postgres": str(home.postgres_data),
        "chroma": str(home.data / "chroma"),
    }


def _queue(name: str, facts: DatabaseFacts, depths: Mapping[str, int] | None) -> dict[str, Any]:
    waiting = next((row for row in facts.queues if row.queue == name), None)
    serving = [worker for worker in facts.workers if name in worker.queues and worker.age_s <= SILENT_WORKER_S]
    # A queue that LOTUS doesn't know was not asked for: what waits on it is its rows.
    unclaimed = waiting.unclaimed if waiting else 0
    depth = unclaimed if depths is None else depths.get(name, unclaimed)
    return {
        "name": name,
        "depth": depth,
        "oldest_s": round(waiting.oldest_s, 1) if waiting else 0.0,
        "consumers": len(serving),
        "saturated": bool(serving)
        and bool(depth or waiting)
        and all(worker.busy >= worker.slots for worker in serving),
    }


def _is_late(last_tick_s: float | None, processes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether beat should have ticked by now: one that has only just begun is given its time."""
    if last_tick_s is not None and last_tick_s <= LATE_TICK_S:
        return False
    beat = next((process for process in processes if process["name"] == "beat"), None)
    return beat is None or beat["state"] not in _WELL or beat["uptime_s"] > LATE_TICK_S


def _overall(
    services: Mapping[str, Mapping[str, Any]],
    modules: Sequence[Mapping[str, Any]],
    processes: Sequence[Mapping[str, Any]],
    *,
    is_late: bool,
) -> str:
    if not (services["redis"]["ok"] and services["postgres"]["ok"]) or any(row["status"] == "down" for row in modules):
        return "down"
    is_whole = (
        all(service["ok"] for service in services.values())
        and all(row["status"] == "ok" for row in modules)
        and all(process["state"] in _WELL for process in processes)
    )
    return "ok" if is_whole and not is_late else "degraded"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
