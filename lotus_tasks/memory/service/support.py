"""How well what was found supports an answer: told from what only comes nearest. Pure.

A memory may be the nearest of all and answer nothing ("How tall is Mount Kilimanjaro?" among a household's notes). Whether
the best of them answers is read from a few figures of each, weighed by logistic regression on `CALIBRATION` of
tests/integration/memory/household.py (its files and sayings each in a store of their own, together, and among five LoCoMo
conversations) and on 60 questions of such a conversation with 60 of another's under the same names; the bias leaves
the answerable of `CALIBRATION` as far above as its unanswerable below. `benchmarks/answers.py` prints how it does on others.
The scores are those of `weights.json`: fitted anew, this is fitted anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lotus_tasks.memory.cues import Question
from lotus_tasks.memory.ports import Numbers

CONSIDERED: Final = 3
"""The best of so many memories counts: what holds may stand above what names the question's words."""

FULL_SIZE: Final = 100
"""In a store of fewer memories every word is common, and scores are lower."""
_SCORE: Final = 0.745
_MEANING: Final = 3.25
_COVERED: Final = 2.42
_UNKNOWN: Final = -2.35
_SIZE: Final = -1.08
_BIAS: Final = -11.45
_LEAST_SIZE: Final = 50
"""Of the store in which the rarity of the question's words is measured, so that one memory's words aren't all common."""
_COVERED_WITHOUT_VECTORS: Final = 0.4
"""Where nothing is known of meaning, so much of the question must stand in the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Of one memory: its ``score``, its ``meaning`` (cosine; None where no vectors are known), and the shares of the question's
    weight, by inverse document frequency, that stand in it (``covered``) and in no memory at all (``unknown``); ``size``: how
    many memories could be evidence.
    """

    score: float
    meaning: float | None
    covered: float
    unknown: float
    size: int

    @property
    def log_odds(self) -> float:
        """Of answering the question against not, natural logarithm, moved so that 0 is where LOTUS begins to answer."""
        if self.meaning is None:
            return 10 * (self.covered - _COVERED_WITHOUT_VECTORS)
        weighed = _SCORE * self.score + _MEANING * self.meaning + _COVERED * self.covered + _UNKNOWN * self.unknown
        return weighed + _SIZE * math.log(min(self.size, FULL_SIZE) / FULL_SIZE) + _BIAS


def support_of(evidence: Sequence[Evidence]) -> float:
    """The support that the best memories, best first, give an answer: below 0 they don't answer; -inf where there are none."""
    return max((one.log_odds for one in evidence[:CONSIDERED]), default=-math.inf)


def covered_shares(
    question: Question, postings: Mapping[str, tuple[Numbers, Numbers]], size: int, rows: Sequence[int]
) -> tuple[list[float], float]:
    """For each of ``rows`` the share of the question's weight that it holds, and the share that no memory holds.

    ``postings``: the rows of each known term. A term weighs its inverse document frequency, as in BM25.
    """
    size = max(size, _LEAST_SIZE)
    holders = {term: postings[term][0] if term in postings else np.empty(0, np.int32) for term in question.terms}
    weights = {
        term: weight * math.log(1 + (size - len(holders[term]) + 0.5) / (len(holders[term]) + 0.5))
        for term, weight in question.terms.items()
    }
    whole = sum(weights.values()) or 1.0
    covered = [sum(weight for term, weight in weights.items() if _holds(holders[term], row)) / whole for row in rows]
    return covered, sum(weight for term, weight in weights.items() if not len(holders[term])) / whole


def _holds(rows: Numbers, row: int) -> bool:
    return bool((rows == row).any())
