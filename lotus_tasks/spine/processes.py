"""What every LOTUS process does before it works: hold its name, and wait until the schema is there."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psycopg
import structlog

from lotus_tasks.errors import ServiceDown
from lotus_tasks.local.home import Home
from lotus_tasks.local.locks import ProcessLock, take_lock
from lotus_tasks.spine.database import connect
from lotus_tasks.spine.migrate import applied, migrations

log = structlog.get_logger("lotus.process")

_held: list[ProcessLock] = []


def hold_name(home: Path) -> None:
    """Hold the lock of LOTUS_PROCESS for as long as this process lives; leave with exit code 1 when another one has it."""
    name = os.environ.get("LOTUS_PROCESS")
    if not name or _held:
        return
    lock = take_lock(Home(home).locks / f"{name}.lock", wait_s=2.0)
    if lock is None:
        sys.stderr.write(f"{name} runs already in {home}; this one leaves\n")
        sys.exit(1)
    _held.append(lock)


def wait_for_schema(database_url: str, *, timeout_s: float = 120.0) -> None:
    """Return once PostgreSQL answers and has this version's schema; exit with code 1 after ``timeout_s``."""
    wanted = migrations()[-1][0]
    deadline = time.monotonic() + timeout_s
    reason = ""
    while time.monotonic() < deadline:
        try:
            with connect(database_url, connect_timeout_s=2) as conn:
                if wanted in applied(conn):
                    return
                reason = f"its schema is older than {wanted:04d}"
        except ServiceDown as error:
            reason = str(error)
        except psycopg.errors.UndefinedTable:
            reason = "it has no schema yet"
        except psycopg.Error as error:
            reason = str(error)
        time.sleep(0.15)
    log.error("PostgreSQL is not ready", reason=reason)
    sys.exit(1)
