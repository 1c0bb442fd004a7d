"""What is worth a memory, and how it is written down."""

import pytest

from lotus_tasks.commands.codec import read
from lotus_tasks.commands.memory import Told
from lotus_tasks.errors import InvalidInput
from lotus_tasks.memory.models import Draft
from lotus_tasks.memory.service.consolidation import loss, same_claims
from lotus_tasks.memory.service.writing import draft_of, entries, is_question, likeness, moment, only_quotes
from lotus_tasks.origins import USER


@pytest.mark.parametrize(
    "text", ["Where is the key?", "Tell me about Ann.", "What is it? And why?", "¿Dónde está la llave?", "鍵はどこ？"]
)
def test_what_only_asks_is_a_question(text):
    assert is_question(text)


@pytest.mark.parametrize("text", ["My cat is Miso. What should she eat?", "I live in Kiel.", ""])
def test_what_also_states_is_none(text):
    assert not is_question(text)


def test_an_answer_made_of_quotes_says_nothing_new():
    quoted = ["The key hangs behind the blue door.", "The door is in the hall."]
    assert only_quotes("- The key hangs behind the blue door. [1]\n- The door is in the hall. [2]", quoted)
    assert not only_quotes("The key hangs behind the blue door, which is locked.", quoted)
    assert not only_quotes("Yes.", [])


def test_case_punctuation_and_articles_make_no_other_text_but_words_do():
    assert likeness("The ferry leaves at nine!") == likeness("ferry leaves at nine")
    for other in (
        "The ferry leaves at ten",
        "The ferry left at nine",
        "The ferry doesn't leave at nine",
        "He leaves at nine",
    ):
        assert likeness("The ferry leaves at nine") != likeness(other)
    assert likeness("!!!") is None


def test_a_speaker_and_a_heading_are_found_with_the_text():
    (spoken, read) = entries(
        [
            Draft(origin=USER, text="I adopted a cat.", key="a", kind="turn", speaker="Ann"),
            Draft(origin=USER, text="Behind the door.", key="b", kind="chunk", provenance={"heading": "Boat › Keys"}),
        ]
    )
    assert "ann" in spoken.terms
    assert {"boat", "key"} <= set(read.terms)


def test_the_same_key_is_the_same_memory_and_a_chunk_is_its_words():
    assert Draft(origin=USER, text="a", key="k").id == Draft(origin=USER, text="b", key="k").id
    assert (
        Draft(origin=USER, text="a  b", key="1", kind="chunk").identity
        == Draft(origin=USER, text="a b", key="2", kind="chunk").identity
    )
    assert (
        Draft(origin=USER, text="a", key="1", kind="turn").identity
        != Draft(origin=USER, text="a", key="2", kind="turn").identity
    )


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        ({"text": "x", "importance": 2}, "importance"),
        ({"text": "x", "happened_at": "soon"}, "happened_at"),
        ({"text": " "}, "empty"),
        ({}, "text"),
        ({"text": "x", "importance": "high"}, "importance"),
        ({"text": "x", "position": "first"}, "position"),
        ({"text": "x", "provenance": ["a"]}, "provenance"),
        ({"text": "x", "kind": "dream"}, "dream"),
    ],
)
def test_what_is_wrong_is_named(payload, names):
    with pytest.raises(InvalidInput, match=names):
        draft_of(read(Told, payload), "k")


def test_the_share_of_words_that_a_rewrite_drops():
    assert loss("The boat key hangs there", "The key of the boat hangs there, blue") == 0.0
    assert loss("red boat key", "boat key") == pytest.approx(1 / 3)
    assert same_claims("It opens at 9.", "It is open at 9, the shop.")
    assert not same_claims("It opens at 9.", "It opens at 10.")
    assert not same_claims("It opens.", "It never opens.")


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "0001-01-01", "9999-12-31T23:59:59-12:00", "soon"])
def test_a_moment_that_no_calendar_here_can_show_is_refused(when):
    with pytest.raises(InvalidInput):
        moment(when, "happened_at")
