"""Conversations in PostgreSQL: their summaries, and their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lotus_tasks.commands.reasoning import Summarise
from lotus_tasks.origins import MODEL, Origin, least_trusted, read_origin
from lotus_tasks.prompts import Prompt, PromptMessage
from lotus_tasks.reasoning.adapters.postgres import turn_of
from lotus_tasks.reasoning.models import Turn
from lotus_tasks.reasoning.service.summarising import (
    SUMMARY_CHARACTERS,
    summarise_by_rule,
    summary_prompt,
    to_summarise,
)
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection
from lotus_tasks.values import CommandId, ConversationId
from lotus_tasks.work import CommandSpec, Transaction


class PostgresConversations:
    """Conversations, in the caller's transaction."""

    def __init__(self) -> None:
        self._sql = queries.load("conversations")

    def summarise(self, tx: Transaction, asked: Summarise) -> bool:
        """Put the older turns into the summary by rule, and ask a model to write it better. False where there is nothing to do.

        The model's text comes as the result of a command of the run ``asked`` names: see take_summary.
        """
        conversation_id = asked.conversation_id
        before = tx.conn.execute(self._sql.lock_summary, {"id": conversation_id}).fetchone()
        if before is None:
            return False
        rows = tx.conn.execute(
            self._sql.turns_after, {"id": conversation_id, "after": before["summary_until"]}
        ).fetchall()
        turns = to_summarise([turn_of(row) for row in rows])
        if not turns:
            return False
        until = rows[len(turns) - 1]["created_at"]
        told = {
            "id": conversation_id,
            "summary": summarise_by_rule(before["summary"], turns),
            "until": until,
            "origin": _origin_of(before, turns),
        }
        tx.conn.execute(self._sql.save_summary, told)
        prompt = summary_prompt(before["summary"], turns)
        request = {
            "question": prompt,
            **Prompt(messages=[PromptMessage(role="user", content=prompt, origin=told["origin"])]).payload,
            "provider": asked.provider,
            "model": asked.model,
            "stream": False,
            "purpose": "summary",
            "conversation_id": str(conversation_id),
            "until": until.isoformat(),
        }
        tx.submit(
            CommandSpec(name="providers.complete", key=f"{asked.run_id}/summary", payload=request, run_id=asked.run_id)
        )
        return True

    def take_summary(self, tx: Transaction, command_id: CommandId) -> None:
        """Keep what a model wrote, where ``command_id`` was a model asked for a summary and no later summary is there."""
        tx.conn.execute(self._sql.take_summary, {"command_id": command_id, "characters": SUMMARY_CHARACTERS})

    def delete(self, conn: Connection, conversation_id: ConversationId) -> bool:
        """Delete a conversation and all that was asked in it; what is being answered is cancelled. False where it is gone."""
        conn.execute(self._sql.cancel_runs, {"id": conversation_id})
        return conn.execute(self._sql.delete_conversation, {"id": conversation_id}).fetchone() is not None


def _origin_of(before: Mapping[str, Any], turns: Sequence[Turn]) -> Origin:
    """A summary's: the least trusted of the summary before it and of what was said since."""
    told = [turn.question_origin for turn in turns] + [turn.answer_origin for turn in turns]
    if before["summary"]:
        told.append(read_origin(before["summary_origin"]))
    return least_trusted(told, at_best=MODEL)
