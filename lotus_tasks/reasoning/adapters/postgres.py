"""Runs in PostgreSQL. Imported by the CLI too, so it stays light."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from lotus_tasks.commands.reasoning import Summarise
from lotus_tasks.events import RunConcluded
from lotus_tasks.manifest import ToolCard
from lotus_tasks.origins import read_origin
from lotus_tasks.reasoning.adapters.trust import PostgresTrust
from lotus_tasks.reasoning.models import (
    Answered,
    Attachment,
    Conclusion,
    Decision,
    NewStep,
    Reply,
    Run,
    RunOptions,
    Step,
    Submitted,
    Summary,
    Trust,
    Turn,
)
from lotus_tasks.reasoning.service import decide
from lotus_tasks.reasoning.service.prompting import origin_of
from lotus_tasks.reasoning.service.summarising import HISTORY_TURNS, title_of
from lotus_tasks.reasoning.service.trusting import as_pinned
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, json_parameter, strip_nul
from lotus_tasks.spine.outbox import OutboxTransaction
from lotus_tasks.values import ConversationId, RunId, utc_now
from lotus_tasks.work import CommandSpec, Transaction

TITLE_CHARACTERS = 80


class PostgresRunStore:
    """Runs and steps, in the caller's transaction."""

    def __init__(self) -> None:
        self._sql = queries.load("reasoning")

    def lock(self, tx: Transaction, run_id: RunId, tools: Sequence[ToolCard] = ()) -> Run | None:
        """The open run with its steps and history, locked. ``tools`` are those it may use."""
        row = tx.conn.execute(self._sql.lock_run, {"id": run_id}).fetchone()
        if row is None:
            return None
        steps = tx.conn.execute(self._sql.steps_with_results, {"id": run_id}).fetchall()
        trust = PostgresTrust(tx.conn).meet(tools) if tools else Trust()
        return Run(
            run_id=RunId(row["id"]),
            conversation_id=ConversationId(row["conversation_id"]),
            question=row["question"],
            created_at=row["created_at"],
            attempt=row["attempt"],
            options=_options(row["options"]),
            steps=[_step(step) for step in steps],
            summary=_summary(row),
            history=self._history(tx, row) if row["goes_on"] else (),
            tools=[as_pinned(card, trust) for card in tools],
            trust=trust,
        )

    def _history(self, tx: Transaction, row: Mapping[str, Any]) -> Sequence[Turn]:
        wanted = {
            "conversation_id": row["conversation_id"],
            "before": row["created_at"],
            "after": row["summary_until"],
            "limit": 2 * HISTORY_TURNS,
        }
        return [turn_of(row) for row in tx.conn.execute(self._sql.history, wanted).fetchall()]

    def save(self, tx: Transaction, run: Run, decision: Decision) -> None:
        """Write the decision."""
        for update in decision.updates:
            tx.conn.execute(
                self._sql.end_step,
                {
                    "run_id": run.run_id,
                    "seq": update.seq,
                    "status": update.status,
                    "origin": update.origin,
                    "detail": json_parameter(dict(update.detail)),
                },
            )
        for step in decision.steps:
            self._insert_step(tx, run.run_id, step)
        for release in decision.releases:
            command_id = tx.submit(release.command)
            released = {"run_id": run.run_id, "seq": release.seq, "command_id": command_id}
            tx.conn.execute(self._sql.release_step, released)
        if decision.trusts or decision.pins:
            PostgresTrust(tx.conn).keep(decision.trusts, decision.pins, run_id=run.run_id)
        if decision.waits is not None:
            tx.conn.execute(self._sql.set_waiting, {"id": run.run_id, "waits": decision.waits})
        if decision.conclusion is not None:
            self._conclude(tx, run, decision.conclusion)

    def restart(self, tx: Transaction, run_id: RunId, tools: Sequence[ToolCard]) -> bool:
        """Queue a failed or cancelled run again, from the step it had reached. False where there is nothing to restart."""
        if tx.conn.execute(self._sql.restart_run, {"id": run_id}).fetchone() is None:
            return False
        run = self.lock(tx, run_id, tools)
        if run is None:
            return False
        self.save(tx, run, decide(run, Submitted()))
        return True

    def answer(self, tx: Transaction, run_id: RunId, tools: Sequence[ToolCard], reply: Reply) -> list[Decision]:
        """Say yes or no to the steps of a run that wait. Returns what followed from each."""
        decisions: list[Decision] = []
        while (run := self.lock(tx, run_id, tools)) is not None:
            step = next((step for step in run.steps if step.status == "waiting" and _is_meant(step, reply)), None)
            if step is None:
                break
            decisions.append(
                decide(run, Answered(step=step, approved=reply.approved, always=reply.always, reason=reply.reason))
            )
            self.save(tx, run, decisions[-1])
        return decisions

    def cancel(self, conn: Connection, run_id: RunId) -> bool:
        """Cancel an open run. False where it has ended."""
        if conn.execute(self._sql.cancel_run, {"id": run_id}).fetchone() is None:
            return False
        conn.execute(self._sql.cancel_commands, {"id": run_id})
        conn.execute(self._sql.cancel_steps, {"id": run_id})
        return True

    def _insert_step(self, tx: Transaction, run_id: RunId, step: NewStep) -> None:
        command_id = tx.submit(step.command) if step.command is not None else None
        tx.conn.execute(
            self._sql.insert_step,
            {
                "run_id": run_id,
                "seq": step.seq,
                "kind": step.kind,
                "command_id": command_id,
                "status": step.status,
                "origin": step.origin,
                "detail": json_parameter(dict(step.detail)),
            },
        )

    def _conclude(self, tx: Transaction, run: Run, conclusion: Conclusion) -> None:
        timings = tx.conn.execute(self._sql.timings, {"id": run.run_id}).fetchone() or {}
        result = {
            "citations": [dataclasses.asdict(citation) for citation in conclusion.citations],
            "provider": conclusion.provider,
            "model": conclusion.model,
            "stop_reason": conclusion.stop_reason,
            "usage": dict(conclusion.usage),
            "degraded": list(conclusion.degraded),
            "timings_ms": {
                name: round(float(value), 1) if value is not None else None for name, value in timings.items()
            },
        }
        row = tx.conn.execute(
            self._sql.conclude_run,
            {
                "id": run.run_id,
                "status": conclusion.status,
                "origin": conclusion.origin,
                "answer": conclusion.answer,
                "error": conclusion.error,
                "result": json_parameter(result),
            },
        ).fetchone()
        if row is not None and conclusion.status == "succeeded":
            tx.publish(RunConcluded(run_id=run.run_id, conversation_id=run.conversation_id))
            if len(run.history) >= HISTORY_TURNS:
                tx.submit(_summarising(run))


