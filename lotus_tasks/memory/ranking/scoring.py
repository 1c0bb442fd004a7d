"""From signals to an order, in two steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lotus_tasks.memory.cues import Question
from lotus_tasks.memory.ranking.layout import REACH, Floats, Layout, Mask, Numbers
from lotus_tasks.memory.ranking.plain import read_dates, read_form, read_speakers, read_words
from lotus_tasks.memory.ranking.signals import GROUPS, SURVEY_SIGNALS
from lotus_tasks.memory.ranking.vectors import Fetched, Nearest, read_nearest, read_tokens, read_vectors
from lotus_tasks.memory.weights import Weights

CANDIDATES: Final = 100
"""How many memories the second step looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The first look at a store: survey signals and a rough score of every place."""

    layout: Layout
    nearest: Nearest | None
    signals: Mapping[str, Floats]
    score: Floats

    def with_nearest(self, nearest: Nearest, weights: Weights) -> Survey:
        """The same look with what the vector index named; what was read before is not read again."""
        signals = {**self.signals, **read_nearest(self.layout, nearest)}
        return Survey(
            layout=self.layout,
            nearest=nearest,
            signals=signals,
            score=rough_scores(signals, _for_survey(nearest, weights)),
        )

    def candidates(self, count: int, allowed: Mask | None = None) -> Numbers:
        """The rows of the ``count`` best places, best first; ``allowed`` is by row.

        An eighth of them are the best by their words alone and an eighth the nearest by meaning alone, so neither can lose
        its place to the other signals.
        """
        order = self.layout.order
        open_ = np.ones(len(order), bool) if allowed is None else allowed[order]
        chosen = np.zeros(len(order), bool)
        for values in (self.signals["words_best"], self.signals["meaning"]):
            best = _best(np.where(open_, values, -np.inf), count // 8)
            chosen[best[(values[best] > 0) & open_[best]]] = True
        rest = _best(np.where(open_ & ~chosen, self.score, -np.inf), count - int(chosen.sum()))
        chosen[rest[open_[rest]]] = True
        places = np.flatnonzero(chosen)
        rows: Numbers = order[places[np.argsort(-self.score[places], kind="stable")]]
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
    """Candidates, best first. ``shares`` add up to the scores: what each group of signals gave each of them against the mean
    candidate, and ``alike``, what the mean candidate has.
    """

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
    signals = read_words(layout, question, postings)
    signals |= read_speakers(layout, question, speakers)
    signals |= read_dates(layout, question)
    signals |= read_form(layout, question, signals["words"])
    signals |= read_nearest(layout, nearest)
    return Survey(
        layout=layout, nearest=nearest, signals=signals, score=rough_scores(signals, _for_survey(nearest, weights))
    )


def _for_survey(nearest: Nearest | None, weights: Weights) -> Mapping[str, float]:
    return weights.survey if nearest is not None else weights.without_vectors or weights.survey


def _for_candidates(found: Survey, fetched: Fetched | None, weights: Weights) -> Mapping[str, float]:
    if found.nearest is None:
        return weights.without_vectors or weights.final
    if not len(found.nearest.tokens) or fetched is None or not len(fetched.signs):
        return weights.without_tokens or weights.final
    return weights.final


def rough_scores(signals: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The weighted sum of the survey signals."""
    score = np.zeros(len(next(iter(signals.values()))), np.float32)
    for name in SURVEY_SIGNALS:
        if weight := weights.get(name, 0.0):
            score += np.float32(weight) * signals[name]
    return score


def rank(found: Survey, rows: Numbers, fetched: Fetched | None, weights: Weights) -> Ranking:
    """Score the candidates ``rows``; ``fetched`` are the vectors of their surroundings, as far as they have any."""
    return weigh(rows, gather(found, rows, fetched), _for_candidates(found, fetched, weights))


def weigh(rows: Numbers, signals: Mapping[str, Floats], weights: Mapping[str, float]) -> Ranking:
    """The ranking that weighted signals give."""
    shares = {}
    alike = np.zeros(len(rows), np.float32)
    for group, names in GROUPS.items():
        share = np.zeros(len(rows), np.float32)
        for name in names:
            share += np.float32(weights.get(name, 0.0)) * signals[name]
        # Against the mean candidate, so that what all have alike isn't anybody's merit; but it is part of the score: a
        # memory found alone would have none.
        mean = share.mean() if len(rows) else np.float32(0)
        shares[group] = share - mean
        alike += mean
    shares["alike"] = alike
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
        signals |= read_vectors(found.layout, found.nearest, places, fetched)
        if len(found.nearest.tokens) and len(fetched.signs):
            signals |= read_tokens(found.layout, found.nearest, places, fetched)
    return signals


def rank_segments(found: Survey, ranking: Ranking) -> Numbers:
    """The segments of the candidates, best first: a segment is as good as its best memories together (log-sum-exp)."""
    segments = found.layout.segment[found.layout.rank[ranking.rows]]
    pooled = np.zeros(len(found.layout.segment_length))
    np.add.at(pooled, segments, np.exp(ranking.scores - ranking.scores.max(initial=0.0)))
    present = np.unique(segments)
    best: Numbers = present[np.argsort(-pooled[present], kind="stable")]
    return best


def _best(values: Floats, count: int) -> NDArray[np.intp]:
    """Where the ``count`` greatest values are, in no order."""
    if count >= len(values):
        return np.arange(len(values))
    best: NDArray[np.intp] = np.argpartition(-values, count)[:count]
    return best
