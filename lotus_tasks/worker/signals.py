"""What a worker process does when it starts, is ready, and leaves."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Final

import structlog
from celery import signals

from lotus_tasks import bootstrap
from lotus_tasks.errors import ServiceDown
from lotus_tasks.local.logs import configure_logging
from lotus_tasks.spine.execution import stopping
from lotus_tasks.spine.processes import hold_name, wait_for_schema
from lotus_tasks.worker.module_tasks import record_health
from lotus_tasks.worker.task import Serving, begin_serving, forget_worker, keeper, tool_slots, worker_name

log = structlog.get_logger("lotus.tasks")

SWITCH_INTERVAL_S: Final = 0.0005
"""How long a thread may keep the others from running (Python's own: 5 ms, which is half a recall)."""


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _setup_logging(**_: object) -> None:
    configure_logging(str(bootstrap.runtime().setting("LOTUS_LOG_LEVEL")))


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def _on_init(**_: object) -> None:
    """Say which modules load, hold this process's name, and free what its former self held."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    hold_name(bootstrap.runtime().home)
    wait_for_schema(bootstrap.runtime().database_url)
    if os.environ.get("LOTUS_PROCESS"):
        bootstrap.outbox().expire_leases_of(worker_name())


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _on_ready(sender: Any, **_: object) -> None:
    """Be seen, and report the health of the modules this worker serves."""
    queues = [str(name) for name in sender.app.amqp.queues.consume_from]
    begin_serving(Serving(queues=queues, slots=int(sender.controller.concurrency)))
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
    for tools in tool_slots().values():
        tools.close()
    keeper().close()
    try:
        forget_worker()
    except ServiceDown as error:
        log.info("not unregistered", reason=str(error))
    bootstrap.database().close()
