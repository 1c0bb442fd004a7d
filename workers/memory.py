"""Memory: recalls are short and mostly wait for PostgreSQL and Chroma; the embedder holds a core while it works."""

from workers.spec import WorkerSpec

WORKER = WorkerSpec(
    name="worker-memory",
    modules=("memory",),
    # Threads: one copy of the embedding model serves all slots (a prefork child each would cost 100 MB).
    pool="threads",
    # Four: two keep both cores of a small machine busy, two wait on services meanwhile.
    concurrency=4,
)
