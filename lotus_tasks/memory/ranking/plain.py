"""What is known of every memory before any vector is fetched: its words, who spoke, when, and how it is put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lotus_tasks.memory.cues import ASKS, FIRST_PERSON, HAS_TIME, IS_QUESTION, Question
from lotus_tasks.memory.ranking.layout import REACH, Floats, Layout, Numbers, before, spread

K1: Final = 0.9
B: Final = 0.4
FADE_BEFORE_DAYS: Final = 7.0
FADE_AFTER_DAYS: Final = 14.0
"""What happened is told soon after, seldom before: a memory's date fades that fast outside the days a question names."""
A_WEEK: Final = 7
ON_THE_DAY: Final = 0.99
_NO_NUMBERS: Final = np.empty(0, np.int32)


def read_words(
    layout: Layout, question: Question, postings: Mapping[str, tuple[Numbers, Numbers]]
) -> dict[str, Floats]:
    """How much of the question a memory, its surroundings and its segment hold: BM25, and the share of its terms by their idf."""
    size, segments = layout.size, len(layout.segment_length)
    shapes = {"score": size, "words": size, "beside": size, "around": size}
    sums = {name: np.zeros(length, np.float32) for name, length in shapes.items()}
    of_segment = {name: np.zeros(segments, np.float32) for name in ("score", "words")}
    scratch = np.zeros(size, bool)
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
        sums["words"][places] += np.float32(value)
        for name, reach in (("beside", 1), ("around", REACH)):
            sums[name][spread(layout, places, reach, scratch)] += np.float32(value)
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
        "words_before": before(layout, score),
        "segment_words": (of_segment["words"] / np.float32(total))[layout.segment],
        "segment_score": segment_score[layout.segment],
        "segment_score_best": _of_best(segment_score)[layout.segment],
        "segment_peak": peak[layout.segment],
    }


def read_speakers(layout: Layout, question: Question, speakers: Sequence[str]) -> dict[str, Floats]:
    """Whether the one that the question names spoke, and of themselves; or another."""
    asked = np.array([name.casefold() in question.speakers for name in speakers] or [False])
    spoken = layout.speaker >= 0
    named = spoken & asked[np.where(spoken, layout.speaker, 0)] if question.speakers else np.zeros(layout.size, bool)
    alone = len(question.speakers) == 1
    return {
        "speaker": named.astype(np.float32),
        "other_speaker": (spoken & ~named if question.speakers else named).astype(np.float32),
        "own_words": (named & ((layout.cues & FIRST_PERSON) > 0) & alone).astype(np.float32),
    }


def read_dates(layout: Layout, question: Question) -> dict[str, Floats]:
    """How near a memory's day is to those that the question names, or how well the days that its words tell of meet them.

    ``on_day`` is no signal: it marks what happened on the very days, where the question names no more than a week.
    """
    date = np.zeros(layout.size, np.float32)
    on_day = np.zeros(layout.size, np.float32)
    for span in sorted(question.spans, key=lambda one: one.last - one.first):  # "on the day" first, before wider spans
        early = np.maximum(span.first - layout.day, 0) / FADE_BEFORE_DAYS
        late = np.maximum(layout.day - span.last, 0) / FADE_AFTER_DAYS
        np.fmax(date, np.exp(-early - late), out=date)
        # "Yesterday", said on the 8th, is the 7th. "Last month" is one of its days to a small part only.
        places, first, last = layout.told
        met = (first <= span.last) & (last >= span.first)
        share = np.minimum((span.last - span.first + 1) / (last[met] - first[met] + 1), 1.0)
        date[places[met]] = np.maximum(date[places[met]], np.sqrt(share))
        if span.last - span.first < A_WEEK:
            on_day = np.maximum(on_day, date > ON_THE_DAY, dtype=np.float32)
    return {"date": date, "on_day": on_day}


def read_form(layout: Layout, question: Question, words: Floats) -> dict[str, Floats]:
    """How a memory is put: its length, whether it asks or answers, and whether it says when to one who asks for that."""
    asks = ((layout.cues & ASKS) > 0).astype(np.float32)
    return {
        "length": np.log1p(np.minimum(layout.length, 200)),
        "is_question": ((layout.cues & IS_QUESTION) > 0).astype(np.float32),
        "asks": asks,
        "answers": before(layout, asks),
        "answers_words": before(layout, asks * words),
        "says_when": ((layout.cues & HAS_TIME) > 0).astype(np.float32) * np.float32(question.wants_time),
    }


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
