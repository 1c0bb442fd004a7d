"""Whose text it is is inherited: by what is stored of it, by what a tool recalls, and by what rules and models make of it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from stack import Services

from lotus_tasks.commands.reasoning import Summarise
from lotus_tasks.memory.adapters.postgres_profile import PostgresProfile
from lotus_tasks.memory.adapters.questions import Questions
from lotus_tasks.origins import MODEL, OUTSIDE, OWN_FILE, USER, Origin
from lotus_tasks.reasoning.adapters.conversations import PostgresConversations
from lotus_tasks.reasoning.adapters.postgres import outside_transaction, submit_run
from lotus_tasks.reasoning.models import RunOptions
from lotus_tasks.values import ConversationId
from tests.integration.inprocess import Workers, workers_in_process


@pytest.fixture
def workers(services: Services) -> Iterator[Workers]:
    with workers_in_process(services) as workers:
        yield workers


def origins(workers: Workers) -> set[str]:
    return {row["origin"] for row in workers.rows("SELECT origin FROM memories")}


@pytest.mark.parametrize(
    ("told", "kept"), [({"origin": "user"}, USER), ({"origin": "outside"}, OUTSIDE), ({}, OUTSIDE)]
)
def test_a_recall_by_a_tool_says_whose_text_it_found(workers: Workers, told: dict, kept: Origin):
    workers.run("memory.remember", text="The orchard gate opens at nine.", kind="note", source="user", **told)
    row = workers.run("memory.use_tool", tool="recall", arguments={"query": "orchard gate"})
    assert "opens at nine" in row["result"]["text"]
    assert (row["result"]["origin"], origins(workers)) == (kept, {kept})


@pytest.mark.parametrize(
    ("saw", "kept"), [({"origin": "outside"}, OUTSIDE), ({"origin": "model"}, MODEL), ({}, OUTSIDE)]
)
def test_what_a_model_remembers_is_as_what_it_has_read(workers: Workers, saw: dict, kept: Origin):
    workers.run("memory.use_tool", tool="remember", arguments={"text": "The gate opens at nine."}, **saw)
    assert origins(workers) == {kept}


def test_what_was_read_is_of_its_door(workers: Workers, tmp_path):
    file = tmp_path / "gate.md"
    file.write_text("The orchard gate opens at nine.")
    workers.run("perception.ingest", path=str(file))
    assert origins(workers) == {OWN_FILE}
    workers.run("perception.ingest", source="stdin:mail", content="VGhlIG1haWwgc2F5cyBzby4=")
    kept = {row["text"]: row["origin"] for row in workers.rows("SELECT text, origin FROM memories")}
    assert kept == {"The orchard gate opens at nine.": OWN_FILE, "The mail says so.": OUTSIDE}


@pytest.mark.parametrize(
    ("asked", "saw", "answered"), [(USER, USER, MODEL), (USER, OUTSIDE, OUTSIDE), (OUTSIDE, OUTSIDE, OUTSIDE)]
)
def test_an_exchange_is_remembered_as_what_it_was_made_of(
    workers: Workers, asked: Origin, saw: Origin, answered: Origin
):
    with workers.database.transaction() as conn:
        run = submit_run(conn, "What does the letter say?", RunOptions(origin=asked), conversation_id=None)
        conn.execute(
            "UPDATE runs SET status = 'succeeded', answer = 'Bring the ladder to the quay.', origin = %s,"
            ' result = \'{"provider": "openai"}\', finished_at = now()',
            [saw],
        )
    row = workers.run("memory.remember_exchange", run_id=str(run.run_id))
    assert row["status"] == "succeeded", row["error"]
    kept = {row["kind"]: row["origin"] for row in workers.rows("SELECT kind, origin FROM memories")}
    assert kept == {"question": asked, "answer": answered}


def test_facts_and_the_profile_are_as_the_memories_that_state_them(workers: Workers):
    workers.run("memory.remember", text="I live in Oslo.", kind="note", origin="user")
    with workers.database.transaction() as conn:
        PostgresProfile(conn).keep()
    assert workers.rows("SELECT told_by, origin FROM memory_profile") == [{"told_by": "rules", "origin": "user"}]
    workers.run("memory.remember", text="I work at Pwned Ltd.", kind="note", origin="outside")
    with workers.database.transaction() as conn:
        PostgresProfile(conn).keep()
        PostgresProfile(conn).tell("The user lives in Oslo and works at Pwned Ltd.", "a model")
    facts = workers.rows("SELECT value, origin FROM memory_facts ORDER BY value")
    assert facts == [{"value": "Oslo", "origin": "user"}, {"value": "Pwned Ltd", "origin": "outside"}]
    assert workers.rows("SELECT told_by, origin FROM memory_profile") == [{"told_by": "a model", "origin": "outside"}]


def test_a_model_reads_facts_in_texts_of_one_trust_at_a_time(workers: Workers):
    """What it reads in the user's own words is not steered by a stranger's."""
    for number, origin in enumerate(("user", "outside", "user")):
        text = f"Ever since the move number {number} my sister Anna keeps {number} bees behind the old house."
        workers.run("memory.remember", text=text, kind="note", origin=origin)
    with workers.database.transaction() as conn:
        conn.execute("UPDATE memories SET examined = true")
        tx = outside_transaction(conn, cause="test")
        asked = []
        for _ in range(2):
            questions = Questions(tx, uuid4(), "any")
            questions._can_ask = lambda: True
            questions.ask()
            conn.execute("DELETE FROM memory_questions")
            rows = conn.execute("SELECT id, payload FROM commands WHERE name = 'providers.complete'").fetchall()
            asked += [row["payload"]["messages"] for row in rows]
            conn.execute("DELETE FROM commands WHERE name = 'providers.complete'")
    told = [[(m["origin"], "number 1" in m["content"], "number 2" in m["content"]) for m in one] for one in asked]
    assert told == [[("user", False, True)], [("outside", True, False)]]


@pytest.mark.parametrize("saw", [MODEL, OUTSIDE])
def test_a_conversations_title_and_summary_are_as_what_was_said(workers: Workers, saw: Origin):
    conversation = ConversationId(uuid4())
    with workers.database.transaction() as conn:
        for number in range(12):
            run = submit_run(conn, f"question {number}?", RunOptions(origin=USER), conversation_id=conversation)
            conn.execute(
                "UPDATE runs SET status = 'succeeded', answer = 'It is so.', origin = %s,"
                " created_at = created_at + %s * interval '1 ms' WHERE id = %s",
                [saw if number == 3 else MODEL, number, run.run_id],
            )
        run_id = conn.execute("SELECT id FROM runs LIMIT 1").fetchone()["id"]
        wanted = Summarise(conversation_id=conversation, run_id=run_id)
        assert PostgresConversations().summarise(outside_transaction(conn, cause="test"), wanted)
        kept = conn.execute("SELECT title_origin, summary_origin FROM conversations").fetchone()
        (asked,) = conn.execute("SELECT payload FROM commands WHERE payload ->> 'purpose' = 'summary'").fetchall()
    assert kept == {"title_origin": USER, "summary_origin": saw}
    assert [message["origin"] for message in asked["payload"]["messages"]] == [saw]
