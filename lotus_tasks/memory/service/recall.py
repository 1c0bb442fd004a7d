"""Recall: find the memories that answer a query, by their words, their meaning, what stands beside them, who spoke and when."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from lotus_tasks.memory.cues import Question, read_question
from lotus_tasks.memory.models import (
    EVIDENCE_KINDS,
    KINDS,
    SPOKEN_KINDS,
    Filters,
    Memory,
    Recalled,
    Recollection,
    plain,
)
from lotus_tasks.memory.ports import (
    Embedder,
    EmbedderUnavailable,
    EmbeddingBlock,
    Lexicon,
    QueryEmbedding,
    VectorIndex,
    VectorIndexUnavailable,
)
from lotus_tasks.memory.ranking import (
    CANDIDATES,
    GROUPS,
    NEAREST,
    TOKEN_BYTES,
    Fetched,
    Nearest,
    Ranking,
    Survey,
    rank,
    rank_segments,
    subject_tokens,
    survey,
)
from lotus_tasks.memory.service.corpus import Corpus, View, rows_of
from lotus_tasks.memory.service.support import CONSIDERED, Evidence, covered_shares, support_of
from lotus_tasks.memory.service.writing import is_question
from lotus_tasks.memory.text import terms
from lotus_tasks.memory.weights import Weights, fitted_weights
from lotus_tasks.values import MemoryId

FAR: Final = 0.2
"""Cosine below which a memory has nothing to do with a question, unless it or what stands beside it shares a word with it,
or it happened on the very day (or in the week) that the question names."""
SPARE: Final = 5
"""So many more are looked at than were asked for: what takes another's place may stand a little further back."""
FURTHER: Final = 10
"""So many times as many of the nearest are asked for where most of them are no evidence."""
QUOTED_LEAST: Final = 12
"""A text of fewer characters may stand in a file by chance."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    """The question's embedding and the nearest memories' numbers and cosines."""

    embedding: QueryEmbedding
    numbers: Sequence[int]
    cosines: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Notes:
    """What was missing, how long the steps took (since the start, milliseconds), the question as it was read, and how many
    memories of the kinds asked for there are.
    """

    degraded: list[str]
    timings_ms: dict[str, float]
    question: Question
    size: int


class _Fetcher:
    """Embeddings of one view's rows, each fetched once."""

    def __init__(self, lexicon: Lexicon, view: View) -> None:
        self._lexicon = lexicon
        self._view = view
        self._asked = np.zeros(view.size, bool)
        self._blocks: list[EmbeddingBlock] = []

    def of(self, rows: NDArray[np.int32]) -> Fetched:
        """The embeddings of all rows asked for so far, these among them."""
        numbers = self._view.columns.no
        missing = rows[~self._asked[rows]]
        if len(missing):
            self._asked[missing] = True
            self._blocks.append(self._lexicon.embeddings(numbers[missing]))
        filled = [block for block in self._blocks if len(block.numbers)]
        if not filled:
            return Fetched(rows=_NO_ROWS, vectors=_NO_VECTORS, signs=_NO_SIGNS, token_counts=_NO_ROWS)
        return Fetched(
            rows=np.concatenate([rows_of(numbers, block.numbers) for block in filled]),
            vectors=np.concatenate([block.vectors for block in filled]),
            signs=np.concatenate([block.signs for block in filled]),
            token_counts=np.concatenate([block.token_counts for block in filled]),
        )


_NO_ROWS: Final = np.empty(0, np.int32)
_NO_VECTORS: Final = np.empty((0, 0), np.float32)
_NO_SIGNS: Final = np.empty((0, TOKEN_BYTES), np.uint8)


