"""What a word is worth depends on how rare it is, in the whole of recall."""

from __future__ import annotations

from lotus_tasks.memory.models import Draft
from lotus_tasks.origins import USER

ROOMS = (
    "kitchen", "hall", "attic", "cellar", "bathroom", "study", "nursery", "porch", "pantry", "workshop", "landing", "library",
    "garage", "laundry", "lounge", "closet", "stable", "terrace", "corridor", "office",
)  # fmt: skip


def test_a_rare_word_outweighs_several_common_ones(parts):
    common = [f"The lamp in the {room} of the summer house was repaired." for room in ROOMS]
    rare = "The heron by Ostrowski hangs over the stairs."
    parts.remember([Draft(origin=USER, text=text, key=text) for text in [*common, rare]])
    parts.catch_up()
    for off in ((), ("meaning", "meaning_beside", "tokens")):
        found = parts.recaller.recall("the repaired heron lamp, summer house, Ostrowski", count=1, off=off)
        assert found.memories[0].memory.text == rare, off