def submit_run(conn: Connection, question: str, options: RunOptions, *, conversation_id: ConversationId | None) -> Run:
    """Accept a question: the run, its first step and that step's command in the caller's one transaction; the relay is woken.

    ``conversation_id`` None begins a conversation.
    """
    sql = queries.load("reasoning")
    question = strip_nul(question)
    run = Run(
        run_id=RunId(uuid.uuid4()),
        conversation_id=conversation_id or ConversationId(uuid.uuid4()),
        question=question,
        created_at=utc_now(),
        options=options,
    )
    title = title_of(question, TITLE_CHARACTERS)
    conn.execute(sql.insert_conversation, {"id": run.conversation_id, "title": title, "origin": options.origin})
    conn.execute(
        sql.insert_run,
        {
            "id": run.run_id,
            "conversation_id": run.conversation_id,
            "question": question,
            "options": json_parameter(dataclasses.asdict(options)),
            "origin": origin_of(run),
        },
    )
    tx = outside_transaction(conn, cause=str(run.run_id))
    PostgresRunStore().save(tx, run, decide(run, Submitted()))
    conn.execute(queries.load("outbox").wake_relay)
    return run


def outside_transaction(conn: Connection, *, cause: str) -> OutboxTransaction:
    """A transaction of a process that has no Celery: its commands are the relay's to send, and it publishes nothing."""
    return OutboxTransaction(conn=conn, subscribers=lambda _event: (), cause=cause, sends_itself=False)


def _summarising(run: Run) -> CommandSpec:
    asked = Summarise(
        run_id=run.run_id,
        conversation_id=run.conversation_id,
        provider=run.options.provider,
        model=run.options.model,
    )
    return CommandSpec.of(asked, key=f"{run.run_id}/summarise")


def _is_meant(step: Step, reply: Reply) -> bool:
    return reply.steps is None or step.seq in reply.steps


def _options(document: Mapping[str, Any]) -> RunOptions:
    attachments = [
        Attachment(name=one["name"], text=one["text"], origin=read_origin(one.get("origin")))
        for one in document.get("attachments", ())
    ]
    origins = {name: read_origin(document.get(name)) for name in ("origin", "schema_origin")}
    return RunOptions(**{**document, **origins, "attachments": attachments})


def _summary(row: Mapping[str, Any]) -> Summary | None:
    return Summary(text=row["summary"], origin=read_origin(row["summary_origin"])) if row["summary"] else None


def turn_of(row: Mapping[str, Any]) -> Turn:
    """An answered run as a turn of its conversation."""
    origins = {name: read_origin(row[name]) for name in ("question_origin", "answer_origin")}
    return Turn(question=row["question"], answer=row["answer"], **origins)


def _step(row: Mapping[str, Any]) -> Step:
    return Step(
        seq=row["seq"],
        kind=row["kind"],
        status=row["status"],
        origin=read_origin(row["origin"]),
        command_id=row["command_id"],
        detail=row["detail"] or {},
        result=row["result"] or {},
        began_at=row["began_at"],
        ended_at=row["ended_at"],
    )
