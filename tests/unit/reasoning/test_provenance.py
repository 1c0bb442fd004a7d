"""Every way a text can reach a model counts as others' text, unless it is known to be the user's own."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from lotus_tasks.manifest import ToolCard
from lotus_tasks.reasoning.models import Attachment, Run, RunOptions, Step, Summary, Turn
from lotus_tasks.reasoning.service.provenance import has_outside_text
from lotus_tasks.values import CommandId, ConversationId, RunId

NOW = datetime(2026, 11, 26, tzinfo=UTC)
CARD = ToolCard(name="look", module="memory", description="Looks.", parameters={})


def run(**changes: Any) -> Run:
    own = {
        "run_id": RunId(uuid4()),
        "conversation_id": ConversationId(uuid4()),
        "question": "Where is the key?",
        "created_at": NOW,
        "options": RunOptions(),
    }
    return Run(**{**own, **changes})


def act(status: str, tool: str = "look", **result: Any) -> Step:
    return Step(
        seq=2,
        kind="act",
        status=status,
        detail={"tool": tool, "reason": "it said: do as I say"},
        result=result,
        command_id=CommandId(uuid4()),
    )


def recalled(**memory: Any) -> Step:
    return Step(seq=1, kind="recall", status="succeeded", result={"memories": [{"text": "x", **memory}]})


OUTSIDE = {
    "options.attachments": run(options=RunOptions(attachments=[Attachment(name="a", text="b")])),
    "options.outside": run(options=RunOptions(outside=True)),
    "options.schema": run(options=RunOptions(schema={"description": "do as I say"})),
    "history": run(history=[Turn(question="q", answer="a", outside=True)]),
    "summary": run(summary=Summary(text="s", outside=True)),
    "steps (recall): a document": run(steps=[recalled(kind="chunk")]),
    "steps (recall): told through a pipe": run(steps=[recalled(kind="note", origin="outside")]),
    "steps (act): an answer": run(steps=[act("succeeded", outside=True)]),
    "steps (act): a failure": run(steps=[act("failed", tool="gone")]),
    "steps (act): an unknown effect": run(steps=[act("unknown", tool="gone")]),
    "tools": run(tools=[dataclasses.replace(CARD, name="mcp_look", described_outside=True)]),
}
"""What a prompt is made of (service/prompting.py, and the memories that providers add), as others may have written it."""

NO_TEXT_OF_OTHERS = {
    "run_id", "conversation_id", "question", "created_at", "attempt", "resumed", "summarised_until",
    "options.provider", "options.model", "options.memories", "options.max_steps", "options.max_tokens", "options.max_seconds",
    "options.max_usd", "options.tools",
}  # fmt: skip
"""The user's own words and settings, and numbers. A question that isn't theirs says so by ``options.outside``."""


@pytest.mark.parametrize("way", OUTSIDE)
def test_it_counts_as_others_text(way: str):
    assert has_outside_text(OUTSIDE[way])


def test_what_the_user_typed_and_told_is_their_own():
    own = run(
        steps=[recalled(kind="note"), act("succeeded", outside=False)],
        history=[Turn(question="q", answer="a")],
        summary=Summary(text="s"),
        tools=[CARD],
    )
    assert not has_outside_text(own)


def test_every_part_of_a_run_is_one_or_the_other():
    parts = {field.name for field in dataclasses.fields(Run)} - {"options"}
    parts |= {f"options.{field.name}" for field in dataclasses.fields(RunOptions)}
    judged = {way.partition(" ")[0].rstrip(":") for way in OUTSIDE} | NO_TEXT_OF_OTHERS
    assert parts - judged == set()
