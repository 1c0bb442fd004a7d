"""Providers: a slot waits for a model, for seconds or minutes, and costs nothing while it waits."""

from workers.spec import WorkerSpec

WORKER = WorkerSpec(
    name="worker-providers",
    modules=("providers",),
    # Threads: the work is waiting for a socket. Time limits live in the HTTP client and in the task.
    pool="threads",
    # Eight: what a hosted model serves in parallel without complaint; set it to the model server's own parallelism.
    concurrency=8,
)
