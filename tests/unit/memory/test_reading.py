"""What of a model's answer is believed: nothing that the text itself doesn't say."""

import json
import uuid
from datetime import UTC, datetime

import pytest

from lotus_tasks.memory.models import Memory
from lotus_tasks.memory.service.reading import READING_CHARS, believe, choose_texts, reading_prompt


def memory(text: str, speaker: str | None = None) -> Memory:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return Memory(
        id=uuid.uuid4(), no=1, text=text, kind="turn", tier=3, importance=0.5, source="s", provenance={}, thread="c",
        segment_no=None, position=0, speaker=speaker, happened_at=now, valid_from=None, valid_to=None, created_at=now,
        updated_at=now,
    )  # fmt: skip


TOLD = memory("Ever since the move to Oslo my sister Anna keeps bees.", "Ann")


def item(**changes):
    return {"n": 1, "subject": "Anna", "predicate": "keeps", "value": "bees", "single": False} | changes


def believed(answer, *memories):
    return [(one.subject, one.predicate, one.value, one.single) for _, one in believe(answer, memories or (TOLD,))]


def test_what_the_text_says_is_believed_whatever_stands_around_the_list():
    answer = "Sure! ```json\n" + json.dumps([item(), item(subject="Ann", predicate="sister", value="Anna")]) + "\n```"
    assert believed(answer) == [("Anna", "keeps", "bees", False), ("Ann", "sister", "Anna", False)]


def test_user_is_the_speaker_and_the_owner_where_nobody_is_named():
    answer = json.dumps([item(subject="user", predicate="moved to", value="Oslo")])
    assert believed(answer)[0][0] == "Ann"
    assert believed(answer, memory("We moved to Oslo."))[0][0] == "user"


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": "wasps"},
        {"value": "bees keeps"},
        {"value": ""},
        {"value": "the"},
        {"subject": "Peter"},
        {"predicate": ""},
        {"predicate": "x" * 50},
        {"predicate": "1=1; DROP"},
        {"n": 2},
        {"n": 0},
        {"n": "1"},
        {"n": None},
    ],
    ids=str,
)
def test_what_it_adds_is_dropped(wrong):
    assert believed(json.dumps([item(**wrong)])) == []


@pytest.mark.parametrize("answer", ["", "I can't.", "[", "[1, null, []]", "{}", "[" * 5000 + "]" * 5000])
def test_an_answer_that_is_no_list_of_facts_is_none(answer):
    assert believed(answer) == []


def test_a_memory_forgotten_meanwhile_states_nothing():
    assert list(believe(json.dumps([item()]), [None])) == []


def test_only_so_much_is_put_to_the_model_and_no_questions():
    long = [memory("word " * 100) for _ in range(50)]
    assert 0 < sum(len(one.text) for one in choose_texts(long)) <= READING_CHARS
    assert choose_texts([memory("Where is Anna?"), memory("x" * 700)]) == []
    assert "1. (Ann) Ever since" in reading_prompt([TOLD])
