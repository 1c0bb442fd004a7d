"""One file a worker: its queues, its pool and its numbers, each with the reason. Data; imports nothing of LOTUS."""

from workers.memory import WORKER as MEMORY
from workers.perception import WORKER as PERCEPTION
from workers.providers import WORKER as PROVIDERS
from workers.reasoning import WORKER as REASONING
from workers.spec import WorkerSpec
from workers.system import WORKER as SYSTEM

WORKERS: tuple[WorkerSpec, ...] = (MEMORY, PROVIDERS, PERCEPTION, REASONING, SYSTEM)
"""Every worker of one LOTUS, in the order in which the modules load."""

__all__ = ["WORKERS", "WorkerSpec"]
