"""What a model answered to consolidation's questions, as soon as it is there."""

from __future__ import annotations

from typing import Any

from lotus_tasks.memory.adapters.postgres_profile import PostgresProfile
from lotus_tasks.memory.adapters.questions import Questions
from lotus_tasks.memory.tasks.parts import parts
from lotus_tasks.work import CommandSpec, Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task


@command_task("memory.take_answers")
def take_answers(work: Work) -> Outcome:
    """Take every answer that is there. The providers submit it with a completion that consolidation asked for."""
    result: dict[str, Any] = {}
    whose = parts().consolidation_model

    def write(tx: Transaction) -> None:
        result.update(Questions(tx, work.command_id, whose).take())
        result["profile"] = int(PostgresProfile(tx.conn).keep())
        if result.get("retold"):
            tx.submit(CommandSpec(name="memory.index", key=f"memory.index/{work.command_id}"))

    return Outcome(result=result, write=write)
