"""Reads LoCoMo's own format: conversations of turns, and questions with their evidence.

Maharana et al., ACL 2024; snap-research/locomo. The data is not part of LOTUS; every program takes the file's path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
"""Category 5 asks for what isn't there and has no evidence to find."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn with its picture's caption in the text; ``session`` counts from 0."""

    id: str
    speaker: str
    text: str
    session: int
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question and the indexes of the turns that answer it."""

    text: str
    category: int
    evidence: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Turns in order, and what is asked about them."""

    id: str
    turns: Sequence[Turn]
    questions: Sequence[Asked]


def read_locomo(path: Path) -> list[Conversation]:
    """The conversations of a file, with the questions of categories 1 to 4 whose evidence is in them."""
    return [_conversation(sample) for sample in json.loads(path.read_text(encoding="utf-8"))]


def _conversation(sample: dict) -> Conversation:  # type: ignore[type-arg]
    talk = sample["conversation"]
    numbers = sorted(int(key.removeprefix("session_")) for key in talk if re.fullmatch(r"session_\d+", key))
    turns = []
    for session, number in enumerate(numbers):
        happened_at = datetime.strptime(talk[f"session_{number}_date_time"], "%I:%M %p on %d %B, %Y").replace(
            tzinfo=UTC
        )
        for turn in talk[f"session_{number}"]:
            caption = f" [picture: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            turns.append(
                Turn(
                    id=turn["dia_id"],
                    speaker=turn["speaker"],
                    text=turn["text"] + caption,
                    session=session,
                    happened_at=happened_at,
                )
            )
    places = {turn.id: index for index, turn in enumerate(turns)}
    questions = []
    for asked in sample["qa"]:
        # One entry may hold several ids; ids that aren't in the conversation are dropped.
        named = [one for entry in asked.get("evidence", []) for one in re.split(r"[;,\s]+", entry)]
        evidence = sorted({places[one] for one in named if one in places})
        if asked["category"] in CATEGORIES and evidence:
            questions.append(Asked(text=asked["question"], category=asked["category"], evidence=evidence))
    return Conversation(id=sample["sample_id"], turns=turns, questions=questions)
