"""What a round of consolidation plans, and what it refuses."""

import uuid
from datetime import UTC, datetime

import pytest

from lotus_tasks.memory.models import Memory
from lotus_tasks.memory.service.consolidation import plan_round
from lotus_tasks.origins import USER

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def memory(no: int, text: str, kind: str = "note", valid_to: datetime | None = None) -> Memory:
    return Memory(
        id=uuid.uuid4(), no=no, text=text, kind=kind, tier=2, importance=0.5, source="user", origin=USER, provenance={},
        thread=None,        segment_no=None, position=0, speaker=None, happened_at=None, valid_from=None, valid_to=valid_to,
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def plan(one: Memory, other: Memory, cosine: float = 0.97):
    return plan_round([one, other], {one.id: [(other, cosine)], other.id: [(one, cosine)]})


def test_what_says_no_more_is_merged_into_the_richer():
    short, rich = (
        memory(1, "The boat key hangs behind the door."),
        memory(2, "The boat key hangs behind the door in Marstal."),
    )
    (merge,) = plan(short, rich).merges
    assert (merge.kept, merge.dropped, merge.wording) == (rich.id, short.id, short.text)


def test_a_merge_that_would_drop_more_than_a_quarter_is_refused_by_its_share():
    one, other = memory(1, "Boat key blue door Marstal."), memory(2, "Boat key red gate Svendborg harbour.")
    made = plan(one, other)
    assert not made.merges
    (refusal,) = made.refusals
    assert refusal.reason == "merging would drop 60% of its words (at most 25% may go)"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "The ferry to Marstal leaves from pier number four at 9.",
            "The ferry to Marstal leaves from pier number four at 10.",
        ),
        ("The cat does not like the new salmon food.", "The cat does like the new salmon food."),
    ],
)
def test_not_even_one_number_or_denial_goes(one, other):
    made = plan(memory(1, one), memory(2, other))
    assert not made.merges
    assert len(made.refusals) == 1


def test_what_ended_is_not_merged_with_what_holds_nor_a_turn_with_a_note():
    text = "The boat key hangs behind the door."
    for other in (memory(2, text, valid_to=NOW), memory(2, text, kind="turn"), memory(2, text, kind="fact")):
        assert not plan(memory(1, text), other).merges


def test_what_is_only_somewhat_alike_is_not_looked_at():
    made = plan(memory(1, "Boat key blue door."), memory(2, "Boat key blue door Marstal."), cosine=0.84)
    assert not made.merges
    assert not made.refusals
