"""What a worker's file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """One worker process.

    ``name``: the process's name, ``worker-<module>``. ``modules``: whose tasks it serves; each has a queue of its name.
    ``concurrency``: how many tasks at once. ``prefetch``: messages reserved per slot.
    ``time_limit_s``: kept by prefork only; threads ignore it in silence, so a spec that names one there is refused.
    ``environment``: variables for this process alone.
    """

    name: str
    modules: tuple[str, ...]
    pool: Literal["threads", "prefork"]
    concurrency: int
    prefetch: int = 1
    time_limit_s: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would be a lie."""
        if self.time_limit_s is not None and self.pool != "prefork":
            message = (
                f"{self.name}: a time limit on a {self.pool} pool is silently ignored by Celery; put it into the task"
            )
            raise ValueError(message)
        if self.concurrency < 1 or self.prefetch < 1:
            message = f"{self.name}: concurrency and prefetch start at 1"
            raise ValueError(message)

    def arguments(self, concurrency: int | None = None) -> list[str]:
        """The arguments after ``celery -A lotus_tasks``."""
        arguments = [
            "worker",
            f"--hostname={self.name}@%h",
            f"--queues={','.join(self.modules)}",
            f"--pool={self.pool}",
            f"--concurrency={concurrency or self.concurrency}",
            f"--prefetch-multiplier={self.prefetch}",
            "--without-gossip",
            "--without-mingle",
            "--task-events",
            "--loglevel=INFO",
        ]
        if self.time_limit_s is not None:
            arguments.append(f"--time-limit={self.time_limit_s:g}")
        return arguments
