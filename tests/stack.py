"""Real services and a real LOTUS for tests, each in a home of its own under the temporary folder."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import redis
from failures import kept_on_failure

from lotus_tasks.local.home import PROJECT, Home
from lotus_tasks.local.http_address import connection_to
from lotus_tasks.local.runtime import Runtime, load_runtime
from lotus_tasks.settings import Settings, load_settings
from lotus_tasks.stack.chroma import DATABASE
from lotus_tasks.stack.lifecycle import Start, stop
from lotus_tasks.stack.orphans import find_processes, is_alive
from lotus_tasks.stack.plan import make_plan
from lotus_tasks.stack.supervision import Supervisor

_TEMPLATE = "lotus_template"
ENDED = frozenset({"succeeded", "failed", "cancelled"})
"""The statuses that a run never leaves by itself."""
T = TypeVar("T")


class TooLateError(AssertionError):
    """What a test waited for did not come in time."""


def clean_environment(home: Path, **settings: str) -> dict[str, str]:
    """This process's environment with LOTUS_HOME and these settings; every other setting counts as not set, whatever .env says.

    The offline provider is the only one unless a test names another: no test reaches a paid API by accident. Nor does
    consolidation put questions of its own to a test's scripted model, unless the test wants them.
    """
    hidden = {field.upper(): "" for field in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOTUS_")}
    guard = {"LOTUS_TEST_LOOPBACK_ONLY": "1", "LOTUS_CONSOLIDATION_MODEL": "none", "LOTUS_WORKERS": "separate"}
    return {**kept, **hidden, "LOTUS_PROVIDERS": "offline", **guard, **settings, "LOTUS_HOME": str(home)}


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """A short path, as sockets need it; removed at the end."""
    path = Path(tempfile.mkdtemp(prefix="lotus-test-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def wait_until(condition: Callable[[], T], *, timeout_s: float = 15.0, what: str = "the condition") -> T:
    """The first true value of ``condition``; fails after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TooLateError(f"{what} did not come true within {timeout_s:g} s")
        time.sleep(0.03)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Embedded Valkey, PostgreSQL (schema migrated) and Chroma."""

    home: Path
    runtime: Runtime
    environment: Mapping[str, str]

    def redis(self) -> redis.Redis:
        """A client of the embedded Valkey."""
        return redis.Redis.from_url(self.runtime.redis_url)

    def remember_schema(self) -> None:
        """Keeps the migrated, empty database as the template of every test's."""
        with self._administrator() as connection:
            connection.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE lotus")

    def clean(self) -> None:
        """An empty database, Valkey and Chroma, at the same addresses."""
        with self._administrator() as connection:
            connection.execute("DROP DATABASE IF EXISTS lotus WITH (FORCE)")
            connection.execute(f"CREATE DATABASE lotus TEMPLATE {_TEMPLATE}")
        with self.redis() as client:
            client.flushall()
        for row in ask_chroma(self.runtime):
            ask_chroma(self.runtime, f"/{row['name']}", method="DELETE")

    @contextlib.contextmanager
    def _administrator(self) -> Iterator[psycopg.Connection]:
        connection = psycopg.connect(self.runtime.database_url.replace("/lotus?", "/postgres?"), autocommit=True)
        with contextlib.closing(connection):
            yield connection


