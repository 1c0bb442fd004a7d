"""When reasoning runs: each time something happened to a run."""

from __future__ import annotations

import uuid

from lotus_tasks import bootstrap
from lotus_tasks.celery import command_task
from lotus_tasks.errors import ServiceDown
from lotus_tasks.infra import queries
from lotus_tasks.infra.streams import TokenWriter
from lotus_tasks.manifest import HealthReport
from lotus_tasks.reasoning.adapters.postgres import PostgresRunStore
from lotus_tasks.reasoning.models import StepEnded, StepFailed
from lotus_tasks.reasoning.service import decide
from lotus_tasks.values import CommandId, RunId
from lotus_tasks.work import Outcome, Transaction, Work


@command_task("reasoning.advance")
def advance(work: Work) -> Outcome:
    """Carry a run on after one of its commands ended. The run is locked for one short transaction; no network is used."""
    run_id = RunId(uuid.UUID(work.payload["run_id"]))
    command_id = CommandId(uuid.UUID(work.payload["command_id"]))
    ended: list[str] = []

    def write(tx: Transaction) -> None:
        store = PostgresRunStore()
        run = store.lock(tx, run_id)
        step = next((step for step in run.steps if step.command_id == command_id), None) if run else None
        if run is None or step is None:
            return
        if work.payload["event"] == "command.failed":
            failed = StepFailed(step=step, reason=work.payload["reason"], unknown=work.payload["unknown"])
            decision = decide(run, failed)
        else:
            decision = decide(run, StepEnded(step=step, result=step.result))
        store.save(tx, run, decision)
        ended.append(step.kind)
        if decision.conclusion is not None:
            ended.append("end")

    return Outcome(write=write, after=lambda: _announce(run_id, work, ended))


def _announce(run_id: RunId, work: Work, ended: list[str]) -> None:
    writer = TokenWriter(bootstrap.redis_client(), run_id, command_id=work.command_id, fence=work.fence)
    for kind in ended:
        if kind == "end":
            writer.end()
        else:
            writer.step(kind)


def check_health() -> HealthReport:
    """Whether runs can be read, and how many are open."""
    try:
        with bootstrap.database().transaction() as conn:
            row = conn.execute(queries.load("reasoning").count_open).fetchone() or {}
    except ServiceDown as error:
        return HealthReport(status="down", detail=str(error))
    return HealthReport(
        status="ok", detail=f"{row['open']} runs open, {row['waiting']} waiting for a yes", facts=dict(row)
    )
