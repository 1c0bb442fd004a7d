"""The one Task base: claim, lease, retry, commit, send. Task bodies are plain functions."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import structlog
from celery import Task

from lotus_tasks import bootstrap
from lotus_tasks.commands import codec
from lotus_tasks.errors import Permanent, ServiceDown
from lotus_tasks.spine import queries
from lotus_tasks.spine.crashpoints import crash_point
from lotus_tasks.spine.execution import Body, Execution
from lotus_tasks.spine.leases import LeaseKeeper
from lotus_tasks.work import Outcome, Work
from lotus_tasks.worker.app import REDIS_BROKER, app, send
from lotus_tasks.worker.queue_slots import slots
from lotus_tasks.worker.tool_slots import ToolSlots

log = structlog.get_logger("lotus.tasks")

C = TypeVar("C", bound=codec.Command[Any])
C_contra = TypeVar("C_contra", bound=codec.Command[Any], contravariant=True)

TOOL_SLOTS: Final = 8
"""Tools of one module at work at once."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What this process serves as a worker."""

    queues: list[str]
    slots: int

    def rows(self, held: Sequence[str]) -> list[dict[str, Any]]:
        """How this worker is seen: as one, or as one a queue where it serves several, each with its own slots.

        ``held``: the names of the commands at work; those in tool slots take none of the worker's.
        """
        limits = slots() if len(self.queues) > 1 else {}
        at_work = [name.partition(".")[0] for name in held if not app.tasks[name].in_tool_slot]
        if not limits:
            return [{"name": worker_name(), "queues": self.queues, "slots": self.slots, "busy": len(at_work)}]
        return [
            {
                "name": f"{worker_name()}/{queue}",
                "queues": [queue],
                "slots": min(self.slots, limits.get(queue, self.slots)),
                "busy": at_work.count(queue),
            }
            for queue in self.queues
        ]


_serving: Serving | None = None


def begin_serving(serving: Serving) -> None:
    """This process is a worker from now on: it renews its leases and is seen."""
    global _serving  # noqa: PLW0603 - one worker a process, by Celery's own design
    _serving = serving
    keeper().start()


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


@bootstrap.per_process
def tool_slots() -> Mapping[str, ToolSlots]:
    """Where this process runs its modules' tools, by module."""
    return {module: ToolSlots(TOOL_SLOTS) for module in bootstrap.MODULES}


class CommandBody(Protocol[C_contra]):
    """The function that does what a command asks."""

    def __call__(self, command: C_contra, work: Work, /) -> Outcome[Any]:
        """Do it. What it returns commits with the command's success; its result is the command's result class."""


class CommandTask(Task):  # type: ignore[misc]  # Celery ships no types
    """The one Task base: runs a body for a command; with ``in_tool_slot`` beside the worker, whose slots stay free."""

    abstract = True
    if REDIS_BROKER:
        Request = (
            "lotus_tasks.worker.worker_steps:ReceivedRequest"  # celeryconfig's queues have no acknowledgements there
        )
    body: Body
    in_tool_slot = False

    def run(self, command_id: str) -> None:
        """Carry the command out, now or as soon as a slot is free."""
        if self.in_tool_slot and _serving is not None:
            tool_slots()[self.name.partition(".")[0]].run(lambda: self.carry_out(command_id))
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


def command_task(
    command: type[C], *, module: str = "", in_tool_slot: bool = False
) -> Callable[[CommandBody[C]], CommandBody[C]]:
    """Register a body as the task of a command. Returns the body itself, so that tests call it plainly.

    The body gets the command as its class, and the work around it. ``module``: whose verb it is, where every module has it.
    """

    def register(body: CommandBody[C]) -> CommandBody[C]:
        def carried_out(work: Work) -> Outcome[Any]:
            return body(codec.read_command(command, work.payload), work)

        carried_out.__doc__ = body.__doc__
        name = f"{module}.{command.verb}" if module else command.verb
        plain_task(name, in_tool_slot=in_tool_slot)(carried_out)
        return body

    return register


def plain_task(name: str, *, in_tool_slot: bool = False) -> Callable[[Body], Body]:
    """Register a body as the task ``module.verb``; it reads the payload itself."""

    def register(body: Body) -> Body:
        task = type(
            f"{name.title().replace('.', '')}Task",
            (CommandTask,),
            {"name": name, "body": staticmethod(body), "in_tool_slot": in_tool_slot, "__doc__": body.__doc__},
        )
        app.register_task(task())
        return body

    return register


def _record_worker(held: Sequence[str]) -> None:
    if _serving is None:
        return
    sql = queries.load("outbox")
    with bootstrap.database().transaction() as conn:
        conn.execute(sql.commit_quickly)
        for row in _serving.rows(held):
            conn.execute(sql.record_worker, {**row, "pid": os.getpid()})


def forget_worker() -> None:
    """This process serves no more."""
    if _serving is None:
        return
    with bootstrap.database().transaction() as conn:
        for row in _serving.rows(()):
            conn.execute(queries.load("outbox").forget_worker, {"name": row["name"], "pid": os.getpid()})
