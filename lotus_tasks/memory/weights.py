"""The fitted weights of recall, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path

PATH = Path(__file__).with_name("weights.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One weight a signal: ``survey`` for the first look at all memories, ``final`` for the candidates.

    The other two stand in for both where the embedder gives no token states, and where there are no vectors at all: signals
    that usually back each other up must then carry more. Empty, they are as the first two.
    """

    survey: Mapping[str, float]
    final: Mapping[str, float]
    without_tokens: Mapping[str, float] = field(default_factory=dict)
    without_vectors: Mapping[str, float] = field(default_factory=dict)

    def without(self, signals: Iterable[str]) -> Weights:
        """The same weights with these signals turned off."""
        off = set(signals)
        return Weights(
            **{
                part.name: {name: weight for name, weight in getattr(self, part.name).items() if name not in off}
                for part in fields(self)
            }
        )


@cache
def fitted_weights() -> Weights:
    """The weights that LOTUS ships; ``benchmarks/fit_recall.py`` writes them."""
    read = json.loads(PATH.read_text(encoding="utf-8"))
    return Weights(**{part.name: read[part.name] for part in fields(Weights)})
