"""The time that facts hold, whatever is told late, told again, edited or forgotten."""

from __future__ import annotations

import uuid

import pytest


def windows(workers) -> list[tuple[str, str, str | None]]:
    rows = workers.rows(
        "SELECT value, extract(year FROM valid_from)::int AS first, extract(year FROM valid_to)::int AS last "
        "FROM memory_facts ORDER BY valid_from, created_at"
    )
    return [(row["value"], row["first"], row["last"]) for row in rows]


def tier_of(workers, memory_id: str) -> int:
    return workers.rows("SELECT tier FROM memories WHERE id = %s", uuid.UUID(memory_id))[0]["tier"]


@pytest.fixture
def live(tell):
    def live(place: str, year: int, kind: str = "fact") -> str:
        return tell(f"I live in {place}.", kind=kind, happened_at=f"{year}-06-01")

    return live


def test_forgetting_a_fact_in_the_middle_lets_the_older_hold_until_the_newer(workers, live):
    live("Kiel", 2020)
    middle = live("Oslo", 2022)
    live("Paris", 2024)
    workers.run("memory.forget", ids=[middle])
    assert windows(workers) == [("Kiel", 2020, 2024), ("Paris", 2024, None)]


def test_a_fact_told_late_is_closed_by_what_came_after_it_and_opens_again_when_that_is_forgotten(workers, live, recall):
    newer = live("Oslo", 2024)
    late = live("Kiel", 2020)
    assert windows(workers) == [("Kiel", 2020, 2024), ("Oslo", 2024, None)]
    assert recall("Where do I live?")[:2] == ["I live in Oslo.", "I live in Kiel."]
    explained = workers.run("memory.explain", id=late)["result"]
    assert explained["changes"][-1]["action"] == "closed"
    workers.run("memory.forget", ids=[newer])
    assert windows(workers) == [("Kiel", 2020, None)]


def test_what_held_once_and_is_told_again_holds_again(workers, live, recall):
    first = live("Kiel", 2020)
    live("Oslo", 2022)
    again = live("Kiel", 2024)
    assert again != first
    assert windows(workers) == [("Kiel", 2020, 2022), ("Oslo", 2022, 2024), ("Kiel", 2024, None)]
    assert live("Kiel", 2025) == again
    assert recall("Where do I live?", k=1) == ["I live in Kiel."]


def test_what_is_told_again_survives_export_and_import(workers, live):
    live("Kiel", 2020)
    live("Oslo", 2022)
    live("Kiel", 2024)
    page = workers.run("memory.export", after_no=0)["result"]["memories"]
    before = windows(workers)
    workers.run("memory.forget", ids=[one["memory_id"] for one in page])
    assert workers.run("memory.import", memories=page)["result"] == {"new": 3, "known": 0}
    assert windows(workers) == before


def test_a_note_leaves_l4_when_its_last_fact_ends_and_comes_back_when_that_holds_again(workers, tell):
    told = tell("My dentist is Dr. Brandt. The boat key hangs behind the door.", happened_at="2020-01-01")
    tell("My dentist is Dr. Ahlers.", happened_at="2021-01-01")
    assert tier_of(workers, told) == 4
    last = tell("The boat key lies under the stairs.", happened_at="2022-01-01")
    assert tier_of(workers, told) == 3
    workers.run("memory.forget", ids=[last])
    assert tier_of(workers, told) == 4


def test_opposites_told_in_the_wrong_order_dont_both_hold(workers, tell):
    tell("I hate olives.", kind="preference", happened_at="2024-01-01")
    tell("I like olives.", kind="preference", happened_at="2020-01-01")
    rows = workers.rows("SELECT predicate FROM memory_facts WHERE valid_to IS NULL")
    assert [row["predicate"] for row in rows] == ["dislikes"]


def test_a_closed_memory_that_is_edited_says_what_holds(workers, live):
    old = live("Kiel", 2020)
    live("Oslo", 2022)
    workers.run("memory.edit", id=old, text="The quince trees stand at the south wall.")
    (row,) = workers.rows("SELECT valid_to FROM memories WHERE id = %s", uuid.UUID(old))
    assert row["valid_to"] is None


def test_a_turn_whose_fact_ends_stays_in_its_tier(workers, tell):
    said = tell("I live in Kiel.", kind="turn", conversation_id="c", happened_at="2020-01-01")
    workers.run("memory.consolidate")
    tell("I live in Oslo.", kind="fact", happened_at="2022-01-01")
    assert tier_of(workers, said) == 1


def test_a_fact_that_another_memory_states_too_outlives_the_first(workers, tell):
    first = tell("My dentist is Dr. Brandt.")
    tell("As I said, I had a toothache. My dentist is Dr. Brandt.", kind="turn", conversation_id="c", speaker="user")
    workers.run("memory.consolidate")
    workers.run("memory.forget", ids=[first])
    workers.run("memory.consolidate")
    assert [row["value"] for row in workers.rows("SELECT value FROM memory_facts")] == ["Dr. Brandt"]
