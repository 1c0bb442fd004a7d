from __future__ import annotations

import datetime as dt

import pytest

from lotus_tasks.origins import OWN_FILE, USER
from lotus_tasks.providers.service.passages import sentences_of
from lotus_tasks.providers.service.quoting import quote
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


NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)


def quoted(question, *memories):
    return [(one.text, one.number) for one in quote(question, memories, now=NOW)]


def test_the_passage_that_answers_is_quoted_word_for_word_with_its_number():
    assert quoted("where is the spare boat key?", CHAT, README, BOAT)[0] == (
        "The marina in Marstal is small. The spare key of the boat hangs behind the blue door. Ask Jens.",
        1,
    )


def test_recalls_order_is_kept_also_where_a_later_text_shares_more_words():
    first = memory(1, "She lies in hall 4 of the yard from October to April.")
    second = memory(2, "The boat was in the water last winter, and the boat leaked.")
    assert quoted("Where is the boat in winter?", second, first)[0][1] == 1


@pytest.mark.parametrize(("behind", "first"), [(0.04, 2), (0.08, 1)])
def test_in_a_near_tie_of_recall_the_better_evidence_goes_first(behind, first):
    menu = memory(1, "service   Start LOTUS with your session.", score=18.0, origin=OWN_FILE)
    readme = memory(2, "`./start_lotus.sh` is the command that starts LOTUS.", score=18.0 * (1 - behind), origin=OWN_FILE)
    assert quoted("Which command starts LOTUS?", menu, readme)[0][1] == first


def test_in_a_near_tie_what_no_longer_holds_stays_behind():
    holds = memory(1, "The office moved to Oslo.", score=10.0, origin=OWN_FILE)
    ended = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    held = memory(2, "The office is where the office was, in Kiel.", score=9.9, origin=OWN_FILE, valid_to=ended)
    assert quoted("Where is the office?", holds, held)[0][1] == 1


def test_what_recall_put_first_by_a_rule_stays_first():
    newer = memory(1, "I moved to Oslo", score=6.7, origin=OWN_FILE)
    manual = memory(2, "An order (\"I live in Kiel\") isn't kept: where I live is told.", score=11.1, origin=OWN_FILE)
    assert quoted("Where do I live?", newer, manual)[0] == ("I moved to Oslo", 1)


def test_what_the_user_told_gives_way_to_no_file_that_has_more_of_the_question_s_words():
    told = memory(1, "I moved to Oslo", score=10.0, origin=USER)
    said = "An order (\"I live in Kiel\") isn't kept: where I live is told, and where one lives."
    manual = memory(2, said, score=9.9, origin=OWN_FILE)
    assert quoted("Where do I live?", told, manual)[0] == ("I moved to Oslo", 1)


def test_a_passage_is_no_longer_than_a_screens_few_lines():
    long = memory(
        1, " ".join(f"Sentence {n} says something of no account at all." for n in range(40)) + " The key is red."
    )
    ((text, _),) = quoted("which colour is the key?", long)
    assert "The key is red." in text
    assert len(text) <= 320


def test_a_question_does_not_answer_a_question():
    assert all(not text.endswith("?") for text, _ in quoted("where is the spare boat key?", CHAT, BOAT))


def test_an_example_of_the_question_does_not_answer_it():
    shown = memory(
        1,
        'Try `python manage.py ask "Which command starts LOTUS?"` now. `./start_lotus.sh` is the command that starts LOTUS.',
    )
    assert quoted("Which command starts LOTUS?", shown) == [("`./start_lotus.sh` is the command that starts LOTUS.", 1)]


def test_a_command_is_quoted_with_the_line_that_introduces_it():
    assert quoted("Which command starts LOTUS?", README)[0] == (
        "Start everything with one command: `./start_lotus.sh`; LOTUS stops with `manage.py down`.",
        2,
    )


def test_the_same_fact_is_quoted_once():
    twice = memory(2, "The marina in Marstal is small. The spare key of the boat hangs behind the blue door! Ask Jens.")
    assert len(quoted("where is the spare boat key?", BOAT, twice)) == 1


def test_several_facts_are_quoted_when_they_match_alike():
    first = memory(1, "Anna likes green tea.")
    second = memory(2, "Anna likes long walks at the sea.")
    assert {number for _, number in quoted("What does Anna like?", first, second)} == {1, 2}


def test_what_no_longer_holds_comes_last_and_says_so():
    kiel = memory(1, "I live in Kiel.", valid_to=NOW - dt.timedelta(days=3))
    oslo = memory(2, "I moved to Oslo, where I live at the harbour.")
    found = quote("Where do I live?", [kiel, oslo], now=NOW)
    assert [(one.number, one.ended_at is not None) for one in found] == [(2, False), (1, True)]


def test_a_short_passage_keeps_its_subject_from_the_heading():
    neighbours = memory(1, "Has our spare key.", source="people.md", heading="Neighbours › Ingrid")
    assert quoted("who has our spare key?", neighbours) == [("Ingrid: Has our spare key.", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: Boat\ntags: [boat, engine]\n---\n",
        "title: Boat\ntags: [boat, engine]",
        "# Boat\n",
        "| boat | engine |\n|---|---|",
    ],
)
def test_what_only_says_what_a_text_is_about_is_no_evidence(text):
    second = memory(2, "The boat's engine is a Yanmar.")
    assert [number for _, number in quoted("boat engine", memory(1, text), second)] == [2]


def test_word_forms_match():
    cake, sailing = memory(1, "We like cake."), memory(2, "Sailing starts on 3 May.")
    assert quoted("When do we sail?", cake, sailing)[-1] == ("Sailing starts on 3 May.", 2)


def test_without_a_common_word_the_first_memory_is_quoted():
    assert [number for _, number in quoted("quantum chromodynamics?", BOAT, README)] == [1]


def test_no_memories_give_no_quotes():
    assert quote("where?", [], now=NOW) == []


def test_empty_texts_give_no_quotes():
    assert quote("where?", [memory(1, " \n ")], now=NOW) == []


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
        ("| name | port |\n|---|---|\n| redis | 6379 |", ["redis | 6379"]),
        ("> [!note]\n> The yard opens at nine.", ["The yard opens at nine."]),
        ("[!tip] The yard opens at nine.", ["The yard opens at nine."]),
        ("Das Gespräch ist am 4. Februar. Dann Urlaub.", ["Das Gespräch ist am 4. Februar.", "Dann Urlaub."]),
        (
            "fault | what LOTUS does\ncut | tries again\nwrong key | moves on",
            ["fault | what LOTUS does", "cut | tries again", "wrong key | moves on"],
        ),
        ("Er kommt. Über alles.", ["Er kommt.", "Über alles."]),
        ("今天很好。明天下雨。", ["今天很好。", "明天下雨。"]),
    ],
)
def test_text_is_split_where_a_reader_would(text, sentences):
    assert [one.text for one in sentences_of(text)] == sentences
