"""System: beat's ticks. A worker of their own, so that two hundred waiting asks can't starve them."""

from workers.spec import WorkerSpec

WORKER = WorkerSpec(
    name="worker-system",
    modules=("system",),
    # Threads: a tick is a few statements.
    pool="threads",
    # Two: a slow prune must not hold up the sweep.
    concurrency=2,
)
