"""How well what was found supports an answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lotus_tasks.memory.cues import read_question
from lotus_tasks.memory.service.support import Evidence, covered_shares, support_of

STRONG = Evidence(score=17.0, meaning=0.7, covered=1.0, unknown=0.0)


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ({}, 1),
        ({"score": 4.0, "meaning": 0.1, "covered": 0.0, "unknown": 1.0}, -1),
        ({"meaning": None}, 1),
        ({"meaning": None, "covered": 0.1}, -1),
    ],
)
def test_its_sign_says_whether_it_answers(change: dict, sign: int):
    values = {"score": STRONG.score, "meaning": STRONG.meaning, "covered": STRONG.covered, "unknown": STRONG.unknown}
    assert math.copysign(1, support_of([Evidence(**{**values, **change})])) == sign


@pytest.mark.parametrize(("name", "less"), [("score", 9.0), ("meaning", 0.2), ("covered", 0.2), ("unknown", 0.9)])
def test_every_figure_moves_it(name: str, less: float):
    values = {"score": STRONG.score, "meaning": STRONG.meaning, "covered": STRONG.covered, "unknown": STRONG.unknown}
    assert support_of([Evidence(**{**values, name: less})]) < support_of([STRONG])


def test_without_memories_there_is_none():
    assert support_of([]) == -math.inf


def test_a_rare_word_covers_more_of_the_question_than_a_common_one():
    common, rare = np.arange(90, dtype=np.int32), np.array([7], np.int32)
    postings = {"boiler": (common, common), "vaillant": (rare, rare)}
    covered, unknown = covered_shares(read_question("Vaillant boiler"), postings, 100, [3, 7])
    assert covered[0] < 0.1
    assert covered[1] == pytest.approx(1.0)
    assert unknown == 0.0
    assert covered_shares(read_question("Vaillant sofa"), postings, 100, [7])[1] > 0.4
