"""Whose text it is is inherited: by what a tool recalls, and by the answers that memory keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stack import Services

from lotus_tasks.memory.models import Memory, origin_of
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.models import RunOptions
from lotus_tasks.spine.database import json_parameter
from tests.integration.inprocess import Workers, workers_in_process


@pytest.fixture
def workers(services: Services) -> Iterator[Workers]:
    with workers_in_process(services) as workers:
        yield workers


@pytest.mark.parametrize(("provenance", "outside"), [({"origin": "outside"}, True), ({}, False)])
def test_a_recall_by_a_tool_says_whose_text_it_found(workers: Workers, provenance: dict, outside: bool):
    workers.run(
        "memory.remember", text="The orchard gate opens at nine.", kind="note", source="user", provenance=provenance
    )
    row = workers.run("memory.use_tool", tool="recall", arguments={"query": "orchard gate"})
    assert "opens at nine" in row["result"]["text"]
    assert row["result"]["outside"] is outside


@pytest.mark.parametrize("outside", [True, False])
def test_an_answer_made_with_others_text_is_remembered_as_that(workers: Workers, outside: bool):
    with workers.database.transaction() as conn:
        run = submit_run(conn, "What does the letter say?", RunOptions(outside=outside), conversation_id=None)
        result = json_parameter({"outside": outside, "provider": "openai"})
        conn.execute(
            "UPDATE runs SET status = 'succeeded', answer = 'Bring the ladder to the quay.', result = %s, finished_at = now()",
            [result],
        )
    row = workers.run("memory.remember_exchange", run_id=str(run.run_id))
    assert row["status"] == "succeeded", row["error"]
    kept = {
        row["kind"]: row["provenance"].get("origin") for row in workers.rows("SELECT kind, provenance FROM memories")
    }
    assert kept == dict.fromkeys(["question", "answer"], "outside" if outside else None)


def test_what_is_made_of_memories_is_as_the_least_trusted_of_them():
    def memory(kind: str, **provenance: str) -> Memory:
        rest = dict.fromkeys(Memory.__dataclass_fields__)
        return Memory(**{**rest, "kind": kind, "provenance": provenance})

    assert origin_of([memory("turn"), memory("note")]) == {}
    assert origin_of([memory("turn"), memory("answer", origin="outside")]) == {"origin": "outside"}
    assert origin_of([memory("chunk")]) == {"origin": "outside"}
