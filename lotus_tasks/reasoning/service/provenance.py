"""Where what a run has read came from. Once that may be others' text, tools that could do harm ask first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lotus_tasks.reasoning.models import Run, StepKind


def has_outside_text(run: Run) -> bool:
    """Whether the run has read text that others may have written.

    That is what a tool answered (also in a failure, or where its effect is unknown), an attachment, a JSON Schema, a question
    that came through a pipe or holds an event's fields, a passage of a document, what was told through a pipe, what an MCP server
    that the user doesn't trust says of its tools, and any earlier answer or summary made with such text.
    """
    own = {card.name for card in run.tools if not card.brings_outside_text}
    for step in run.steps:
        # A failure, too, may quote what it met outside; a tool that is gone was somebody's.
        ran = step.command_id is not None and step.status in {"succeeded", "failed", "unknown"}
        by_card = ran and step.detail.get("tool") not in own
        if step.kind == "act" and step.result.get("outside", by_card):
            return True
    memories = (result_of(run, "recall") or {}).get("memories", ())
    return (
        run.options.outside
        or bool(run.options.attachments)
        or any(turn.outside for turn in run.history)
        or (run.summary is not None and run.summary.outside)
        or run.options.schema is not None
        or any(card.described_outside for card in run.tools)
        or any(memory.get("kind") == "chunk" or memory.get("origin") == "outside" for memory in memories)
    )


def result_of(run: Run, kind: StepKind) -> Mapping[str, Any] | None:
    """What the latest step of this kind gave."""
    for step in reversed(run.steps):
        if step.kind == kind and step.result:
            return step.result
    return None
