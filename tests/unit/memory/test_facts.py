"""Facts by rules."""

import pytest

from lotus_tasks.memory.service.facts import folded, read_facts, refines


@pytest.mark.parametrize(
    ("text", "subject", "predicate", "value"),
    [
        ("My dentist is now Dr. Brandt.", "user", "dentist", "Dr. Brandt"),
        ("I've moved from Kiel to Oslo!", "user", "lives in", "Oslo"),
        ("Anna's phone number is 030 1234567.", "Anna", "phone number", "030 1234567"),
        (
            "The spare key hangs behind the blue door in Marstal.",
            "spare key",
            "place",
            "behind the blue door in Marstal",
        ),
        ("Mein Zahnarzt heißt Dr. Ahlers", "user", "zahnarzt", "Dr. Ahlers"),
        ("Tom works at Siemens.", "Tom", "works at", "Siemens"),
        ("I don't like cilantro", "user", "dislikes", "cilantro"),
        ("I started working at Bosch", "user", "works at", "Bosch"),
        ("I've just begun working for Ørsted.", "user", "works at", "Ørsted"),
        ("I have started a new job at the harbour office", "user", "works at", "the harbour office"),
        ("I now work at Bosch.", "user", "works at", "Bosch"),
        ("I joined Bosch as an engineer", "user", "works at", "Bosch"),
        ("Nia began to work for Dulas Ltd.", "Nia", "works at", "Dulas Ltd"),
        ("Ich arbeite jetzt bei der Bahn.", "user", "works at", "Bahn"),
        ("Ich habe bei Bosch angefangen", "user", "works at", "Bosch"),
        ("Ich habe gerade bei Bosch zu arbeiten begonnen.", "user", "works at", "Bosch"),
        ("Tom arbeitet bei Siemens", "Tom", "works at", "Siemens"),
        ("Ich bin nach Oslo gezogen.", "user", "lives in", "Oslo"),
        ("Ich bin von Kiel nach Oslo umgezogen", "user", "lives in", "Oslo"),
    ],
)
def test_a_plain_statement_is_a_fact(text, subject, predicate, value):
    (found,) = read_facts(text)
    assert (found.subject, found.predicate, found.value) == (subject, predicate, value)


@pytest.mark.parametrize(
    "text",
    ["I joined Anna for lunch", "I joined the meeting as a guest", "I started at eight", "Ich habe bei Regen gewartet"],
)
def test_what_only_sounds_like_a_new_job_is_none(text):
    assert list(read_facts(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Is my cat called Miso?",
        "My heart is so full.",
        "He likes it.",
        "It's paying off.",
        "My plan is working.",
        "",
        "Hello!",
    ],
)
def test_what_is_no_clear_statement_gives_no_fact(text):
    assert list(read_facts(text)) == []


def test_the_first_person_is_the_speaker():
    (found,) = read_facts("I live in Kiel.", "Ann")
    assert found.subject == "Ann"


def test_each_fact_of_a_text_comes_once():
    assert len(list(read_facts("I live in Kiel. I live in Kiel. My cat is Miso."))) == 2


def test_a_value_that_only_says_more_contradicts_nothing():
    assert refines(folded("in Kiel"), folded("in Kiel near the harbour"))
    assert not refines(folded("in Kiel"), folded("in Oslo"))
