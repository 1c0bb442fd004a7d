"""What vectors say: the nearest that the index named, and the vectors and token signs of candidates and their surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lotus_tasks.memory.cues import Question
from lotus_tasks.memory.ranking.layout import REACH, Floats, Layout, Mask, Numbers, beside

NEAREST: Final = 200
"""How many neighbours to ask the vector index for."""
TOKEN_BYTES: Final = 48
_BLOCK: Final = 512
"""Tokens unpacked at once: they stay in the processor's cache."""
_TOKEN_FADE: Final = 0.05
"""What a place away costs a token's match."""


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


def subject_tokens(question: Question, tokens: Floats, words: Sequence[str]) -> Floats:
    """The tokens of a question without those that name speakers, unless it has no others; ``words`` says of what word each is."""
    about = [place for place, word in enumerate(words) if word not in question.names]
    return tokens[about] if about else tokens


def read_nearest(layout: Layout, nearest: Nearest | None) -> dict[str, Floats]:
    """How near every memory is to the question, and the nearest of its segment, as far as the index said."""
    if nearest is None or not len(nearest.rows):
        nothing = np.zeros(layout.size, np.float32)
        return {"meaning": nothing, "segment_meaning": nothing}
    # What the index didn't name is at most as near as the last it named.
    meaning = np.full(layout.size, nearest.cosines.min(), np.float32)
    meaning[layout.rank[nearest.rows]] = nearest.cosines
    best = np.full(len(layout.segment_length), nearest.cosines.min(), np.float32)
    np.maximum.at(best, layout.segment, meaning)
    return {"meaning": meaning, "segment_meaning": best[layout.segment]}


def read_vectors(layout: Layout, nearest: Nearest, places: Numbers, fetched: Fetched) -> dict[str, Floats]:
    """How near a memory is together with what stands before it, and on both sides of it."""
    at = _index(layout, fetched.rows)
    own, before, after = (at[beside(layout, places, step)] for step in (0, -1, 1))
    further_before, further_after = (at[beside(layout, places, step)] for step in (-REACH, REACH))
    vectors = np.concatenate([fetched.vectors, np.zeros((1, fetched.vectors.shape[1]), np.float32)])
    close = vectors[before] + vectors[after]
    sums = {
        "meaning_before": vectors[own] + 0.7 * vectors[before],
        "meaning_beside": vectors[own] + 0.7 * close,
        "meaning_around": vectors[own] + 0.8 * close + 0.6 * (vectors[further_before] + vectors[further_after]),
    }
    known = own < len(fetched.rows)
    found = {name: (values @ nearest.vector) / _lengths(values) for name, values in sums.items()}
    # The index named only some cosines; here they are exact.
    found["meaning"] = vectors[own] @ nearest.vector
    return {name: _neutral(values, known) for name, values in found.items()}


def read_tokens(layout: Layout, nearest: Nearest, places: Numbers, fetched: Fetched) -> dict[str, Floats]:
    """How well, on average, each token of the question is matched by a memory's best token, its own or its neighbours'.

    That is late interaction (Khattab and Zaharia, ColBERT, 2020) against token states of which only the signs are kept.
    """
    asked = nearest.tokens
    having = np.flatnonzero(fetched.token_counts)
    match = _match(fetched.signs, asked)
    starts = np.concatenate([[0], np.cumsum(fetched.token_counts[having])[:-1]]).astype(np.intp)
    best = np.full((len(fetched.rows) + 1, len(asked)), -1.0, np.float32)
    best[having] = np.maximum.reduceat(match, starts, axis=0)
    at = _index(layout, fetched.rows)
    own = best[at[places]]
    known = own[:, 0] > -1.0
    wider = own
    found = {"tokens": own}
    for step, name in ((1, "tokens_beside"), (2, "tokens_around")):
        for side in (-step, step):
            wider = np.maximum(wider, best[at[beside(layout, places, side)]] - np.float32(_TOKEN_FADE * step))
        found[name] = wider
    return {name: _neutral(values.mean(axis=1), known) for name, values in found.items()}


def _match(signs: NDArray[np.uint8], asked: Floats) -> Floats:
    """The cosine, nearly, of each kept token with each asked one."""
    ones = np.empty((len(signs), len(asked)), np.float32)
    for start in range(0, len(signs), _BLOCK):
        bits = np.unpackbits(signs[start : start + _BLOCK], axis=1).astype(np.float32)
        np.matmul(bits, asked.T, out=ones[start : start + _BLOCK])
    # A sign is 2·bit − 1; divided by √d the signs are as long as the state they stand for.
    match: Floats = (2.0 * ones - asked.sum(axis=1)) / np.float32(np.sqrt(8 * signs.shape[1]))
    return match


def _index(layout: Layout, rows: Numbers) -> Numbers:
    """For each place the index of its row in ``rows``, and ``len(rows)`` where it isn't there; also for place -1."""
    at = np.full(layout.size + 1, len(rows), np.int32)
    at[layout.rank[rows]] = np.arange(len(rows), dtype=np.int32)
    return at


def _lengths(vectors: Floats) -> Floats:
    lengths: Floats = np.maximum(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)), 1e-6)
    return lengths


def _neutral(values: Floats, known: Mask) -> Floats:
    mean = values[known].mean() if known.any() else 0.0
    filled: Floats = np.where(known, values, mean).astype(np.float32)
    return filled
