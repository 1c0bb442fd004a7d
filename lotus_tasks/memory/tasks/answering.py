"""What a model answered to consolidation's questions, as soon as it is there."""

from __future__ import annotations

from lotus_tasks.commands.upkeep import TakeAnswers, TakenAnswers
from lotus_tasks.memory.adapters.postgres_profile import PostgresProfile
from lotus_tasks.memory.adapters.questions import Questions
from lotus_tasks.memory.tasks.parts import index_after, parts
from lotus_tasks.work import Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task


@command_task(TakeAnswers)
def take_answers(_asked: TakeAnswers, work: Work) -> Outcome[TakenAnswers]:
    """Take every answer that is there. The providers submit it with a completion that consolidation asked for."""
    whose = parts().consolidation_model

    def write(tx: Transaction) -> TakenAnswers:
        taken = Questions(tx, work.command_id, whose).take()
        if taken["retold"]:
            tx.submit(index_after(work.command_id))
        return TakenAnswers(**taken, profile=int(PostgresProfile(tx.conn).keep()))

    return Outcome(write=write)
