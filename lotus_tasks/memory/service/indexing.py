"""Keeping the vector index up with the store: embed what is new, write what it lacks, remove what is gone, heal what was lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from lotus_tasks.memory.ports import Embedder, IndexQueue, VectorIndex
from lotus_tasks.memory.text import embedding_text

EMBED_BATCH: Final = 64
"""Small: between two batches the worker looks whether it should stop."""
INDEX_BATCH: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What one pass did. ``finished``: nothing is left to do."""

    embedded: int
    indexed: int
    removed: int
    finished: bool


class Indexer:
    """Idempotent: a pass cut off anywhere is made good by the next, and two at once only do work twice."""

    def __init__(self, queue: IndexQueue, embedder: Embedder, index: VectorIndex) -> None:
        self._queue = queue
        self._embedder = embedder
        self._index = index

    def work(self, go_on: Callable[[], bool]) -> Progress:
        """Do what is waiting until nothing is, or ``go_on`` says no. Raises EmbedderUnavailable, VectorIndexUnavailable.

        What is embedded already is written first, so a missing embedder holds up only what is new.
        """
        self._queue.use_embedder(self._embedder.model)
        embedded, indexed, removed = 0, self._write(go_on), self._remove(go_on)
        while go_on():
            batch = self._queue.unembedded(EMBED_BATCH)
            if not batch:
                return Progress(embedded=embedded, indexed=indexed, removed=removed, finished=True)
            embeddings = self._embedder.embed([embedding_text(one.text, one.caption) for one in batch])
            self._queue.save([one.no for one in batch], embeddings, self._embedder.model)
            embedded += len(batch)
            indexed += self._write(go_on)
        return Progress(embedded=embedded, indexed=indexed, removed=removed, finished=False)

    def heal(self) -> int:
        """Compare what the index holds with what it should hold; queue what it lost. Returns how many vectors that are."""
        expected = self._queue.expected()
        if self._index.count() == len(expected):
            return 0
        held = self._index.numbers()
        distinct = np.unique(held)
        # What is embedded is in the store before it is in the index. Vectors the store has never heard of are another
        # store's, from before a backup was restored: begin anew, which costs no embedding.
        foreign = len(distinct) < len(held) or len(np.setdiff1d(distinct, self._queue.known(), assume_unique=True)) > 0
        if foreign and not self._queue.to_remove(1):
            self._index.clear()
            return self._queue.lost(np.empty(0, np.int32))
        if not len(np.setdiff1d(expected, distinct, assume_unique=True)):
            return 0
        return self._queue.lost(distinct)

    def _write(self, go_on: Callable[[], bool]) -> int:
        written = 0
        while go_on() and (rows := self._queue.unindexed(INDEX_BATCH)):
            self._index.upsert(rows)
            self._queue.mark_indexed([row.no for row in rows])
            written += len(rows)
        return written

    def _remove(self, go_on: Callable[[], bool]) -> int:
        removed = 0
        while go_on() and (gone := self._queue.to_remove(INDEX_BATCH)):
            self._index.remove(gone)
            self._queue.removed([memory_id for memory_id, _ in gone])
            removed += len(gone)
        return removed
