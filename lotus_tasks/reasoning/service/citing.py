"""Which memories an answer names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lotus_tasks.reasoning.models import Citation

_CITED = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
"""``[1]`` and ``[1, 3]``."""


def cited(answer: str, memories: Sequence[Mapping[str, Any]]) -> list[Citation]:
    """The memories whose numbers the answer names, in order of their numbers; ``memories`` are numbered from 1."""
    numbers = {int(number) for group in _CITED.findall(answer) for number in group.split(",")}
    return [
        Citation(
            memory_id=str(memory["memory_id"]),
            text=str(memory["text"]),
            source=str(memory.get("source") or ""),
            score=float(memory.get("score") or 0.0),
            number=number,
            heading=memory.get("heading"),
            date=memory.get("happened_at") or memory.get("stored_at"),
        )
        for number, memory in enumerate(memories, 1)
        if number in numbers
    ]
