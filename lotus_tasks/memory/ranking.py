"""The score of a memory for a question: words, meaning, what stands beside it, who said it, when, and how it is put.

Pure numpy over columns; no I/O. A recall goes in two steps, because vectors are only fetched for some hundred memories:

1. :func:`survey` reads the words of the whole store (exact BM25 posting lists) and the nearest vectors that the index named,
   and scores every memory roughly; :meth:`Survey.candidates` are the best of them, :meth:`Survey.surroundings` what stands
   within two places of those.
2. :func:`rank` scores the candidates with the vectors and token signs of themselves and their surroundings.

Every signal is a number per memory; the score is their weighted sum (``weights.json``, fitted by ``benchmarks/fit_recall.py``).
A signal that is missing (no embedder, no speaker, no date) is the same number for all and moves nothing. No threshold cuts
anything off: a memory that holds the words is a candidate whatever its vector says.

Inside, memories stand in *places*: sorted by (segment, position), so neighbours are beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lotus_tasks.memory.cues import ASKS, FIRST_PERSON, HAS_TIME, IS_QUESTION, Question
from lotus_tasks.memory.weights import Weights

Floats = NDArray[np.float32]
Numbers = NDArray[np.int32]
Mask = NDArray[np.bool_]

K1: Final = 0.9
B: Final = 0.4
REACH: Final = 2
"""How many places to each side count as a memory's surroundings."""
FADE_BEFORE_DAYS: Final = 7.0
FADE_AFTER_DAYS: Final = 14.0
"""What happened is told soon after, seldom before: a memory's date fades that fast outside the days a question names."""
NEAREST: Final = 200
"""How many neighbours to ask the vector index for."""
CANDIDATES: Final = 160
"""How many memories the second step looks at."""
TOKEN_BYTES: Final = 48
_TOKEN_FADE: Final = 0.05
"""What a place away costs a token's match."""

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "words": ("words", "words_best"),
    "words_beside": ("words_beside", "words_around", "words_around_best", "words_before"),
    "segment": ("segment_words", "segment_score", "segment_score_best", "segment_peak"),
    "meaning": ("meaning", "segment_meaning"),
    "meaning_beside": ("meaning_before", "meaning_beside", "meaning_around"),
    "tokens": ("tokens", "tokens_beside", "tokens_around"),
    "speaker": ("speaker", "other_speaker", "own_words"),
    "date": ("date",),
    "time": ("says_when",),
    "form": ("length", "is_question", "asks", "answers", "answers_words"),
}
"""The signals by what they look at; a group can be turned off as one, and `recall --explain` shows their shares."""
SIGNALS: Final = tuple(name for names in GROUPS.values() for name in names)
SURVEY_SIGNALS: Final = tuple(name for name in SIGNALS if name not in {*GROUPS["meaning_beside"], *GROUPS["tokens"]})
"""Those that are known of every memory before any vector is fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the store's memories stand, and what is known of each; made once a snapshot by :func:`lay_out`.

    ``rank`` is each row's place; everything else is by place. ``beside[k]`` is True where place i and i+k+1 share a segment.
    """

    rank: Numbers
    order: Numbers
    beside: tuple[Mask, ...]
    segment: Numbers
    segment_length: Floats
    length: Floats
    speaker: Numbers
    day: Floats
    cues: NDArray[np.uint8]

    @property
    def size(self) -> int:
        """How many memories there are."""
        return len(self.rank)


