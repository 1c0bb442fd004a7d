"""When perception runs."""

from __future__ import annotations

from lotus_tasks import bootstrap
from lotus_tasks.commands.perception import Ingest, Ingested, ListPercepts, PerceptList
from lotus_tasks.errors import InvalidInput
from lotus_tasks.events import PerceptCaptured
from lotus_tasks.manifest import HealthReport
from lotus_tasks.perception.adapters.local_files import LocalFiles
from lotus_tasks.perception.adapters.postgres_percepts import PostgresPercepts
from lotus_tasks.perception.service.intake import Intake
from lotus_tasks.spine.outbox import follow_up_id
from lotus_tasks.values import CommandId
from lotus_tasks.work import Outcome, Work
from lotus_tasks.worker.task import command_task

STATUSES = ("indexed", "pending", "skipped", "failed")
_MOST_LISTED = 10_000


@command_task(Ingest)
def ingest(asked: Ingest, work: Work) -> Outcome[Ingested]:
    """Read a file, a folder or given content, and cut it into chunks."""
    intake = Intake(
        files=LocalFiles(closed=bootstrap.closed_places()),
        store=PostgresPercepts(bootstrap.database()),
        follow_ups=_follow_ups,
    )
    return intake.take_in(asked, work)


@command_task(ListPercepts)
def list_percepts(asked: ListPercepts, _work: Work) -> Outcome[PerceptList]:
    """What was read, the latest first."""
    if asked.status is not None and asked.status not in STATUSES:
        raise InvalidInput(f"{asked.status!r} is no status of a source; there are {', '.join(STATUSES)}")
    limit = min(max(asked.limit, 1), _MOST_LISTED)
    found = PostgresPercepts(bootstrap.database()).list(status=asked.status, limit=limit)
    return Outcome(result=PerceptList(percepts=tuple(found)))


def check_health() -> HealthReport:
    """Perception needs PostgreSQL alone: when that answers, it is well."""
    PostgresPercepts(bootstrap.database()).probe()
    return HealthReport(status="ok", detail="")


def _follow_ups(command_id: CommandId) -> list[CommandId]:
    event = PerceptCaptured.name
    return [follow_up_id(str(command_id), event, task) for task in bootstrap.subscribed(event)]