class Recaller:
    """Answers queries from the corpus and the vector index. Safe among threads.

    ``today`` tells what "yesterday" is measured from. ``weights`` stand in for the fitted ones in benchmarks and tests.
    """

    def __init__(
        self, lexicon: Lexicon, embedder: Embedder, index: VectorIndex, *, weights: Weights | None = None
    ) -> None:
        self._lexicon = lexicon
        self._embedder = embedder
        self._index = index
        self._weights = weights
        self._corpus = Corpus(lexicon)
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="recall")

    def recall(
        self,
        query: str,
        *,
        count: int,
        filters: Filters | None = None,
        today: date | None = None,
        off: Sequence[str] = (),
    ) -> Recollection:
        """The ``count`` best memories, best first. Without an embedder or an index the words alone decide, and it says so.

        ``off`` names signals, or groups of them, to leave out.
        """
        started = time.perf_counter()
        wanted = max(CANDIDATES, count)
        view, surveyed, ranking, notes = self._search(query, filters or Filters(), today, off, wanted)
        found = self._answers(query, view, surveyed, ranking, count)
        return Recollection(
            memories=found,
            support=support_of(_evidence(notes, view, surveyed, found)),
            degraded=notes.degraded,
            timings_ms={**notes.timings_ms, "total": _ms(started)},
            terms=list(notes.question.terms),
        )

    def _search(
        self, query: str, filters: Filters, today: date | None, off: Sequence[str], count: int
    ) -> tuple[View, Survey, Ranking, _Notes]:
        started = time.perf_counter()
        pending: Future[_Meaning] = self._pool.submit(self._find_meaning, query)
        view, question = self._read(query, today)
        told = _of_kinds(view, filters)
        view = view.among(told)
        weights = (self._weights or fitted_weights()).without(
            signal for name in off for signal in GROUPS.get(name, (name,))
        )
        allowed = self._allowed(view, told, filters)
        timings = {"words": _ms(started)}
        fetched = _Fetcher(self._lexicon, view)
        surveyed = self._survey(view, question, weights)
        if not pending.done():
            # While the question is embedded: most candidates can be told by their words.
            fetched.of(surveyed.surroundings(surveyed.candidates(count, allowed)))
        timings["fetched"] = _ms(started)
        meaning, degraded = _settled(pending)
        if meaning is not None and _crowded(view, meaning, told):
            meaning = self._look_further(meaning)
        timings["meaning"] = _ms(started)
        if meaning is not None:
            surveyed = surveyed.with_nearest(_nearest(view, question, meaning), weights)
        timings["surveyed"] = _ms(started)
        ranking = self._rank(surveyed, surveyed.candidates(count, allowed), fetched, weights)
        timings["ranked"] = _ms(started)
        size = int(told.sum())
        return view, surveyed, ranking, _Notes(degraded=degraded, timings_ms=timings, question=question, size=size)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def best_segments(self, query: str, *, count: int, off: Sequence[str] = ()) -> list[MemoryId]:
        """The sittings and sections that answer the query best, each named by its best memory."""
        view, surveyed, ranking, _ = self._search(query, Filters(), None, off, CANDIDATES)
        segment_of = view.layout.segment[view.layout.rank[ranking.rows]]
        firsts = [
            int(ranking.rows[np.flatnonzero(segment_of == segment)[0]])
            for segment in rank_segments(surveyed, ranking)[:count]
        ]
        numbers = [int(view.columns.no[row]) for row in firsts]
        memories = self._lexicon.memories(numbers)
        return [memories[no].id for no in numbers if no in memories]

    def baseline(self, query: str, signal: Literal["bm25", "vectors"], count: int) -> list[MemoryId]:
        """What BM25 alone, or vectors alone, would find: what benchmarks compare with."""
        if signal == "vectors":
            numbers = list(self._find_meaning(query, count).numbers)
        else:
            view = self._corpus.view(terms(query))
            surveyed = self._survey(view, read_question(query), fitted_weights())
            places = np.argsort(-surveyed.signals["words_best"], kind="stable")[:count]
            numbers = view.columns.no[view.layout.order[places]].tolist()
        memories = self._lexicon.memories(numbers)
        return [memories[no].id for no in numbers if no in memories]

    def _find_meaning(self, query: str, count: int = NEAREST) -> _Meaning:
        embedding = self._embedder.embed_query(query)
        return _Meaning(embedding, *self._index.nearest(embedding.vector, count))

    def _look_further(self, meaning: _Meaning) -> _Meaning:
        try:
            found = self._index.nearest(meaning.embedding.vector, FURTHER * NEAREST)
        except VectorIndexUnavailable:
            return meaning
        return _Meaning(meaning.embedding, *found)

    def _read(self, query: str, today: date | None) -> tuple[View, Question]:
        view = self._corpus.view(terms(query))
        years = view.years
        question = read_question(query, speakers=view.speakers, today=today or date.today(), years=years)  # noqa: DTZ011 - the user's day
        return view, question

    def _survey(self, view: View, question: Question, weights: Weights) -> Survey:
        return survey(
            view.layout, question, speakers=view.speakers, postings=view.postings, nearest=None, weights=weights
        )

    def _rank(self, surveyed: Survey, rows: NDArray[np.int32], fetched: _Fetcher, weights: Weights) -> Ranking:
        block = None
        if surveyed.nearest is not None and len(rows):
            block = fetched.of(surveyed.surroundings(rows))
        return rank(surveyed, rows, block, weights)

    def _answers(self, query: str, view: View, surveyed: Survey, ranking: Ranking, count: int) -> list[Recalled]:
        near = _near(surveyed, ranking.rows)
        rows = [(index, int(view.columns.no[row])) for index, row in enumerate(ranking.rows) if near[index]]
        asked = plain(query).casefold() if is_question(query) else None
        found: list[Recalled] = []
        said: set[str] = set()
        for start in range(0, len(rows), count + SPARE):
            batch = rows[start : start + count + SPARE]
            memories = self._lexicon.memories([no for _, no in batch])
            for index, no in batch:
                memory = memories.get(no)
                if memory is None:
                    continue
                words = plain(memory.text).casefold()
                # The question itself, told again, is no answer to it; and what was said twice is found once.
                if words == asked or (memory.kind in SPOKEN_KINDS and words in said):
                    continue
                said.add(words)
                found.append(_recalled(memory, ranking, index))
            if len(found) >= count + SPARE:
                break
        return self._newest_first(_told_first(found))[:count]

    def _newest_first(self, found: list[Recalled]) -> list[Recalled]:
        """What took the place of what no longer holds stands right before it, at the better of both places, found or not."""
        closed = [one for one in found if one.memory.valid_to is not None]
        if not closed:
            return found
        successors = self._lexicon.successors([one.memory.id for one in closed])
        ordered = list(found)
        for one in closed:
            newer = successors.get(one.memory.id, frozenset())
            behind = [other for other in ordered[ordered.index(one) :] if other.memory.id in newer]
            known = {other.memory.id for other in ordered}
            missing = [
                Recalled(memory=memory, score=one.score, shares={})
                for memory in self._lexicon.by_id([new for new in newer if new not in known])
                if memory.valid_to is None and memory.kind in EVIDENCE_KINDS
            ]
            ordered = [other for other in ordered if other not in behind]
            here = ordered.index(one)
            ordered[here:here] = [*behind, *missing]
        return ordered

    def _allowed(self, view: View, told: NDArray[np.bool_], filters: Filters) -> NDArray[np.bool_]:
        allowed = told.copy()
        if filters.source is not None:
            allowed &= np.isin(view.columns.no, self._lexicon.of_source(filters.source))
        if filters.thread is not None:
            allowed &= np.isin(view.columns.no, self._lexicon.of_thread(filters.thread))
        if filters.since is not None or filters.until is not None:
            allowed &= np.isin(view.columns.no, self._lexicon.of_time(filters.since, filters.until))
        return allowed


