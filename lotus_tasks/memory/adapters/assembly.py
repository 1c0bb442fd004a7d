"""Memory put together from its parts: what its tasks, its benchmarks and its tests start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lotus_tasks.memory.adapters.chroma import ChromaVectorIndex
from lotus_tasks.memory.adapters.minilm import MiniLMEmbedder
from lotus_tasks.memory.adapters.no_embedder import NoEmbedder
from lotus_tasks.memory.adapters.postgres_lexicon import PostgresLexicon
from lotus_tasks.memory.adapters.postgres_queue import PostgresIndexQueue
from lotus_tasks.memory.adapters.postgres_writer import PostgresMemoryWriter
from lotus_tasks.memory.adapters.redis_working import RedisWorkingMemory, recent_memories
from lotus_tasks.memory.adapters.secret_rules import SecretRules
from lotus_tasks.memory.models import Draft, Filters, Recollection, Stored, TierLimits
from lotus_tasks.memory.ports import Embedder, SecretDetector
from lotus_tasks.memory.service.indexing import Indexer, Progress
from lotus_tasks.memory.service.recall import Recaller
from lotus_tasks.memory.service.writing import entries
from lotus_tasks.spine.database import Database

if TYPE_CHECKING:
    import redis


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryParts:
    """The module's working parts in one process."""

    database: Database
    lexicon: PostgresLexicon
    queue: PostgresIndexQueue
    embedder: Embedder
    index: ChromaVectorIndex
    indexer: Indexer
    recaller: Recaller
    working: RedisWorkingMemory
    secrets: SecretDetector
    limits: TierLimits
    consolidation_model: str = "none"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the threads and connections of its own; the database and Redis are their makers'."""
        self.recaller.close()
        self.lexicon.close()
        self.index.close()

    def remember(self, drafts: Sequence[Draft]) -> Stored:
        """Store drafts in one transaction. Their vectors wait for :meth:`catch_up`; recall finds them by their words at once."""
        ready = entries(drafts)
        with self.database.transaction() as conn:
            return PostgresMemoryWriter(conn).insert(ready)

    def catch_up(self) -> Progress:
        """Embed and index everything that waits."""
        return self.indexer.work(lambda: True)

    def recall(self, query: str, *, count: int = 10, filters: Filters | None = None) -> Recollection:
        """The best memories for a query."""
        return self.recaller.recall(query, count=count, filters=filters)


def assemble(
    *,
    database: Database,
    client: redis.Redis,
    chroma_url: str,
    chroma_token: str = "",
    embedder: Embedder,
    limits: TierLimits | None = None,
    consolidation_model: str = "none",
) -> MemoryParts:
    """Wire the parts. Nothing is connected until it is used."""
    kept = limits or TierLimits()
    lexicon, queue = PostgresLexicon(database), PostgresIndexQueue(database)
    index = ChromaVectorIndex(chroma_url, token=chroma_token, store=lexicon.store, model=embedder.model)
    return MemoryParts(
        database=database,
        lexicon=lexicon,
        queue=queue,
        embedder=embedder,
        index=index,
        indexer=Indexer(queue, embedder, index),
        recaller=Recaller(lexicon, embedder, index),
        working=RedisWorkingMemory(client, lambda: recent_memories(database, kept), limits=kept),
        secrets=SecretRules(),
        limits=kept,
        consolidation_model=consolidation_model,
    )


def choose_embedder(name: str, models: Path) -> Embedder:
    """The embedder that LOTUS_EMBEDDER names."""
    return MiniLMEmbedder(models) if name == "minilm" else NoEmbedder()
