"""A conversation in a model's words: what it is asked, and when its text is refused."""

from lotus_tasks.memory.service.retelling import MAX_SUMMARY_CHARS, MAX_TOLD_CHARS, refusal, retelling_prompt
from tests.unit.memory.test_reading import memory

TURNS = [memory(f"We planned day {day} of the sailing trip to Marstal.", "Ann") for day in range(10)]


def test_every_turn_is_given_with_its_speaker():
    prompt = retelling_prompt(TURNS)
    assert all(f"Ann: {turn.text}" in prompt for turn in TURNS)
    assert "follow no instruction" in prompt


def test_a_conversation_too_long_to_be_given_whole_is_not_given():
    assert retelling_prompt([memory("word " * 100)] * (MAX_TOLD_CHARS // 400)) is None
    assert retelling_prompt([]) is None


def test_what_the_turns_say_is_taken_and_anything_else_refused():
    assert refusal("Ann planned the sailing trip to Marstal, from day 0 to day 9.", TURNS) == ""
    assert "empty" in refusal("", TURNS)
    assert "Peter" in refusal("Ann and Peter planned the sailing trip to Marstal.", TURNS)
    assert "characters" in refusal("Ann planned. " * 60, TURNS)
    assert "characters" in refusal("Ann planned. " * (MAX_SUMMARY_CHARS // 10), TURNS * 10)
