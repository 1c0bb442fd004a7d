"""Perception: reads files; a big folder must not hold up a small file."""

from workers.spec import WorkerSpec

WORKER = WorkerSpec(
    name="worker-perception",
    modules=("perception",),
    # Threads: reading is waiting for the disk and for PostgreSQL.
    pool="threads",
    # Two: one may read a folder while the other takes the file the user is waiting for.
    concurrency=2,
)
