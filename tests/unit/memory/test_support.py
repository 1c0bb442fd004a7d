"""How well what was found supports an answer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from lotus_tasks.memory.cues import read_question
from lotus_tasks.memory.service.support import Evidence, covered_shares, support_of

STRONG = Evidence(score=17.0, meaning=0.7, covered=1.0, unknown=0.0, size=1000)


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
    assert math.copysign(1, support_of([replace(STRONG, **change)])) == sign


@pytest.mark.parametrize(("name", "less"), [("score", 9.0), ("meaning", 0.2), ("covered", 0.2), ("unknown", 0.9)])
def test_every_figure_moves_it(name: str, less: float):
    assert support_of([replace(STRONG, **{name: less})]) < support_of([STRONG])


def test_in_a_small_store_a_lower_score_is_enough():
    weak = replace(STRONG, score=8.0, meaning=0.5)
    assert support_of([weak]) < 0 < support_of([replace(weak, size=1)])


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
