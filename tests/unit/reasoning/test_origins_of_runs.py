"""Every way a text can reach a run's model says whose text it is, and the run is of the least trusted of them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from lotus_tasks.manifest import ToolCard
from lotus_tasks.origins import MODEL, OUTSIDE, OWN_FILE, USER, Origin, is_others_text, read_origin, tool_origin
from lotus_tasks.prompts import Prompt
from lotus_tasks.reasoning.models import Attachment, Run, RunOptions, Step, StepKind, Submitted, Summary, Turn
from lotus_tasks.reasoning.service import decide
from lotus_tasks.reasoning.service.prompting import origin_of, prompt_for
from lotus_tasks.values import CommandId, ConversationId, RunId

NOW = datetime(2026, 11, 26, tzinfo=UTC)
MARK = "do-as-I-say"
"""Stands in the text that came in."""
STRANGER = tool_origin("stranger")
CARD = ToolCard(name="look", module="memory", description="Looks.", parameters={}, described_by=USER, answers_as=MODEL)


def run(**changes: Any) -> Run:
    own = {
        "run_id": RunId(uuid4()),
        "conversation_id": ConversationId(uuid4()),
        "question": "Where is the key?",
        "created_at": NOW,
        "options": RunOptions(origin=USER),
    }
    return Run(**{**own, **changes})


def step(
    kind: StepKind, origin: Origin, *, seq: int = 2, status: str = "succeeded", result: Any = (), **detail: Any
) -> Step:
    return Step(
        seq=seq,
        kind=kind,
        status=status,
        origin=origin,
        command_id=CommandId(uuid4()),
        detail=detail,
        result=dict(result),
    )


def thought(origin: Origin = MODEL, *, text: str = "", tool: str = "look", arguments: str = "") -> Step:
    call = {"id": "c", "name": tool, "arguments": {"q": arguments}}
    return step("think", origin, seq=1, result={"text": text, "tool_calls": [call]})


def act(status: str, **said: Any) -> list[Step]:
    """A thought and the one tool that it called."""
    detail = {"tool": "look", "think": 1, "reason": MARK}
    return [thought(), step("act", STRANGER, status=status, result=said, **detail)]


def recalled(**memory: Any) -> list[Step]:
    origin = read_origin(memory.get("origin"))
    return [step("recall", origin, result={"memories": [{"text": MARK, "memory_id": "m", **memory}]})]


def rejected() -> list[Step]:
    return [step("think", OUTSIDE, seq=1, result={"text": MARK}, rejected=f"{MARK} is no number")]


WAYS: dict[str, tuple[Run, Origin]] = {
    "question: typed": (run(question=MARK), USER),
    "question: a pipe": (run(question=MARK, options=RunOptions(origin=OUTSIDE)), OUTSIDE),
    "options.attachments: its text": (
        run(options=RunOptions(origin=USER, attachments=[Attachment(name="a", text=MARK, origin=OWN_FILE)])), OWN_FILE
    ),
    "options.attachments: its name": (
        run(options=RunOptions(origin=USER, attachments=[Attachment(name=MARK, text="", origin=OUTSIDE)])), OUTSIDE
    ),
    "options.schema": (
        run(options=RunOptions(origin=USER, schema={"description": MARK}, schema_origin=OWN_FILE)), OWN_FILE
    ),
    "options.schema: of which nobody said whose it is": (
        run(options=RunOptions(origin=USER, schema={"description": MARK})), OUTSIDE
    ),
    "history: a question": (
        run(history=[Turn(question=MARK, answer="a", question_origin=OUTSIDE, answer_origin=MODEL)]), OUTSIDE
    ),
    "history: an answer": (
        run(history=[Turn(question="q", answer=MARK, question_origin=USER, answer_origin=OUTSIDE)]), OUTSIDE
    ),
    "summary": (run(summary=Summary(text=MARK, origin=OWN_FILE)), OWN_FILE),
    "steps (recall): the user's": (run(steps=recalled(origin="user")), USER),
    "steps (recall): a document": (run(steps=recalled(origin="own_file")), OWN_FILE),
    "steps (recall): one that says nothing": (run(steps=recalled()), OUTSIDE),
    "steps (think): what it said": (run(steps=[thought(OUTSIDE, text=MARK), *act("succeeded")[1:]]), OUTSIDE),
    "steps (think): the arguments it gave": (run(steps=[thought(OUTSIDE, arguments=MARK), *act("succeeded")[1:]]), OUTSIDE),
    "steps (think): an answer that did not fit": (run(steps=rejected()), OUTSIDE),
    "steps (act): an answer": (run(steps=act("succeeded", text=MARK)), STRANGER),
    "steps (act): a failure": (run(steps=act("failed")), STRANGER),
    "steps (act): an unknown effect": (run(steps=act("unknown")), STRANGER),
    "steps (act): a refusal": (run(steps=act("denied")), STRANGER),
    "tools: a name": (run(tools=[dataclasses.replace(CARD, name=MARK, described_by=STRANGER)]), STRANGER),
    "tools: a description": (run(tools=[dataclasses.replace(CARD, description=MARK, described_by=STRANGER)]), STRANGER),
    "tools: a schema": (
        run(tools=[dataclasses.replace(CARD, parameters={"title": MARK}, described_by=STRANGER)]), STRANGER
    ),
}  # fmt: skip

NO_TEXT = {
    "run_id", "conversation_id", "created_at", "attempt", "options.provider", "options.model", "options.memories",
    "options.max_steps", "options.max_tokens", "options.max_seconds", "options.max_usd", "options.tools", "options.origin",
    "options.schema_origin", "trust",
}  # fmt: skip
"""Ids, numbers, names of the user's own models; and the origins themselves."""


