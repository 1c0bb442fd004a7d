"""One file a worker: its queues, its pool and its numbers, each with the reason. Data; imports nothing of LOTUS."""

from collections.abc import Mapping
from typing import Any

from workers.memory import WORKER as MEMORY
from workers.perception import WORKER as PERCEPTION
from workers.providers import WORKER as PROVIDERS
from workers.reasoning import WORKER as REASONING
from workers.spec import WorkerSpec
from workers.system import WORKER as SYSTEM

WORKERS: tuple[WorkerSpec, ...] = (MEMORY, PROVIDERS, PERCEPTION, REASONING, SYSTEM)
"""Every worker of one LOTUS, in the order in which the modules load."""

SHARED = "worker"
"""The name of the process that serves every queue where workers are shared."""


def slots_by_queue(settings: Mapping[str, Any]) -> dict[str, int]:
    """How many tasks of each queue are at work at once in a process: its setting's number, else its worker's."""
    return {
        module: int(settings.get(f"LOTUS_{module.upper()}_CONCURRENCY") or worker.concurrency)
        for worker in WORKERS
        for module in worker.modules
    }


def shared_worker(settings: Mapping[str, Any]) -> WorkerSpec:
    """One process for every queue: the modules loaded once instead of five times, and the slots of all of them together."""
    slots = slots_by_queue(settings)
    return WorkerSpec(name=SHARED, modules=tuple(slots), pool="threads", concurrency=sum(slots.values()))


__all__ = ["SHARED", "WORKERS", "WorkerSpec", "shared_worker", "slots_by_queue"]
