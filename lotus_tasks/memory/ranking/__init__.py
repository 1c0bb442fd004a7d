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

from lotus_tasks.memory.ranking.layout import REACH, Layout, lay_out
from lotus_tasks.memory.ranking.scoring import (
    CANDIDATES,
    Ranking,
    Survey,
    gather,
    rank,
    rank_segments,
    rough_scores,
    survey,
    weigh,
)
from lotus_tasks.memory.ranking.signals import GROUPS, SIGNALS, SURVEY_SIGNALS
from lotus_tasks.memory.ranking.vectors import NEAREST, TOKEN_BYTES, Fetched, Nearest, subject_tokens

__all__ = [
    "CANDIDATES",
    "GROUPS",
    "NEAREST",
    "REACH",
    "SIGNALS",
    "SURVEY_SIGNALS",
    "TOKEN_BYTES",
    "Fetched",
    "Layout",
    "Nearest",
    "Ranking",
    "Survey",
    "gather",
    "lay_out",
    "rank",
    "rank_segments",
    "rough_scores",
    "subject_tokens",
    "survey",
    "weigh",
]
