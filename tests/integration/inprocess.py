"""LOTUS's real tasks in the test's own process: commands are claimed and run as a worker would, without the worker."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from stack import Services

from lotus_tasks import bootstrap
from lotus_tasks.spine.database import Database
from lotus_tasks.spine.submission import submit
from lotus_tasks.work import CommandSpec

_MOST_S = 60.0


class Workers:
    """Runs what is queued, in order, until nothing is left."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def submit(self, *specs: CommandSpec) -> None:
        """Commands as the CLI submits them."""
        with self.database.transaction() as conn:
            submit(conn, specs)

    def drain(self) -> None:
        """Run every due command, and what follows from it, in the order of submission."""
        from lotus_tasks.celery import app

        app.loader.import_default_modules()
        deadline = time.monotonic() + _MOST_S
        while rows := self.rows(
            "SELECT id, name FROM commands WHERE status = 'queued' AND not_before <= now() ORDER BY created_at, id"
        ):
            assert time.monotonic() < deadline, f"still queued after {_MOST_S:g} s: {[row['name'] for row in rows]}"
            for row in rows:
                app.tasks[row["name"]].run(str(row["id"]))

    def run(self, name: str, **payload) -> dict:
        """Submit one command, drain, and return its row."""
        spec = CommandSpec(name=name, key=f"{name}/{time.monotonic_ns()}", payload=payload)
        self.submit(spec)
        self.drain()
        return self.rows("SELECT * FROM commands WHERE id = %s", spec.id)[0]

    def rows(self, query: str, *parameters) -> list[dict]:
        """What PostgreSQL says."""
        with self.database.transaction() as conn:
            return conn.execute(query, parameters).fetchall()


@contextlib.contextmanager
def workers_in_process(services: Services) -> Iterator[Workers]:
    """Workers on the test's services. What they hold open is closed at the end."""
    bootstrap.runtime.cache_clear()
    assert bootstrap.runtime().database_url == services.runtime.database_url
    try:
        yield Workers(bootstrap.database())
    finally:
        bootstrap.database().close()
        bootstrap.redis_client().close()
