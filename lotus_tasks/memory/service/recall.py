"""Recall: find the memories that answer a query, by their words, their meaning and what stands beside them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lotus_tasks.memory.models import EVIDENCE_KINDS, KINDS, Filters, Recalled, Recollection, plain
from lotus_tasks.memory.ports import (
    Embedder,
    EmbedderUnavailable,
    Floats,
    Lexicon,
    Numbers,
    VectorIndex,
    VectorIndexUnavailable,
)
from lotus_tasks.memory.service.corpus import Corpus, View
from lotus_tasks.memory.text import terms

NEAREST: Final = 200
K1: Final = 1.2
B: Final = 0.75


class Recaller:
    """Answers queries from the corpus and the vector index. Safe among threads."""

    def __init__(self, lexicon: Lexicon, embedder: Embedder, index: VectorIndex) -> None:
        self._lexicon = lexicon
        self._embedder = embedder
        self._index = index
        self._corpus = Corpus(lexicon)
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="recall")

    def recall(self, query: str, *, count: int, filters: Filters | None = None) -> Recollection:
        """The ``count`` best memories, best first. Without an embedder or an index the words alone decide, and it says so."""
        filters = filters or Filters()
        started = time.perf_counter()
        meaning: Future[tuple[Numbers, Floats]] = self._pool.submit(self._nearest, query)
        query_terms = terms(query)
        view = self._corpus.view(query_terms)
        lexical_ms = _ms(started)
        degraded: list[str] = []
        try:
            numbers, cosines = meaning.result()
        except EmbedderUnavailable as error:
            numbers, cosines = np.empty(0, np.int32), np.empty(0, np.float32)
            degraded.append(f"embedder: {error}")
        except VectorIndexUnavailable as error:
            numbers, cosines = np.empty(0, np.int32), np.empty(0, np.float32)
            degraded.append(f"chroma: {error}")
        allowed = self._allowed(view, filters)
        shares = _shares(view, numbers, cosines)
        score = np.sum(list(shares.values()), axis=0) if view.size else np.empty(0)
        score = np.where(allowed, score, -np.inf)
        best = np.argsort(-score, kind="stable")[: count + 5]
        chosen = [int(row) for row in best if score[row] > 0.0]
        memories = self._lexicon.memories([int(view.columns.no[row]) for row in chosen])
        asked = plain(query).casefold()
        found = []
        for row in chosen:
            memory = memories.get(int(view.columns.no[row]))
            # The question itself, told again, is no answer to it.
            if memory is not None and plain(memory.text).casefold() != asked:
                parts = {name: round(float(part[row]), 4) for name, part in shares.items() if part[row]}
                found.append(Recalled(memory=memory, score=round(float(score[row]), 4), shares=parts))
        timings = {"lexical": lexical_ms, "total": _ms(started)}
        return Recollection(memories=found[:count], degraded=degraded, timings_ms=timings, terms=query_terms)

    def _nearest(self, query: str) -> tuple[Numbers, Floats]:
        vector = self._embedder.embed([query])[0]
        numbers, cosines = self._index.nearest(vector, NEAREST)
        return np.array(numbers, np.int32), np.array(cosines, np.float32)

    def _allowed(self, view: View, filters: Filters) -> NDArray[np.bool_]:
        kinds = [KINDS.index(kind) for kind in (filters.kinds or EVIDENCE_KINDS)]
        allowed = np.isin(view.columns.kind, kinds)
        for wanted in (
            self._lexicon.of_source(filters.source) if filters.source is not None else None,
            self._lexicon.of_thread(filters.thread) if filters.thread is not None else None,
        ):
            if wanted is not None:
                allowed &= np.isin(view.columns.no, wanted, assume_unique=True)
        if filters.since is not None:
            allowed &= view.columns.happened_s >= filters.since.timestamp()
        if filters.until is not None:
            allowed &= view.columns.happened_s < filters.until.timestamp()
        return allowed


def _shares(view: View, numbers: Numbers, cosines: Floats) -> Mapping[str, NDArray[np.float64]]:
    words = _bm25(view)
    top = words.max(initial=0.0) or 1.0
    near = _beside(view, words)
    meaning = np.zeros(view.size)
    rows = np.searchsorted(view.columns.no, numbers)
    kept = (
        (rows < view.size) & (view.columns.no[np.minimum(rows, max(view.size - 1, 0))] == numbers)
        if view.size
        else np.empty(0, bool)
    )
    meaning[rows[kept]] = np.maximum(cosines[kept], 0.0)
    return {"words": words / top, "neighbours": 0.3 * near / top, "meaning": meaning}


def _bm25(view: View) -> NDArray[np.float64]:
    score = np.zeros(view.size)
    mean = max(float(view.columns.length.mean()), 1.0) if view.size else 1.0
    for rows, counts in view.postings.values():
        idf = np.log1p((view.size - len(rows) + 0.5) / (len(rows) + 0.5))
        length = view.columns.length[rows] / mean
        score[rows] += idf * counts * (K1 + 1) / (counts + K1 * (1 - B + B * length))
    return score


def _beside(view: View, score: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered, segments = score[view.order], view.columns.segment[view.order]
    beside = np.zeros_like(ordered)
    same = (segments[1:] == segments[:-1]) & (segments[1:] >= 0)
    beside[1:] += np.where(same, ordered[:-1], 0.0)
    beside[:-1] += np.where(same, ordered[1:], 0.0)
    return beside[view.rank]


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