def lay_out(
    *, segment: Numbers, position: Numbers, length: Numbers, speaker: Numbers, day: Floats, cues: NDArray[np.uint8]
) -> Layout:
    """The layout of columns by row. ``segment`` and ``speaker`` -1 and ``day`` NaN stand for none; a memory of no segment is
    its own. ``day`` is a date's ordinal.
    """
    count = len(segment)
    order = np.lexsort((np.arange(count), position, segment)).astype(np.int32)
    rank = np.empty_like(order)
    rank[order] = np.arange(count, dtype=np.int32)
    placed = segment[order]
    new = np.ones(count, bool)
    new[1:] = (placed[1:] != placed[:-1]) | (placed[1:] < 0)
    numbers = (np.cumsum(new) - 1).astype(np.int32)
    lengths = length[order].astype(np.float32)
    return Layout(
        rank=rank,
        order=order,
        beside=tuple(numbers[step:] == numbers[:-step] for step in range(1, REACH + 1)),
        segment=numbers,
        segment_length=np.bincount(numbers, lengths, minlength=1).astype(np.float32),
        length=lengths,
        speaker=speaker[order],
        day=day[order].astype(np.float32),
        cues=cues[order],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """What the vector index named: rows and cosines, best first; and the question in vector space.

    ``tokens`` are the states of the question's content tokens (unit length, one row a token; none where the embedder has none).
    """

    rows: Numbers
    cosines: Floats
    vector: Floats
    tokens: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Vectors and token signs of memories. ``signs`` holds all tokens' packed sign bits, ``token_counts`` how many are whose."""

    rows: Numbers
    vectors: Floats
    signs: NDArray[np.uint8]
    token_counts: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The first look at a store: survey signals and a rough score of every place."""

    layout: Layout
    nearest: Nearest | None
    signals: Mapping[str, Floats]
    score: Floats

    def candidates(self, count: int, allowed: Mask | None = None) -> Numbers:
        """The rows of the ``count`` best places, best first; ``allowed`` is by row."""
        score = self.score
        if allowed is not None:
            score = np.where(allowed[self.layout.order], score, -np.inf)
        best = np.argpartition(-score, count)[:count] if count < len(score) else np.arange(len(score))
        best = best[score[best] > -np.inf]
        best = best[np.argsort(-score[best], kind="stable")]
        rows: Numbers = self.layout.order[best]
        return rows

    def surroundings(self, rows: Numbers) -> Numbers:
        """The rows themselves and those within REACH places in their segments."""
        layout = self.layout
        places = layout.rank[rows]
        found = [places]
        for step in range(-REACH, REACH + 1):
            beside = np.clip(places + step, 0, layout.size - 1)
            found.append(beside[layout.segment[beside] == layout.segment[places]])
        around: Numbers = layout.order[np.unique(np.concatenate(found))]
        return around


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Candidates, best first. ``shares`` says what each group of signals gave each of them, against the mean candidate."""

    rows: Numbers
    scores: Floats
    shares: Mapping[str, Floats]


def survey(
    layout: Layout,
    question: Question,
    *,
    speakers: Sequence[str],
    postings: Mapping[str, tuple[Numbers, Numbers]],
    nearest: Nearest | None,
    weights: Weights,
) -> Survey:
    """Look at the whole store.

    ``postings`` holds for each known term of the question the rows and counts; ``speakers`` are the names behind the numbers.
    """
    signals = _read_words(layout, question, postings)
    signals |= _read_speakers(layout, question, speakers)
    signals |= _read_dates(layout, question)
    signals |= _read_form(layout, question, signals["words"])
    signals |= _read_nearest(layout, nearest)
    return Survey(layout=layout, nearest=nearest, signals=signals, score=rough_scores(signals, weights))


def rough_scores(signals: Mapping[str, Floats], weights: Weights) -> Floats:
    """The weighted sum of the survey signals."""
    score = np.zeros(len(next(iter(signals.values()))), np.float32)
    for name in SURVEY_SIGNALS:
        if weight := weights.survey.get(name, 0.0):
            score += np.float32(weight) * signals[name]
    return score


def subject_tokens(question: Question, tokens: Floats, words: Sequence[str]) -> Floats:
    """The tokens of a question without those that name speakers, unless it has no others; ``words`` says of what word each is."""
    about = [place for place, word in enumerate(words) if word not in question.names]
    return tokens[about] if about else tokens


def rank(found: Survey, rows: Numbers, fetched: Fetched | None, weights: Weights) -> Ranking:
    """Score the candidates ``rows``; ``fetched`` are the vectors of their surroundings, as far as they have any."""
    return weigh(rows, gather(found, rows, fetched), weights)


def weigh(rows: Numbers, signals: Mapping[str, Floats], weights: Weights) -> Ranking:
    """The ranking that weighted signals give."""
    shares = {}
    for group, names in GROUPS.items():
        share = np.zeros(len(rows), np.float32)
        for name in names:
            share += np.float32(weights.final.get(name, 0.0)) * signals[name]
        # Against the mean candidate, so that what all have alike isn't anybody's merit.
        shares[group] = share - share.mean() if len(rows) else share
    scores = np.zeros(len(rows), np.float32)
    for share in shares.values():
        scores += share
    best = np.argsort(-scores, kind="stable")
    return Ranking(rows=rows[best], scores=scores[best], shares={name: share[best] for name, share in shares.items()})


def gather(found: Survey, rows: Numbers, fetched: Fetched | None) -> dict[str, Floats]:
    """All signals of the candidates; what no vector is known for is the mean of those known."""
    places = found.layout.rank[rows]
    signals = {name: values[places] for name, values in found.signals.items()}
    nothing = np.zeros(len(rows), np.float32)
    for name in (*GROUPS["meaning_beside"], *GROUPS["tokens"]):
        signals[name] = nothing
    if found.nearest is not None and fetched is not None and len(fetched.rows):
        signals |= _read_vectors(found, places, fetched)
        if len(found.nearest.tokens) and len(fetched.signs):
            signals |= _read_tokens(found, places, fetched)
    return signals


def rank_segments(found: Survey, ranking: Ranking) -> Numbers:
    """The segments of the candidates, best first: a segment is as good as its best memories together (log-sum-exp)."""
    segments = found.layout.segment[found.layout.rank[ranking.rows]]
    pooled = np.zeros(len(found.layout.segment_length))
    np.add.at(pooled, segments, np.exp(ranking.scores - ranking.scores.max(initial=0.0)))
    present = np.unique(segments)
    best: Numbers = present[np.argsort(-pooled[present], kind="stable")]
    return best


def _read_words(
    layout: Layout, question: Question, postings: Mapping[str, tuple[Numbers, Numbers]]
) -> dict[str, Floats]:
    size, segments = layout.size, len(layout.segment_length)
    shapes = {"score": size, "words": size, "beside": size, "around": size}
    sums = {name: np.zeros(length, np.float32) for name, length in shapes.items()}
    of_segment = {name: np.zeros(segments, np.float32) for name in ("score", "words")}
    norm = _norm(layout.length)
    segment_norm = _norm(layout.segment_length)
    total = segment_total = 1e-6
    for term, weight in question.terms.items():
        rows, counts = postings.get(term, (_NO_NUMBERS, _NO_NUMBERS))
        value = weight * _idf(size, len(rows))
        total += value
        if not len(rows):
            segment_total += weight * _idf(segments, 0)
            continue
        places = layout.rank[rows]
        sums["score"][places] += value * _saturate(counts, norm[places])
        holds = np.zeros(size, bool)
        holds[places] = True
        sums["words"] += np.float32(value) * holds
        for name, reach in (("beside", 1), ("around", REACH)):
            sums[name] += np.float32(value) * _spread(layout, holds, reach)
        in_segment = np.bincount(layout.segment[places], counts, minlength=segments)
        held = in_segment > 0
        segment_value = weight * _idf(segments, int(held.sum()))
        segment_total += segment_value
        of_segment["score"] += np.where(held, segment_value * _saturate(in_segment, segment_norm), 0).astype(np.float32)
        of_segment["words"] += np.float32(value) * held
    score = sums["score"] / total
    peak = np.zeros(segments, np.float32)
    np.maximum.at(peak, layout.segment, score)
    segment_score = of_segment["score"] / np.float32(segment_total)
    return {
        "words": sums["words"] / np.float32(total),
        "words_best": _of_best(score),
        "words_beside": sums["beside"] / np.float32(total),
        "words_around": sums["around"] / np.float32(total),
        "words_around_best": _of_best(sums["around"]),
        "words_before": _before(layout, score),
        "segment_words": (of_segment["words"] / np.float32(total))[layout.segment],
        "segment_score": segment_score[layout.segment],
        "segment_score_best": _of_best(segment_score)[layout.segment],
        "segment_peak": peak[layout.segment],
    }


def _read_speakers(layout: Layout, question: Question, speakers: Sequence[str]) -> dict[str, Floats]:
    asked = np.array([name.casefold() in question.speakers for name in speakers] or [False])
    spoken = layout.speaker >= 0
    named = spoken & asked[np.where(spoken, layout.speaker, 0)] if question.speakers else np.zeros(layout.size, bool)
    alone = len(question.speakers) == 1
    return {
        "speaker": named.astype(np.float32),
        "other_speaker": (spoken & ~named if question.speakers else named).astype(np.float32),
        "own_words": (named & ((layout.cues & FIRST_PERSON) > 0) & alone).astype(np.float32),
    }


def _read_dates(layout: Layout, question: Question) -> dict[str, Floats]:
    date = np.zeros(layout.size, np.float32)
    for span in question.spans:
        early = np.maximum(span.first - layout.day, 0) / FADE_BEFORE_DAYS
        late = np.maximum(layout.day - span.last, 0) / FADE_AFTER_DAYS
        np.fmax(date, np.exp(-early - late), out=date)
    return {"date": date}


def _read_form(layout: Layout, question: Question, words: Floats) -> dict[str, Floats]:
    asks = ((layout.cues & ASKS) > 0).astype(np.float32)
    return {
        "length": np.log1p(np.minimum(layout.length, 200)),
        "is_question": ((layout.cues & IS_QUESTION) > 0).astype(np.float32),
        "asks": asks,
        "answers": _before(layout, asks),
        "answers_words": _before(layout, asks * words),
        "says_when": ((layout.cues & HAS_TIME) > 0).astype(np.float32) * np.float32(question.wants_time),
    }


def _read_nearest(layout: Layout, nearest: Nearest | None) -> dict[str, Floats]:
    if nearest is None or not len(nearest.rows):
        nothing = np.zeros(layout.size, np.float32)
        return {"meaning": nothing, "segment_meaning": nothing}
    # What the index didn't name is at most as near as the last it named.
    meaning = np.full(layout.size, nearest.cosines.min(), np.float32)
    meaning[layout.rank[nearest.rows]] = nearest.cosines
    best = np.full(len(layout.segment_length), nearest.cosines.min(), np.float32)
    np.maximum.at(best, layout.segment, meaning)
    return {"meaning": meaning, "segment_meaning": best[layout.segment]}


def _read_vectors(found: Survey, places: Numbers, fetched: Fetched) -> dict[str, Floats]:
    layout, question = found.layout, found.nearest.vector if found.nearest is not None else _NO_FLOATS
    at = _index(layout, fetched.rows)
    own, before, after = (at[_step(layout, places, step)] for step in (0, -1, 1))
    further_before, further_after = (at[_step(layout, places, step)] for step in (-REACH, REACH))
    vectors = np.concatenate([fetched.vectors, np.zeros((1, fetched.vectors.shape[1]), np.float32)])
    close = vectors[before] + vectors[after]
    sums = {
        "meaning": vectors[own],
        "meaning_before": vectors[own] + 0.7 * vectors[before],
        "meaning_beside": vectors[own] + 0.7 * close,
        "meaning_around": vectors[own] + 0.8 * close + 0.6 * (vectors[further_before] + vectors[further_after]),
    }
    known = own < len(fetched.rows)
    return {name: _neutral((values @ question) / (_lengths(values)), known) for name, values in sums.items()}


def _read_tokens(found: Survey, places: Numbers, fetched: Fetched) -> dict[str, Floats]:
    layout, asked = found.layout, found.nearest.tokens if found.nearest is not None else _NO_FLOATS
    having = np.flatnonzero(fetched.token_counts)
    bits = np.unpackbits(fetched.signs, axis=1).astype(np.float32)
    # A sign is 2·bit − 1; divided by √d it is as long as the state it stands for.
    match = (2.0 * (bits @ asked.T) - asked.sum(axis=1)) / np.float32(np.sqrt(bits.shape[1]))
    starts = np.concatenate([[0], np.cumsum(fetched.token_counts[having])[:-1]]).astype(np.intp)
    best = np.full((len(fetched.rows) + 1, len(asked)), -1.0, np.float32)
    best[having] = np.maximum.reduceat(match, starts, axis=0)
    at = _index(layout, fetched.rows)
    own = best[at[places]]
    known = own[:, 0] > -1.0
    beside = own
    signals = {"tokens": own}
    for step, name in ((1, "tokens_beside"), (2, "tokens_around")):
        for side in (-step, step):
            beside = np.maximum(beside, best[at[_step(layout, places, side)]] - np.float32(_TOKEN_FADE * step))
        signals[name] = beside
    return {name: _neutral(values.mean(axis=1), known) for name, values in signals.items()}


def _index(layout: Layout, rows: Numbers) -> Numbers:
    """For each place the index of its row in ``rows``, and ``len(rows)`` where it isn't there; also for place -1."""
    at = np.full(layout.size + 1, len(rows), np.int32)
    at[layout.rank[rows]] = np.arange(len(rows), dtype=np.int32)
    return at


def _step(layout: Layout, places: Numbers, step: int) -> Numbers:
    """The places ``step`` further in the same segment; -1 where there is none."""
    beside = np.clip(places + step, 0, layout.size - 1)
    same = (layout.segment[beside] == layout.segment[places]) & (beside == places + step)
    found: Numbers = np.where(same, beside, -1).astype(np.int32)
    return found


def _spread(layout: Layout, holds: Mask, reach: int) -> Mask:
    spread = holds.copy()
    for step in range(1, reach + 1):
        same = layout.beside[step - 1]
        spread[step:] |= holds[:-step] & same
        spread[:-step] |= holds[step:] & same
    return spread


def _before(layout: Layout, values: Floats) -> Floats:
    """What the place before has, in the same segment."""
    moved = np.zeros_like(values)
    moved[1:] = values[:-1] * layout.beside[0]
    return moved


def _idf(units: int, holding: int) -> float:
    return float(np.log1p((units - holding + 0.5) / (holding + 0.5)))


def _norm(lengths: Floats) -> Floats:
    mean = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    norm: Floats = (K1 * (1 - B + B * lengths / mean)).astype(np.float32)
    return norm


def _saturate(counts: NDArray[np.generic], norm: Floats) -> Floats:
    counted = counts.astype(np.float32)
    saturated: Floats = counted * np.float32(K1 + 1) / (counted + norm)
    return saturated


def _of_best(values: Floats) -> Floats:
    best: Floats = values / max(float(values.max(initial=0.0)), 1e-6)
    return best


def _lengths(vectors: Floats) -> Floats:
    lengths: Floats = np.maximum(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)), 1e-6)
    return lengths


def _neutral(values: Floats, known: Mask) -> Floats:
    mean = values[known].mean() if known.any() else 0.0
    filled: Floats = np.where(known, values, mean).astype(np.float32)
    return filled


_NO_NUMBERS: Final = np.empty(0, np.int32)
_NO_FLOATS: Final = np.empty((0, 0), np.float32)
