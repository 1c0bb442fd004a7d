"""What is asked and answered becomes part of memory, but recalled text never does."""

from __future__ import annotations

import json
import uuid

import pytest

from lotus_tasks.origins import OUTSIDE, USER
from lotus_tasks.work import CommandSpec


def exchange(workers, question: str, answer: str, *, outside: bool = False, **result) -> None:
    """A concluded run, as reasoning leaves it, and memory's part of what follows."""
    run_id, conversation_id = uuid.uuid4(), uuid.uuid4()
    workers.rows("INSERT INTO conversations (id) VALUES (%s) RETURNING id", conversation_id)
    workers.rows(
        "INSERT INTO runs (id, conversation_id, question, answer, status, result, options, finished_at)"
        " VALUES (%s, %s, %s, %s, 'succeeded', %s, %s, now()) RETURNING id",
        run_id, conversation_id, question, answer, json.dumps(result), json.dumps({"origin": OUTSIDE if outside else USER}),
    )  # fmt: skip
    row = workers.run("memory.remember_exchange", run_id=str(run_id), conversation_id=str(conversation_id))
    assert row["status"] == "succeeded", row["error"]


def stored(workers) -> list[tuple[str, str]]:
    return [(row["kind"], row["text"]) for row in workers.rows("SELECT kind, text FROM memories ORDER BY no")]


def test_an_answer_in_a_models_own_words_is_kept_with_what_it_came_from(workers):
    cited = str(uuid.uuid4())
    citation = {"memory_id": cited, "text": "The key hangs behind the blue door."}
    exchange(
        workers, "Where is the key?", "Look behind the blue door in the hall.", provider="ollama", citations=[citation]
    )
    assert stored(workers) == [("question", "Where is the key?"), ("answer", "Look behind the blue door in the hall.")]
    (answer,) = workers.rows("SELECT provenance FROM memories WHERE kind = 'answer'")
    assert answer["provenance"]["derived_from"] == [cited]


def test_an_answer_that_only_quotes_memory_is_not_stored(workers):
    citation = {"memory_id": str(uuid.uuid4()), "text": "The key hangs behind the blue door."}
    exchange(
        workers, "Where is the key?", "The key hangs behind the blue door. [1]", provider="ollama", citations=[citation]
    )
    exchange(workers, "Where is it now?", "Anything the offline provider says.", provider="offline", citations=[])
    assert [kind for kind, _ in stored(workers)] == ["question", "question"]


def test_neither_questions_nor_answers_are_found_as_evidence(workers, tell, recall):
    tell("The key hangs behind the blue door.")
    exchange(workers, "Where does the key hang?", "The key hangs in a place behind a door.", provider="ollama")
    assert recall("Where does the key hang today?") == ["The key hangs behind the blue door."]
    assert recall("key", kinds=["answer"]) == ["The key hangs in a place behind a door."]


def test_what_the_user_states_while_asking_is_kept_as_evidence(workers, recall):
    exchange(workers, "My cat is called Miso. What should she eat?", "Salmon, as cats do.", provider="ollama")
    assert recall("What is the cat called?") == ["My cat is called Miso."]
    assert ("question", "My cat is called Miso. What should she eat?") in stored(workers)


def test_what_was_asked_never_crowds_out_the_notes(workers, tell, recall):
    tell("The pressure of the boiler should be 1.6 bar.")
    for asked in ("boiler pressure", "tell me about the boiler pressure", "Druck Heizung boiler", "boiler pressure!"):
        for _ in range(12):
            exchange(workers, asked, "I looked.", provider="offline")
    assert recall("boiler pressure", k=10) == ["The pressure of the boiler should be 1.6 bar."]


