from __future__ import annotations

import pytest

from lotus_tasks.providers.service.quoting import quote, split_sentences
from tests.unit.providers.service.doubles import memory

BOAT = memory(
    1,
    "The marina in Marstal is small. The spare key of the boat hangs behind the blue door. Ask Jens.",
    source="boat.md",
)
README = memory(
    2,
    "# Install\n\nStart everything with one command:\n\n```\n./start_lotus.sh\n```\n\nLOTUS stops with `manage.py down`.",
    source="README.md",
)
CHAT = memory(3, "Where is the spare boat key? I never find it.", source="chat")


def quoted(question, *memories):
    return [(one.text, one.number) for one in quote(question, memories)]


def test_the_sentence_that_answers_is_quoted_word_for_word_with_its_number():
    assert quoted("where is the spare boat key?", CHAT, README, BOAT)[0] == (
        "The spare key of the boat hangs behind the blue door.",
        1,
    )


def test_the_rest_of_the_memory_is_left_out():
    assert all("marina" not in text for text, _ in quoted("where is the spare boat key?", BOAT))


def test_a_question_does_not_answer_a_question():
    assert all(not text.endswith("?") for text, _ in quoted("where is the spare boat key?", CHAT, BOAT))


def test_an_example_of_the_question_does_not_answer_it():
    shown = memory(
        1,
        'Try `python manage.py ask "Which command starts LOTUS?"` now. `./start_lotus.sh` is the command that starts LOTUS.',
    )
    assert quoted("Which command starts LOTUS?", shown) == [("`./start_lotus.sh` is the command that starts LOTUS.", 1)]


def test_a_command_is_quoted_with_the_line_that_introduces_it():
    assert quoted("Which command starts LOTUS?", BOAT, README)[0] == (
        "Start everything with one command: `./start_lotus.sh`",
        2,
    )


def test_the_same_fact_is_quoted_once():
    twice = memory(2, "The spare key of the boat hangs behind the blue door!", source="other.md")
    assert len(quoted("where is the spare boat key?", BOAT, twice)) == 1


def test_several_facts_are_quoted_when_they_match_alike():
    first = memory(1, "Anna likes green tea.")
    second = memory(2, "Anna likes long walks at the sea.")
    assert {number for _, number in quoted("What does Anna like?", first, second)} == {1, 2}


def test_the_heading_and_the_source_say_what_a_sentence_is_about():
    wifi = memory(1, "# Cabin wifi\n\nThe password is heron42.", source="cabin.md")
    office = memory(2, "# Office wifi\n\nThe password is otter17.", source="office.md")
    assert quoted("what is the cabin wifi password?", office, wifi)[0] == ("The password is heron42.", 1)


def test_word_forms_match():
    assert (
        quoted("When do we sail?", memory(1, "We like cake. Sailing starts on 3 May."))[0][0]
        == "Sailing starts on 3 May."
    )


def test_without_a_common_word_the_first_memory_is_offered_as_indirect():
    found = quote("quantum chromodynamics?", [BOAT, README])
    assert [(one.number, one.direct) for one in found] == [(1, False)]


def test_no_memories_give_no_quotes():
    assert quote("where?", []) == []


def test_empty_texts_give_no_quotes():
    assert quote("where?", [memory(1, " \n ")]) == []


def test_quoting_is_deterministic():
    assert quoted("where is the key?", BOAT, README, CHAT) == quoted("where is the key?", BOAT, README, CHAT)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It costs approx. 3 EUR, e.g. at Dr. Who's. Next.", ["It costs approx. 3 EUR, e.g. at Dr. Who's.", "Next."]),
        ("Version 3.11 is fine.", ["Version 3.11 is fine."]),
        ("a line\nbroken in two", ["a line broken in two"]),
        ("- first item\n- second item", ["first item", "second item"]),
        ("# Heading\ntext", ["text"]),
        ("| name | port |\n|---|---|\n| redis | 6379 |", ["name | port", "redis | 6379"]),
        (
            "fault | what LOTUS does\ncut | tries again\nwrong key | moves on",
            ["fault | what LOTUS does", "cut | tries again", "wrong key | moves on"],
        ),
        ("Er kommt. Über alles.", ["Er kommt.", "Über alles."]),
        ("今天很好。明天下雨。", ["今天很好。", "明天下雨。"]),
    ],
)
def test_text_is_split_where_a_reader_would(text, sentences):
    assert split_sentences(text) == sentences
