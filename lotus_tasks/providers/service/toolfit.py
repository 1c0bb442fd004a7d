"""Which tools are offered where a model has no room for all: those whose names and descriptions share words with the question.

Pure. A shared word weighs by its rarity among the tools (inverse document frequency, Spärck Jones 1972), a name's twice.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from lotus_tasks.providers.models import Tool

_STEM = 5
"""Words with the same beginning are one: schedule, scheduled, scheduling."""
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_COMMON = frozenset(
    "the and for from with into that this what when where which who whom how why are was were has have had does did can "  # noqa: SIM905
    "could would should will you your our its their them they not any all some about please tell".split()
)
"""English words of three or more letters that say nothing of a subject: descriptions are mostly English."""


def fitting(
    tools: Sequence[Tool],
    question: str,
    *,
    room: int,
    cost: Callable[[Tool], int],
    called: Collection[str] = (),
) -> tuple[Tool, ...]:
    """As many of the ``tools`` as ``room`` tokens hold, in their order: what was ``called`` already, then the best matching.

    Equally good ones go in by their order.
    """
    if sum(map(cost, tools)) <= room:
        return tuple(tools)
    scores = _scores(tools, question)
    ranked = sorted(range(len(tools)), key=lambda index: (tools[index].name not in called, -scores[index], index))
    chosen: set[int] = set()
    for index in ranked:
        price = cost(tools[index])
        if price <= room:
            chosen.add(index)
            room -= price
    return tuple(tool for index, tool in enumerate(tools) if index in chosen)


def _scores(tools: Sequence[Tool], question: str) -> list[float]:
    asked = _stems(question)
    names = [_stems(tool.name) for tool in tools]
    texts = [name | _stems(tool.description) for name, tool in zip(names, tools, strict=True)]
    having = Counter(stem for text in texts for stem in text)
    weight = {stem: math.log(1 + len(tools) / having[stem]) for stem in asked if having[stem]}
    return [
        sum(weight[stem] * (2 if stem in name else 1) for stem in weight if stem in text)
        for name, text in zip(names, texts, strict=True)
    ]


def _stems(text: str) -> set[str]:
    found: set[str] = set()
    for word in _WORD.findall(_CAMEL.sub(" ", text).casefold()):
        if _WITHOUT_SPACES.search(word):
            found |= {word[start : start + 2] for start in range(max(1, len(word) - 1))}
        elif (len(word) > 2 or word.isdigit()) and word not in _COMMON:
            found.add(word[:_STEM])
    return found
