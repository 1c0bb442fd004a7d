"""Answers as JSON that fits a schema."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lotus_tasks.origins import MODEL, USER
from lotus_tasks.reasoning.adapters import schema_check
from lotus_tasks.reasoning.adapters.schema_check import read_answer_apart
from lotus_tasks.reasoning.models import Decision, Run, RunOptions, Step, StepEnded
from lotus_tasks.reasoning.service import decide
from lotus_tasks.reasoning.service.structuring import Mismatch, check_schema, read_answer
from lotus_tasks.values import ConversationId, RunId

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    "text", ['{"n": 1}', ' \n{"n": 1}\n', '```json\n{"n": 1}\n```', 'Here it is:\n```\n{"n": 1}\n```\nDone.']
)
def test_json_is_read_bare_or_from_its_one_fence(text: str):
    assert read_answer(text, SCHEMA) == {"n": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("one", "it is no JSON"),
        ('{"n": 1} and more', "it is no JSON"),
        ('{"n": NaN}', "NaN is no JSON"),
        ('{"n": "one"}', "$.n: 'one' is not of type 'integer'"),
        ("{}", "'n' is a required property"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(text: str, reason: str):
    with pytest.raises(Mismatch) as refused:
        read_answer(text, SCHEMA)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("schema", [[], "x", {"type": "colour"}, {"properties": 3}])
def test_what_is_no_schema_is_refused(schema: Any):
    with pytest.raises(Mismatch):
        check_schema(schema)


@pytest.fixture
def brief_calls() -> Iterator[None]:
    """Who calls a server that doesn't answer gives up soon."""
    usual = socket.getdefaulttimeout()
    socket.setdefaulttimeout(1)
    yield
    socket.setdefaulttimeout(usual)


@pytest.mark.parametrize(
    "schema", [{"$ref": "{site}/schema.json"}, {"$id": "{site}/base.json", "properties": {"a": {"$ref": "other.json"}}}]
)
def test_a_reference_that_leads_out_of_the_schema_is_not_fetched(schema: Any, brief_calls: None):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        site = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Mismatch, match="which is not in it"):
            read_answer('{"a": 1}', json.loads(json.dumps(schema).replace("{site}", site)))
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has called
            listener.accept()


def thinking(*, rejected: int = 0) -> Run:
    """A run whose next thought is under way, after this many that did not fit."""
    steps = [
        Step(
            origin=MODEL,
            seq=1,
            kind="recall",
            status="succeeded",
            result={"memories": [{"memory_id": "m", "text": "t"}]},
        )
    ]
    for _ in range(rejected):
        steps.append(
            Step(
                origin=MODEL,
                seq=len(steps) + 1,
                kind="think",
                status="succeeded",
                detail={"rejected": "it is empty"},
                result={"text": "one"},
            )
        )
    steps.append(Step(origin=MODEL, seq=len(steps) + 1, kind="think", status="running"))
    return Run(
        run_id=RunId(uuid.UUID(int=1)),
        conversation_id=ConversationId(uuid.UUID(int=2)),
        question="how many?",
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
        options=RunOptions(origin=USER, schema=SCHEMA),
        steps=steps,
    )


def answered(run: Run, text: str) -> Decision:
    return decide(run, StepEnded(step=run.steps[-1], result={"text": text, "provider": "p"}))


def test_an_answer_that_fits_is_kept_as_json_and_cites_nothing():
    conclusion = answered(replace(thinking(), options=RunOptions(origin=USER, schema={})), "[1]").conclusion
    assert conclusion is not None
    assert (conclusion.status, conclusion.answer, conclusion.citations) == ("succeeded", "[\n  1\n]", [])


def test_the_model_is_told_what_did_not_fit_and_asked_once_more():
    decision = answered(thinking(), '{"n": "one"}')
    (again,) = decision.steps
    assert decision.conclusion is None
    assert (again.seq, again.kind, again.command.payload["tools"]) == (3, "think", [])
    assert again.command.payload["messages"][-2]["content"] == '{"n": "one"}'
    assert "'one' is not of type 'integer'" in again.command.payload["messages"][-1]["content"]


def test_the_second_answer_that_does_not_fit_fails_the_run():
    decision = answered(thinking(rejected=1), "two")
    assert decision.steps == ()
    assert decision.conclusion is not None
    assert decision.conclusion.status == "failed"
    assert "it is no JSON" in str(decision.conclusion.error)


def test_apart_an_answer_reads_as_it_does_here():
    assert read_answer_apart('```json\n{"a": "æ"}\n```', {"required": ["a"]}) == {"a": "æ"}
    with pytest.raises(Mismatch, match="'b' is a required property"):
        read_answer_apart("{}", {"required": ["b"]})


def test_a_pattern_that_takes_for_ever_is_a_mismatch_in_time(monkeypatch):
    monkeypatch.setattr(schema_check, "LONGEST_S", 2.0)
    started = time.monotonic()
    with pytest.raises(Mismatch, match="simplify its patterns"):
        read_answer_apart(json.dumps("a" * 60 + "!"), {"pattern": "^(a+)+$"})
    assert time.monotonic() - started < 6


def test_a_pattern_that_is_no_regular_expression_is_refused_with_the_schema():
    with pytest.raises(Mismatch, match="pattern"):
        check_schema({"pattern": "("})
