"""What a question and a memory give away besides their subject."""

import pytest

from lotus_tasks.memory.cues import (
    ASKS,
    FIRST_PERSON,
    FUNCTION_WORD_WEIGHT,
    HAS_TIME,
    IS_QUESTION,
    read_question,
    text_cues,
)
from lotus_tasks.memory.text import stem

SPEAKERS = ["Caroline", "Melanie", "user"]


def test_a_named_speaker_is_no_term():
    question = read_question("Where does Caroline's boat lie?", speakers=SPEAKERS)
    assert question.speakers == {"caroline"}
    assert set(question.terms) == {"boat", "lie"}


def test_a_short_form_names_a_speaker():
    assert read_question("What did Mel paint?", speakers=SPEAKERS).speakers == {"melanie"}


def test_a_small_word_that_begins_a_name_does_not_name_it():
    assert read_question("mel paint", speakers=SPEAKERS).speakers == frozenset()


def test_the_first_person_is_the_user():
    assert read_question("Where is my boat?", speakers=SPEAKERS).speakers == {"user"}


def test_a_name_that_is_no_speaker_is_a_term():
    assert set(read_question("Where is Caroline?", speakers=["user"]).terms) == {stem("caroline")}


def test_a_question_of_a_name_alone_asks_for_the_name():
    assert set(read_question("Who is Caroline?", speakers=SPEAKERS).terms) == {stem("caroline")}


def test_a_name_that_is_also_a_stop_word_is_named_by_its_capital():
    assert read_question("Will you sail, and may I come?", speakers=["Will", "May"]).speakers == frozenset()
    assert read_question("Did Will sail with May?", speakers=["Will", "May"]).speakers == {"will", "may"}


def test_function_words_of_other_languages_weigh_little():
    terms = read_question("Wo ist der Schlüssel?").terms
    assert terms["der"] == FUNCTION_WORD_WEIGHT
    assert terms["schlussel"] == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "When did she leave?",
        "How long was it?",
        "Wann kommt er?",
        "¿Cuándo fue?",
        "いつ行きましたか",
        "On what day was it?",
    ],
)
def test_a_question_for_a_time_is_known(text):
    assert read_question(text).wants_time


@pytest.mark.parametrize("text", ["Where is the key?", "How many boats are there?", "What happened?"])
def test_another_question_is_none_for_a_time(text):
    assert not read_question(text).wants_time


def test_a_question_keeps_its_days():
    assert len(read_question("What happened on 8 May 2023?").spans) == 1


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("The key hangs behind the door.", 0),
        ("Where is it? Behind the door.", ASKS),
        ("Where is it?", ASKS | IS_QUESTION),
        ('She asked: "where?"', ASKS | IS_QUESTION),
        ("どこですか？", ASKS | IS_QUESTION),
        ("I painted it yesterday.", FIRST_PERSON | HAS_TIME),
        ("Wir waren gestern dort.", FIRST_PERSON | HAS_TIME),
        ("Opened in 2019.", HAS_TIME),
        ("It opens in May.", HAS_TIME),
        ("It may open.", 0),
    ],
)
def test_a_memorys_flags_say_how_it_is_put(text, flags):
    assert text_cues(text) == flags