def ask_chroma(runtime: Runtime, path: str = "", *, method: str = "GET", body: object = None) -> Any:
    """What a LOTUS's Chroma answers below its list of collections. Raises OSError where it doesn't, or with an error."""
    with contextlib.closing(connection_to(runtime.chroma_url, timeout_s=10)) as connection:
        connection.request(method, f"{DATABASE}{path}", None if body is None else json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
    if answer.status != 200:
        raise OSError(f"Chroma answered {answer.status}: {text.decode()}")
    return json.loads(text)


def count_vectors(runtime: Runtime) -> int:
    """How many vectors Chroma itself says it holds; -1 while it doesn't answer."""
    try:
        return sum(ask_chroma(runtime, f"/{row['id']}/count") for row in ask_chroma(runtime))
    except (OSError, http.client.HTTPException):
        return -1


@contextlib.contextmanager
def running_services() -> Iterator[Services]:
    """The embedded services in a home of their own."""
    with temporary_home() as path:
        environment = clean_environment(path)
        home = Home(path)
        plan = make_plan(home, load_settings(environment), services_only=True)
        try:
            with kept_on_failure(path):
                Start(plan, lambda _: None, environment).run()
                services = Services(home=path, runtime=plan.runtime, environment=environment)
                services.remember_schema()
                yield services
        finally:
            stop(home, lambda _: None)


def runtime_at(home: Path) -> Runtime:
    """The endpoints of the LOTUS at ``home``."""
    return load_runtime(Home(home))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lotus:
    """A whole LOTUS of real processes, driven through manage.py as a user would."""

    home: Path
    environment: Mapping[str, str]

    @property
    def runtime(self) -> Runtime:
        """Its endpoints."""
        return runtime_at(self.home)

    def run(
        self, *arguments: str, stdin: str | bytes | None = None, timeout_s: float = 60.0, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """`manage.py` with these arguments; its output as text. Never raises for an exit code."""
        text = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env={**self.environment, **settings},
            input=b"" if text is None else text,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def popen(self, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """`manage.py` in the background, stdout and stderr piped."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env={**self.environment, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def up(self, **settings: str) -> subprocess.CompletedProcess[str]:
        """`manage.py up`, which must succeed."""
        done = self.run("up", timeout_s=120, **settings)
        assert done.returncode == 0, f"up failed:\n{done.stdout}\n{done.stderr}"
        return done

    def pid_of(self, name: str) -> int:
        """The process id of one supervised process, once it runs."""
        supervisor = Supervisor(self.runtime.supervisor_socket)
        return wait_until(lambda: {row.name: row.pid for row in supervisor.processes()}[name], what=f"process {name}")

    def kill(self, name: str) -> int:
        """kill -9 on one supervised process; returns the id it had, once it has gone."""
        pid = self.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), what=f"the end of {name}")
        return pid

    def processes(self) -> list[str]:
        """The names of every living process of this home."""
        return [process.name for process in find_processes(Home(self.home))]

    def database(self) -> psycopg.Connection:
        """A connection to its database; close it."""
        return psycopg.connect(self.runtime.database_url, autocommit=True)

    def run_status(self, run_id: str) -> str:
        """What PostgreSQL says of the run."""
        with self.database() as conn:
            row = conn.execute("SELECT status::text FROM runs WHERE id = %s", [run_id]).fetchone()
        assert row, f"there is no run {run_id}"
        return row[0]

    def wait_for_run(self, run_id: str, *statuses: str, timeout_s: float = 30.0) -> str:
        """Waits until the run is in one of ``statuses``; fails at once, and shows the run, when it ended in another."""

        def reached() -> str | None:
            status = self.run_status(run_id)
            if status in statuses:
                return status
            if status in ENDED:
                raise AssertionError(f"the run ended {status}, not {' or '.join(statuses)}:\n{self.shown(run_id)}")
            return None

        try:
            return wait_until(reached, timeout_s=timeout_s, what=f"run {' or '.join(statuses)}")
        except TooLateError as late:
            raise TooLateError(f"{late}:\n{self.shown(run_id)}") from None

    def shown(self, run_id: str) -> str:
        """`runs show`, for a failure's message."""
        done = self.run("runs", "show", run_id)
        return done.stdout + done.stderr


@contextlib.contextmanager
def lotus_home(**settings: str) -> Iterator[Lotus]:
    """A LOTUS that isn't started yet. Whatever the test leaves running is ended."""
    with temporary_home() as path:
        home = path / "home"
        try:
            with kept_on_failure(home):
                yield Lotus(home=home, environment=clean_environment(home, **settings))
        finally:
            stop(Home(home), lambda _: None)
