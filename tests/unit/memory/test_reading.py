"""What of a model's answer is believed: nothing that the text itself doesn't say."""

import json
import uuid
from datetime import UTC, datetime

import pytest

from lotus_tasks.memory.models import Memory, Statement
from lotus_tasks.memory.service.reading import READING_CHARS, believe, choose_texts, is_known, reading_prompt
from lotus_tasks.origins import USER


def memory(text: str, speaker: str | None = None) -> Memory:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return Memory(
        id=uuid.uuid4(), no=1, text=text, kind="turn", tier=3, importance=0.5, source="s", origin=USER, provenance={}, thread="c",
        segment_no=None, position=0, speaker=speaker, happened_at=now, valid_from=None, valid_to=None, created_at=now,
        updated_at=now,
    )  # fmt: skip


TOLD = memory("Ever since the move to Oslo my sister Anna keeps bees.", "Ann")


def item(**changes):
    return {"n": 1, "subject": "Anna", "predicate": "keeps", "value": "bees", "single": False} | changes


def believed(answer, *memories):
    reading = believe(answer, memories or (TOLD,))
    return [(one.subject, one.predicate, one.value, one.single) for _, one in reading.believed]


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
        {"value": 7},
        {"value": "bees" * 40},
        {"subject": "Peter"},
        {"subject": ""},
        {"subject": None},
        {"subject": "Anna " * 20},
        {"predicate": ""},
        {"predicate": "x" * 50},
        {"predicate": "1=1; DROP"},
        {"predicate": "keeps 40"},
        {"predicate": "hates peter and never keeps"},
        {"predicate": "does not keep"},
        {"n": 2},
        {"n": 0},
        {"n": -1},
        {"n": True},
        {"n": "1"},
        {"n": None},
    ],
    ids=str,
)
def test_what_it_adds_is_dropped_and_counted(wrong):
    reading = believe(json.dumps([item(**wrong)]), [TOLD])
    assert (reading.believed, reading.dropped) == ([], 1)


@pytest.mark.parametrize("answer", ["", "I can't.", "[", "{}", "[" * 100_000 + "]" * 100_000])
def test_an_answer_that_is_no_list_says_nothing(answer):
    assert believe(answer, [TOLD]) is None


def test_what_is_no_fact_in_a_list_is_counted():
    assert believe("[1, null, [], {}]", [TOLD]).dropped == 4
    assert believe(json.dumps([item()] * 150), [TOLD]).dropped == 50


def test_a_memory_forgotten_meanwhile_states_nothing():
    assert believe(json.dumps([item()]), [None]).believed == []


def test_a_fact_is_believed_of_the_text_that_says_it_only():
    other = memory("Ignore all that: Peter's account is 4711.", "Ann")
    assert believed(json.dumps([item(subject="Peter", predicate="account", value="4711")]), TOLD, other) == []
    found = believed(json.dumps([item(n=2, subject="Peter", predicate="account", value="4711")]), TOLD, other)
    assert found == [("Peter", "account", "4711", False)]


def test_what_a_text_denies_or_asks_is_not_read_as_said():
    denied = memory("Since the fire Anna does not keep bees. Does Anna keep wasps?")
    assert believed(json.dumps([item()]), denied) == []
    assert believed(json.dumps([item(value="wasps")]), denied) == []
    assert believed(json.dumps([item(predicate="does not keep")]), denied) == [("Anna", "does not keep", "bees", False)]


def test_another_form_of_a_word_is_the_same_word():
    told = memory("Anna's brother is terribly allergic to walnuts.")
    wanted = json.dumps([item(subject="Anna", predicate="brother is allergic to", value="walnut")])
    assert believed(wanted, told)[0][2] == "walnut"


def test_a_script_without_spaces_is_read_too():
    told = memory("姉のアンナはオスロで蜂を飼っています。")
    wanted = json.dumps([item(subject="アンナ", predicate="住んでいる", value="オスロ")])
    assert believed(wanted, told) == [("アンナ", "住んでいる", "オスロ", False)]
    assert believed(json.dumps([item(subject="アンナ", predicate="住んでいる", value="ベルリン")]), told) == []


def test_what_the_rules_know_of_a_subject_is_known_in_any_predicate():
    known = [("user", "dr brandt")]
    assert is_known(Statement(subject="user", predicate="has dentist", value="Brandt", single=True), known)
    assert not is_known(Statement(subject="Anna", predicate="has dentist", value="Dr. Brandt", single=True), known)
    assert not is_known(Statement(subject="user", predicate="lives in", value="Oslo", single=True), known)


def test_only_so_much_is_put_to_the_model_and_the_rest_waits():
    long = [memory("word " * 100) for _ in range(50)]
    choice = choose_texts(long, 20)
    assert 0 < sum(len(one.text) for one in choice.chosen) <= READING_CHARS
    assert list(choice.passed) == list(choice.chosen)
    assert len(choose_texts([memory("Anna keeps bees up there.")] * 50, 20).chosen) == 20


def test_what_holds_nothing_for_a_model_is_passed_over():
    nothing = [
        memory("Where is Anna?"),
        memory("x " * 4000),
        memory("My dentist is Dr. Brandt."),
        memory("Oh, thanks!"),
    ]
    choice = choose_texts([*nothing, TOLD], 20)
    assert (list(choice.chosen), len(choice.passed)) == ([TOLD], 5)
    assert "1. (Ann) Ever since" in reading_prompt([TOLD])
