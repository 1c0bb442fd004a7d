"""The Celery app, and the sending of committed commands through it.

A message carries a command's id and nothing else. It may be lost or come twice: PostgreSQL decides (spine/outbox.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog
from celery import Celery
from kombu import Queue
from kombu.exceptions import OperationalError

from lotus_tasks import bootstrap
from lotus_tasks.spine.outbox import WakeUp
from lotus_tasks.spine.queues import BACKGROUND_PRIORITY
from lotus_tasks.worker import broker

log = structlog.get_logger("lotus.tasks")

_PROJECT = str(Path(__file__).resolve().parents[2])
if _PROJECT not in sys.path:  # `celery` started elsewhere finds celeryconfig beside the package
    sys.path.insert(0, _PROJECT)

broker.use_for_redis()
app = Celery("lotus", include=[*(f"lotus_tasks.{name}.tasks" for name in bootstrap.MODULES), "lotus_tasks.worker.system"])
app.config_from_object("celeryconfig")
app.steps["consumer"].add("lotus_tasks.worker.worker_steps:GatheredEvents")
app.steps["consumer"].add("lotus_tasks.worker.worker_steps:GuardedTasks")
REDIS_BROKER: Final = str(app.conf.broker_url).startswith("redis")
"""Elsewhere priorities count the other way round, or not at all."""


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
                priority=BACKGROUND_PRIORITY if wake_up.background and REDIS_BROKER else None,
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
    return name if name in known else Queue(name, routing_key=name, no_ack=REDIS_BROKER)