def holding(prompt: Prompt) -> list[Origin]:
    """The origins of the parts in which the text stands."""
    parts = [(str(one.payload), one.origin) for one in (*prompt.messages, *prompt.tools)]
    parts += [(str(memory), read_origin(memory.get("origin"))) for memory in prompt.memories]
    return [origin for text, origin in parts if MARK in text]


@pytest.mark.parametrize("way", WAYS)
def test_what_came_in_reaches_the_model_with_its_origin(way: str):
    this, origin = WAYS[way]
    found = holding(prompt_for(this))
    assert found
    assert set(found) == {origin}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_is_as_the_least_trusted_thing_its_model_saw(way: str):
    this, origin = WAYS[way]
    assert is_others_text(origin_of(this)) is is_others_text(origin)
    if is_others_text(origin):
        assert origin_of(this) == origin


def test_what_the_model_has_seen_counts_when_it_is_no_longer_shown():
    """A server's tools that have gone, a turn that no longer fits, a memory of an earlier recall: the thought remembers."""
    assert origin_of(run(steps=[thought(OUTSIDE), *act("succeeded")[1:]], tools=[])) == OUTSIDE
    again = [*recalled(origin="outside"), step("recall", USER, seq=3, result={"memories": []})]
    assert origin_of(run(steps=again)) == OUTSIDE


def test_every_part_of_a_run_is_walked():
    parts = {field.name for field in dataclasses.fields(Run)} - {"options"}
    parts |= {f"options.{field.name}" for field in dataclasses.fields(RunOptions)}
    assert parts - {way.partition(" ")[0].rstrip(":") for way in WAYS} - NO_TEXT == set()


def test_a_step_is_of_the_origin_of_what_its_model_is_shown():
    (recall,) = decide(run(), Submitted()).steps
    assert recall.origin == OUTSIDE  # until it is known what was found
    (think,) = decide(run(steps=recalled(origin="own_file")), Submitted()).steps
    assert think.origin == OWN_FILE
    (think,) = decide(run(steps=recalled(origin="user")), Submitted()).steps
    assert think.origin == MODEL
