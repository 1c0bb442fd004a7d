"""Reasoning: each task is one short transaction that decides a run's next step."""

from workers.spec import WorkerSpec

WORKER = WorkerSpec(
    name="worker-reasoning",
    modules=("reasoning",),
    # Threads: the work is one round trip to PostgreSQL.
    pool="threads",
    # Four: decisions take milliseconds; more would only queue for the cores.
    concurrency=4,
)
