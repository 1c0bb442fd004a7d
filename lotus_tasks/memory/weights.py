"""The fitted weights of recall, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PATH = Path(__file__).with_name("weights.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One weight a signal: ``survey`` for the first look at all memories, ``final`` for the candidates."""

    survey: Mapping[str, float]
    final: Mapping[str, float]

    def without(self, signals: Iterable[str]) -> Weights:
        """The same weights with these signals turned off."""
        off = set(signals)
        return Weights(
            survey={name: weight for name, weight in self.survey.items() if name not in off},
            final={name: weight for name, weight in self.final.items() if name not in off},
        )


@cache
def fitted_weights() -> Weights:
    """The weights that LOTUS ships; ``benchmarks/fit_recall.py`` writes them."""
    read = json.loads(PATH.read_text(encoding="utf-8"))
    return Weights(survey=read["survey"], final=read["final"])
