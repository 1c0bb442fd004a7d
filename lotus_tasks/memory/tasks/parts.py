"""Memory's parts, one of each in a process."""

from __future__ import annotations

from lotus_tasks import bootstrap
from lotus_tasks.memory.adapters.assembly import MemoryParts, assemble, choose_embedder


@bootstrap.per_process
def parts() -> MemoryParts:
    """Memory's parts in this process."""
    runtime = bootstrap.runtime()
    return assemble(
        database=bootstrap.database(),
        client=bootstrap.redis_client(),
        chroma_url=runtime.chroma_url,
        embedder=choose_embedder(str(runtime.setting("LOTUS_EMBEDDER")), runtime.home / "models"),
    )