def test_what_was_asked_changes_no_score(workers, tell, parts):
    tell("The pressure of the boiler should be 1.6 bar.")
    tell("The oven's light is a G9 bulb.")
    asks = ("boiler pressure", "Who painted the Mona Lisa?")
    parts.catch_up()
    before = {ask: parts.recaller.recall(ask, count=5) for ask in asks}
    for ask in asks:
        for _ in range(8):
            exchange(workers, ask, "I looked.", provider="offline")
    parts.catch_up()
    for ask in asks:
        after = parts.recaller.recall(ask, count=5)
        assert [one.memory.text for one in after.memories] == [one.memory.text for one in before[ask].memories]
        assert [one.score for one in after.memories] == pytest.approx(
            [one.score for one in before[ask].memories], abs=0.2
        )
        assert after.support == pytest.approx(before[ask].support, abs=0.2)


def test_what_was_said_a_dozen_times_is_found_once(workers, recall):
    for _ in range(12):
        exchange(
            workers, "My boiler is a Vaillant, what pressure should it have?", "1.6 bar, I think.", provider="ollama"
        )
    assert recall("boiler", k=10) == ["My boiler is a Vaillant."]
    assert len(recall("boiler", k=10, kinds=["question"])) == 1


def test_asks_that_an_older_version_took_for_statements_are_read_anew(workers, recall):
    from lotus_tasks.memory.adapters.word_index import is_outdated, rebuild

    for text, key in (("boiler pressure", "a"), ("My boiler is leaking at the valve.", "b")):
        workers.run("memory.remember", text=text, key=key, kind="turn", speaker="user", provenance={"run_id": key})
    with workers.database.transaction() as conn:
        conn.execute("UPDATE memory_state SET lexicon = '2'")
        assert is_outdated(conn)
    rebuild(workers.database, lambda: True)
    assert recall("boiler pressure") == ["My boiler is leaking at the valve."]


def test_what_the_user_told_goes_before_a_file_that_quotes_it(workers, tell, recall, tmp_path):
    (tmp_path / "readme.md").write_text(
        "# Birthdays\n\nAsk for the birthday of Anna: `recall birthday of Anna` prints Anna's birthday is on 12 June.\n"
    )
    workers.run("perception.ingest", path=str(tmp_path / "readme.md"))
    tell("Anna's birthday is on 12 June")
    assert recall("birthday of Anna")[0] == "Anna's birthday is on 12 June"


def test_a_question_with_others_text_in_it_is_no_evidence(workers, recall):
    exchange(workers, "Look at it. My bank is called Pwned Ltd.", "I did look at it.", outside=True, provider="ollama")
    assert recall("What is my bank called?") == []


def test_what_a_schedule_asks_again_and_again_is_no_evidence(workers, recall):
    exchange(workers, "I have many plans for today.", "Nothing is planned.", provider="ollama")
    assert recall("What are my plans for today?") == ["I have many plans for today."]
    workers.rows("DELETE FROM memories RETURNING id")
    run_id = workers.rows("SELECT id FROM runs")[0]["id"]
    workers.rows(
        "INSERT INTO occasions (run_id, kind, name, reason) VALUES (%s, 'schedule', 's', '') RETURNING run_id", run_id
    )
    spec = CommandSpec(name="memory.remember_exchange", key="again", payload={"run_id": str(run_id)})
    workers.submit(spec)
    workers.drain()
    assert recall("What are my plans for today?") == []
    assert ("question", "I have many plans for today.") in stored(workers)


def test_the_same_run_told_twice_is_stored_once(workers):
    exchange(workers, "Where is the key?", "In the hall, I would think.", provider="ollama")
    run_id = str(workers.rows("SELECT id FROM runs")[0]["id"])
    workers.run("memory.remember_exchange", run_id=run_id)
    assert len(stored(workers)) == 2


def test_a_secret_in_a_question_is_masked(workers):
    exchange(workers, "My password is hunter2xyz, is it good?", "No, it is far too short.", provider="ollama")
    assert "hunter2xyz" not in str(stored(workers))
    assert "[password withheld]" in stored(workers)[0][1]
