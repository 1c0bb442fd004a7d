"""The relay: sends commands that came without a sender (the CLI's) the moment they are committed, and what a crash left.

It holds no state. A second one is kept out by its process lock, and would do no harm.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

import psycopg
import structlog

from lotus_tasks import bootstrap
from lotus_tasks.errors import ServiceDown
from lotus_tasks.local.logs import configure_logging
from lotus_tasks.spine.database import connect
from lotus_tasks.spine.processes import hold_name, wait_for_schema
from lotus_tasks.spine.sweep import sweep, tell_stranded
from lotus_tasks.worker.app import send
from lotus_tasks.worker.system import queue_depth

SWEEP_EVERY_S = 1.0
"""How often what nobody announced is looked for."""

log = structlog.get_logger("lotus.relay")

_stop = threading.Event()


def run() -> None:
    """Relay until told to stop; PostgreSQL or the broker going away only makes it wait."""
    while not _stop.is_set():
        try:
            _listen()
        except (ServiceDown, psycopg.Error) as error:
            log.warning("waiting for PostgreSQL", reason=str(error).strip())
            _stop.wait(0.5)


def _listen() -> None:
    outbox = bootstrap.outbox()
    served = bootstrap.served_tasks()
    with connect(outbox.database.url, autocommit=True) as conn:
        conn.execute("LISTEN lotus_commands")
        swept_at, told = 0.0, frozenset[str]()
        while not _stop.is_set():
            if time.monotonic() - swept_at >= SWEEP_EVERY_S:
                swept_at = time.monotonic()
                sweep(outbox, served, send=send, depth=queue_depth)
                told = tell_stranded(outbox, told)
            for _ in conn.notifies(timeout=SWEEP_EVERY_S / 2, stop_after=1):
                send(outbox.take_fresh())


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    _stop.set()


def main() -> None:
    """The process ``relay``."""
    configure_logging(str(bootstrap.runtime().setting("LOTUS_LOG_LEVEL")))
    signal.signal(signal.SIGTERM, _on_signal)
    signal.signal(signal.SIGINT, _on_signal)
    hold_name(bootstrap.runtime().home)
    wait_for_schema(bootstrap.runtime().database_url)
    log.info("relaying")
    try:
        run()
    finally:
        bootstrap.database().close()  # left to the interpreter's end, the pool waits for its threads (Python 3.13)


if __name__ == "__main__":
    main()
