"""The profile: tidy by rules, and a model's text only where it loses little and adds nothing."""

import uuid

import pytest

from lotus_tasks.memory.service.profile import PREFERENCE, Known, basis_of, profile_by_rules, profile_prompt, refusal
from lotus_tasks.origins import USER


def known(predicate: str, value: str) -> Known:
    return Known(origin=USER, memory_id=uuid.uuid5(uuid.NAMESPACE_URL, value), predicate=predicate, value=value)


KNOWN = [
    known("likes", "rye bread"),
    known("lives in", "Oslo"),
    known("name", "Ann"),
    known("likes", "sailing"),
    known("likes", "Rye bread"),
    known(PREFERENCE, "Short answers, please."),
]


def test_by_rules_it_is_a_line_a_predicate_the_name_first_and_preferences_last():
    assert profile_by_rules(KNOWN) == (
        "name: Ann\nlikes: rye bread; sailing\nlives in: Oslo\npreference: Short answers, please."
    )


def test_its_basis_is_what_is_known_and_nothing_else():
    assert basis_of(KNOWN) == basis_of(KNOWN[::-1])
    assert basis_of(KNOWN) != basis_of(KNOWN[1:])


def test_too_little_and_too_much_is_given_to_no_model():
    assert profile_prompt(KNOWN[:2]) is None
    assert profile_prompt([known("likes", f"dish number {n}") for n in range(400)]) is None
    assert "lives in: Oslo" in profile_prompt(KNOWN)


def test_a_text_that_keeps_the_values_is_taken():
    assert refusal("The user, Ann, lives in Oslo, likes rye bread and sailing, and wants short answers.", KNOWN) == ""


def test_a_quarter_of_the_values_may_go_and_no_more():
    facts = [known("likes", value) for value in ("tea", "rye", "jazz", "snow")]
    assert refusal("The user likes tea, rye and jazz.", facts) == ""
    assert "would drop 2 of 4" in refusal("The user likes tea and rye.", facts)


@pytest.mark.parametrize(
    ("added", "what"),
    [("and Peter", "Peter"), ("since 1999", "1999"), ("but never rests", "denies"), ("x" * 1600, "characters")],
)
def test_what_it_adds_is_refused(added, what):
    text = f"The user, Ann, lives in Oslo, likes rye bread and sailing, wants short answers {added}."
    assert what in refusal(text, KNOWN)


def test_an_empty_text_is_refused():
    assert "empty" in refusal("", KNOWN)
