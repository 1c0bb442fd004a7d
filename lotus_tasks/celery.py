"""The Celery app and the one Task base: claim, lease, retry, commit, send. Task bodies are plain functions.

A message carries a command's id and nothing else. It may be lost or come twice: PostgreSQL decides (spine/outbox.py).
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from celery import Celery, Task, signals
from kombu import Queue
from kombu.exceptions import OperationalError

from lotus_tasks import bootstrap
from lotus_tasks.errors import Permanent, ServiceDown
from lotus_tasks.events import ToolUsed
from lotus_tasks.local.logs import configure_logging
from lotus_tasks.manifest import HealthReport, Manifest
from lotus_tasks.spine import queries
from lotus_tasks.spine.crashpoints import crash_point
from lotus_tasks.spine.database import json_parameter
from lotus_tasks.spine.execution import Body, Execution, stopping
from lotus_tasks.spine.leases import LeaseKeeper
from lotus_tasks.spine.outbox import WakeUp
from lotus_tasks.spine.queues import BACKGROUND_PRIORITY
from lotus_tasks.tools import ToolContext
from lotus_tasks.work import Outcome, Work
from lotus_tasks.worker import broker
from lotus_tasks.worker.tool_slots import AsideSlots

log = structlog.get_logger("lotus.tasks")

_PROJECT = str(Path(__file__).resolve().parent.parent)
if _PROJECT not in sys.path:  # `celery` started elsewhere finds celeryconfig beside the package
    sys.path.insert(0, _PROJECT)

broker.use_for_redis()
app = Celery("lotus", include=[*(f"lotus_tasks.{name}.tasks" for name in bootstrap.MODULES), "lotus_tasks.worker.system"])
app.config_from_object("celeryconfig")
app.steps["consumer"].add("lotus_tasks.worker.worker_steps:GatheredEvents")
app.steps["consumer"].add("lotus_tasks.worker.worker_steps:GuardedTasks")
SWITCH_INTERVAL_S = 0.0005
"""How long a thread may keep the others from running (Python's own: 5 ms, which is half a recall)."""
_REDIS_BROKER = str(app.conf.broker_url).startswith(
    "redis"
)  # elsewhere priorities count the other way round, or not at all


def worker_name() -> str:
    """The name this process's leases go by. A supervised process has its own, held by a lock; any other adds its pid."""
    process = os.environ.get("LOTUS_PROCESS")
    return f"{process or f'celery-{os.getpid()}'}@{socket.gethostname()}:{bootstrap.runtime().home}"


@bootstrap.per_process
def keeper() -> LeaseKeeper:
    """This process's leases."""
    return LeaseKeeper(bootstrap.outbox(), on_beat=_record_worker)


@bootstrap.per_process
def execution() -> Execution:
    """How this process carries commands out."""
    return Execution(bootstrap.outbox(), keeper())


ASIDE_SLOTS = 8
"""Tools of one module at work at once."""
_SLOW_TOOLS = frozenset({"reasoning", "perception"})
"""Whose tools may wait for an MCP server (a minute) or a page (20 s): with four of those, no run went on any more."""


@bootstrap.per_process
def aside_slots() -> AsideSlots:
    """Where this process runs its modules' tools."""
    return AsideSlots(ASIDE_SLOTS)


class CommandTask(Task):  # type: ignore[misc]  # Celery ships no types
    """The one Task base: runs a body for a command; with ``aside`` in a slot of its own, so that the worker's stays free."""

    abstract = True
    if _REDIS_BROKER:
        Request = "lotus_tasks.worker.worker_steps:ReceivedRequest"  # celeryconfig's queues have no acknowledgements there
    body: Body
    aside = False

    def run(self, command_id: str) -> None:
        """Carry the command out, now or as soon as a slot is free."""
        if self.aside and _worker is not None:
            aside_slots().run(lambda: self.carry_out(command_id))
        else:
            self.carry_out(command_id)

    def carry_out(self, command_id: str) -> None:
        """Claim the command, run the body under its lease, commit what it returns, send what follows."""
        try:
            wanted = uuid.UUID(str(command_id))
        except ValueError:
            log.warning("message refused: its argument is no command id", task=self.name)
            return
        crash_point("before_claim", self.name)
        try:
            claim = bootstrap.outbox().claim(wanted, owner=worker_name())
        except ServiceDown as error:
            log.warning("not claimed; the relay sends it again", command=str(wanted), reason=str(error))
            return
        if claim is None:
            return
        if claim.name != self.name:
            send(execution().end(claim, Permanent(f"command {claim.name} came as task {self.name}")))
            return
        with structlog.contextvars.bound_contextvars(
            command=str(claim.command_id), run=str(claim.run_id or ""), task=self.name
        ):
            send(execution().carry_out(claim, self.body))
            crash_point("after_send", self.name)


def command_task(name: str, *, aside: bool = False) -> Callable[[Body], Body]:
    """Register a body as the task ``module.verb``. Returns the body itself, so that tests call it plainly."""

    def register(body: Body) -> Body:
        task = type(
            f"{body.__name__.title()}Task",
            (CommandTask,),
            {"name": name, "body": staticmethod(body), "aside": aside, "__doc__": body.__doc__},
        )
        app.register_task(task())
        return body

    return register


def send(wake_ups: Iterable[WakeUp]) -> int:
    """Send Celery messages for committed commands and return how many went out. The relay sends what a dead broker refused."""
    sent = 0
    for wake_up in wake_ups:
        try:
            app.send_task(
                wake_up.name,
                args=[str(wake_up.command_id)],
                task_id=str(wake_up.command_id),
                queue=_queue(wake_up.queue),
                priority=BACKGROUND_PRIORITY if wake_up.background and _REDIS_BROKER else None,
                ignore_result=True,
                retry=False,
            )
        except (OperationalError, OSError) as error:
            log.warning("not sent; the relay sends it again", task=wake_up.name, reason=str(error))
            return sent
        sent += 1
    return sent


def _queue(name: str) -> str | Queue:
    """The queue as ``send_task`` takes it: one that is none of LOTUS's own is a worker's, and sent to only where it has one."""
    known = app.amqp.queues
    return name if name in known else Queue(name, routing_key=name, no_ack=_REDIS_BROKER)


def _record_worker(busy: int) -> None:
    worker = _worker
    if worker is None:
        return
    sql = queries.load("outbox")
    with bootstrap.database().transaction() as conn:
        conn.execute(sql.commit_quickly)
        conn.execute(
            sql.record_worker,
            {
                "name": worker_name(),
                "pid": os.getpid(),
                "queues": worker.queues,
                "slots": worker.slots,
                "busy": max(0, busy - aside_slots().busy),
            },
        )


def record_health(manifest: Manifest, report: HealthReport, conn: Any) -> None:
    """Write a module's report."""
    conn.execute(
        queries.load("outbox").record_health,
        {
            "name": manifest.name,
            "status": report.status,
            "detail": report.detail,
            "facts": json_parameter(dict(report.facts)),
        },
    )


def _register_health_checks() -> None:
    for manifest in bootstrap.manifests():

        def check(_work: Work, manifest: Manifest = manifest) -> Outcome:
            """Run the module's health check and record what it found."""
            report = bootstrap.check_module(manifest)
            return Outcome(
                result={"status": report.status, "detail": report.detail},
                write=lambda tx: record_health(manifest, report, tx.conn),
            )

        command_task(f"{manifest.name}.check_health")(check)


def _register_tools() -> None:
    for manifest in bootstrap.manifests():
        if manifest.tools:

            def use_tool(work: Work) -> Outcome:
                """Run one of the module's tools for a run; a wrong argument or a refusal is told to the model."""
                named = bootstrap.find_tool(str(work.payload["tool"]))
                if named is None:
                    raise Permanent(f"there is no tool {work.payload['tool']}")
                answer = named.run(ToolContext(work=work, key=str(work.command_id)), work.payload["arguments"])
                return Outcome(
                    result={
                        "text": answer.text,
                        "sources": list(answer.sources),
                        "outside": named.card.brings_outside_text if answer.outside is None else answer.outside,
                    },
                    events=[ToolUsed(run_id=work.run_id, command_id=work.command_id)] if work.run_id else [],
                    commands=answer.commands,
                    write=answer.write,
                )

            command_task(f"{manifest.name}.use_tool", aside=manifest.name in _SLOW_TOOLS)(use_tool)


_register_health_checks()
_register_tools()


@dataclass(frozen=True, slots=True)
class _Worker:
    queues: list[str]
    slots: int


_worker: _Worker | None = None


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _setup_logging(**_: object) -> None:
    configure_logging(str(bootstrap.runtime().setting("LOTUS_LOG_LEVEL")))


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def _on_init(**_: object) -> None:
    """Say which modules load, hold this process's name, and free what its former self held."""
    from lotus_tasks.spine.processes import hold_name, wait_for_schema

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    hold_name(bootstrap.runtime().home)
    wait_for_schema(bootstrap.runtime().database_url)
    if os.environ.get("LOTUS_PROCESS"):
        bootstrap.outbox().expire_leases_of(worker_name())


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _on_ready(sender: Any, **_: object) -> None:
    """Be seen, and report the health of the modules this worker serves."""
    global _worker  # noqa: PLW0603 - one worker a process, by Celery's own design
    queues = [str(name) for name in sender.app.amqp.queues.consume_from]
    _worker = _Worker(queues=queues, slots=int(sender.controller.concurrency))
    keeper().start()
    threading.Thread(target=_report_ready, args=(queues,), name="first-health", daemon=True).start()


def _report_ready(queues: list[str]) -> None:
    for manifest in bootstrap.manifests():
        if manifest.queue in queues:
            report = bootstrap.check_module(manifest)
            try:
                with bootstrap.database().transaction() as conn:
                    record_health(manifest, report, conn)
            except ServiceDown as error:
                log.warning("first health report not written", module=manifest.name, reason=str(error))


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _on_shutting_down(**_: object) -> None:
    stopping.set()


@signals.worker_shutdown.connect  # type: ignore[untyped-decorator]
def _on_shutdown(**_: object) -> None:
    aside_slots().close()
    keeper().close()
    try:
        with bootstrap.database().transaction() as conn:
            conn.execute(queries.load("outbox").forget_worker, {"name": worker_name(), "pid": os.getpid()})
    except ServiceDown as error:
        log.info("not unregistered", reason=str(error))
    bootstrap.database().close()