def _of_kinds(view: View, filters: Filters) -> NDArray[np.bool_]:
    kinds = [KINDS.index(kind) for kind in (filters.kinds or EVIDENCE_KINDS)]
    told: NDArray[np.bool_] = np.isin(view.columns.kind, kinds)
    return told


def _crowded(view: View, meaning: _Meaning, told: NDArray[np.bool_]) -> bool:
    """Whether most of what is nearest is of kinds that weren't asked for: what was asked often is nearest to itself."""
    if len(meaning.numbers) < NEAREST:
        return False
    return int(told[view.rows_of(sorted(meaning.numbers))].sum()) < NEAREST // 2


def _told_first(found: list[Recalled]) -> list[Recalled]:
    """What the user told goes before a file that quotes it word for word, where both were found."""
    ordered = list(found)
    for one in found:
        words = plain(one.memory.text).casefold().rstrip(".!")
        if one.memory.kind == "chunk" or len(words) < QUOTED_LEAST:
            continue
        here = ordered.index(one)
        first = next(
            (
                place
                for place, other in enumerate(ordered[:here])
                if other.memory.kind == "chunk" and words in plain(other.memory.text).casefold()
            ),
            None,
        )
        if first is not None:
            ordered.insert(first, ordered.pop(here))
    return ordered


def _evidence(notes: _Notes, view: View, surveyed: Survey, found: Sequence[Recalled]) -> list[Evidence]:
    best = found[:CONSIDERED]
    rows = [int(row) for row in view.rows_of([one.memory.no for one in best])]
    covered, unknown = covered_shares(notes.question, view.postings, notes.size, rows)
    meaning = surveyed.signals["meaning"][surveyed.layout.rank[rows]] if surveyed.nearest is not None else None
    return [
        Evidence(
            score=one.score,
            meaning=None if meaning is None else float(meaning[index]),
            covered=covered[index],
            unknown=unknown,
            size=notes.size,
        )
        for index, one in enumerate(best)
    ]


def _settled(pending: Future[_Meaning]) -> tuple[_Meaning | None, list[str]]:
    try:
        return pending.result(), []
    except EmbedderUnavailable as error:
        return None, [f"embedder: {error}"]
    except VectorIndexUnavailable as error:
        return None, [f"chroma: {error}"]


def _nearest(view: View, question: Question, meaning: _Meaning) -> Nearest:
    numbers = np.array(meaning.numbers, np.int32)
    known = np.isin(numbers, view.columns.no)
    return Nearest(
        rows=np.searchsorted(view.columns.no, numbers[known]).astype(np.int32),
        cosines=np.array(meaning.cosines, np.float32)[known],
        vector=meaning.embedding.vector,
        tokens=subject_tokens(question, meaning.embedding.tokens, meaning.embedding.words),
    )


def _near(surveyed: Survey, rows: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which rows have anything to do with the question."""
    places = surveyed.layout.rank[rows]
    by_words = surveyed.signals["words_around"][places] > 0
    by_day = surveyed.signals["on_day"][places] > 0
    near: NDArray[np.bool_] = by_words | (surveyed.signals["meaning"][places] >= FAR) | by_day
    return near


def _recalled(memory: Memory, ranking: Ranking, index: int) -> Recalled:
    shares = {
        name: round(float(share[index]), 4) for name, share in ranking.shares.items() if abs(share[index]) >= 0.00005
    }
    return Recalled(memory=memory, score=round(float(ranking.scores[index]), 4), shares=shares)


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
