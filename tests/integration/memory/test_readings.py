"""Facts by a model: asked by one round of consolidation, taken by a later one, and no copy of the texts stays."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.integration.memory.test_hand import everything

BEES = "Ever since the move to Oslo my sister Anna keeps bees."


@pytest.fixture
def model(workers, parts, monkeypatch):
    """An Ollama that is there, and its answer when it comes."""
    listed = {"providers": [{"name": "ollama", "kind": "ollama", "configured": True, "reachable": True}]}
    workers.rows(
        "INSERT INTO module_health (name, status, detail, facts) VALUES ('providers', 'ok', '', %s::jsonb) "
        "ON CONFLICT (name) DO UPDATE SET facts = EXCLUDED.facts, checked_at = now() RETURNING name",
        json.dumps(listed),
    )
    local = dataclasses.replace(parts, reads_facts_with="local")
    monkeypatch.setattr("lotus_tasks.memory.tasks.upkeep.parts", lambda: local)

    def answer(*items: dict) -> None:
        result = {"text": json.dumps(items), "provider": "ollama", "model": "llama3.2"}
        workers.rows(
            "UPDATE commands SET status = 'succeeded', result = %s::jsonb WHERE payload->>'purpose' = 'facts' RETURNING id",
            json.dumps(result),
        )

    yield answer
    workers.rows("DELETE FROM module_health WHERE name = 'providers' RETURNING name")


def asked(workers) -> list[dict]:
    return workers.rows("SELECT payload FROM commands WHERE payload->>'purpose' = 'facts'")


def test_what_the_rules_leave_is_read_by_a_model_with_its_evidence(workers, tell, model):
    told = tell(BEES)
    tell("My dentist is Dr. Brandt.")
    assert workers.run("memory.consolidate")["result"]["asked"] == 1
    (row,) = asked(workers)
    assert BEES in row["payload"]["question"]
    assert row["payload"]["provider"] == "ollama"
    assert "dentist" not in row["payload"]["question"]
    model(
        {"n": 1, "subject": "Anna", "predicate": "keeps", "value": "bees"}, {"n": 1, "subject": "Anna", "value": "cats"}
    )
    assert workers.run("memory.consolidate")["result"]["read"] == 1
    (fact,) = workers.rows("SELECT memory_id::text, value, origin FROM memory_facts WHERE subject = 'Anna'")
    assert fact == {"memory_id": told, "value": "bees", "origin": "llama3.2"}
    again = workers.run("memory.consolidate")["result"]
    assert (again["asked"], again["read"]) == (0, 0)


def test_what_was_put_to_a_model_leaves_no_second_copy(workers, tell, model):
    told = tell(BEES)
    workers.run("memory.consolidate")
    model({"n": 1, "subject": "Anna", "predicate": "keeps", "value": "bees"})
    workers.run("memory.consolidate")
    workers.run("memory.forget", ids=[told])
    assert "bees" not in everything(workers)


def test_a_memory_forgotten_while_a_model_reads_it_states_nothing(workers, tell, model):
    told = tell(BEES)
    workers.run("memory.consolidate")
    workers.run("memory.forget", ids=[told])
    model({"n": 1, "subject": "Anna", "predicate": "keeps", "value": "bees"})
    assert workers.run("memory.consolidate")["result"]["read"] == 0
    assert not workers.rows("SELECT 1 FROM memory_facts")


def test_an_edited_memory_is_read_again(workers, tell, model):
    told = tell(BEES)
    workers.run("memory.consolidate")
    model()
    workers.run("memory.consolidate")
    workers.run("memory.edit", id=told, text="My sister Anna keeps goats now.")
    assert workers.run("memory.consolidate")["result"]["asked"] == 1


def test_without_a_model_and_where_it_is_not_wanted_nothing_is_asked(workers, tell, parts, monkeypatch):
    tell(BEES)
    assert workers.run("memory.consolidate")["result"]["asked"] == 0
    local = dataclasses.replace(parts, reads_facts_with="any")
    monkeypatch.setattr("lotus_tasks.memory.tasks.upkeep.parts", lambda: local)
    assert workers.run("memory.consolidate")["result"]["asked"] == 0
    assert asked(workers) == []
