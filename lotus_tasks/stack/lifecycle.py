"""Starts and stops one LOTUS: services, schema, then everything else; and in the other direction."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

import psycopg

from lotus_tasks.errors import ConfigurationError, LotusError, ServiceDown
from lotus_tasks.local.home import Home
from lotus_tasks.local.locks import ProcessLock, take_lock
from lotus_tasks.local.reachable import without_password
from lotus_tasks.spine.database import one_line
from lotus_tasks.spine.migrate import migrate
from lotus_tasks.stack import chroma, valkey
from lotus_tasks.stack.external import check_external
from lotus_tasks.stack.orphans import OwnProcess, end_processes, find_processes, is_alive
from lotus_tasks.stack.plan import Plan
from lotus_tasks.stack.postgres_words import explain_postgres
from lotus_tasks.stack.programs import child_environment, worker_of
from lotus_tasks.stack.rebuildable import last_words
from lotus_tasks.stack.secret_files import read_secret
from lotus_tasks.stack.set_aside import list_set_aside
from lotus_tasks.stack.supervision import (
    NAME,
    ProcessState,
    Supervisor,
    last_lines,
    socket_path,
    start_supervisor,
    write_configuration,
)

Report = Callable[[str], None]
"""Takes one line for a person."""

SERVICES_WAIT_S = 60.0
CORE_WAIT_S = 90.0
CHROMA_WAIT_S = 10.0
"""A start goes on without it after this: recall goes by words until it answers."""
_PAUSE_S = 0.03
_STARTS = 3
"""A process that has ended at once this often isn't going to come up."""


class StartError(ConfigurationError):
    """A part did not come up. ``log``: the last lines it wrote."""

    def __init__(self, part: str, reason: str, log: list[str]) -> None:
        tail = "".join(f"\n    {line}" for line in log)
        super().__init__(f"{part} did not come up: {reason}{tail}")


class Start:
    """One start of a plan. It either comes up whole, or what came up is stopped again and StartError is raised."""

    def __init__(self, plan: Plan, report: Report, environ: Mapping[str, str]) -> None:
        self._plan = plan
        self._home = plan.home
        self._report = report
        self._environment = child_environment(plan.home, environ)
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor = Supervisor(socket_path(plan.home))
        self._failed_starts: dict[str, set[int]] = {}
        self._begun_at = datetime.now(UTC)

    def run(self) -> None:
        """Starts everything and waits until it works."""
        try:
            for notice in check_external(self._plan.runtime):
                self._report(f"  ! {notice}")
            if self._plan.postgres:
                self._plan.postgres.initialize(self._home)
            self._plan.runtime.save()
            self._begin()
            self._wait_for_services()
            self._migrate()
            self._wait_for_chroma()
            if self._plan.runtime.gateway_url:
                self._wait_for_core()
            for aside in list_set_aside(self._home):
                if aside.at >= self._begun_at:
                    self._report(f"  ! {aside.line()}; it begins empty and is filled again")
        except BaseException:
            # Not the patient way: a worker whose database never came would wait for it first.
            end_processes(self._home, patience_s=5.0)
            _forget(self._home)
            raise
        finally:
            if self._process:
                self._process.returncode = 0  # it outlives us: Popen is not to wait for it, nor to complain

    def _begin(self) -> None:
        configuration = write_configuration(self._home, self._plan.programs)
        self._process = start_supervisor(self._home, configuration, self._environment)
        self._wait(NAME, self._supervisor.answers, SERVICES_WAIT_S)
        self._plan.release_ports()
        if any(program.group == "services" for program in self._plan.programs):
            self._supervisor.start_group("services")
        # Workers need a second to load and wait for the schema themselves, so they start at the same time.
        if self._plan.runtime.gateway_url:
            self._supervisor.start_group("core")

    def _wait_for_services(self) -> None:
        runtime = self._plan.runtime
        if "redis" in runtime.embedded:
            self._wait("valkey", lambda: valkey.answers(self._home) is not None, SERVICES_WAIT_S)
            self._report(f"  ✓ Valkey {_major(valkey.answers(self._home) or '')}".ljust(18) + "unix socket")
        else:
            self._report("  ✓ Redis".ljust(18) + f"{without_password(runtime.redis_url)} (yours)")
        if self._plan.postgres:
            self._wait("postgres", self._plan.postgres.answers, SERVICES_WAIT_S)
            try:
                self._plan.postgres.create_database()
            except psycopg.Error as error:
                raise self._failure("postgres", one_line(error)) from error

    def _migrate(self) -> None:
        try:
            version = migrate(self._plan.runtime.database_url)
        except LotusError as error:
            log = last_lines(self._home, "postgres") if self._plan.postgres else []
            raise StartError("the schema", str(error), log) from error
        if self._plan.postgres:
            title, place = f"PostgreSQL {self._plan.postgres.version()}", "unix socket"
        else:
            title, place = "PostgreSQL", f"{without_password(self._plan.runtime.database_url)} (yours)"
        self._report(f"  ✓ {title}".ljust(18) + f"{place}, schema {version:04d}")

    def _wait_for_chroma(self) -> None:
        """For a while: it can be rebuilt and is tried on, so it never keeps LOTUS from starting."""
        runtime = self._plan.runtime
        if "chroma" not in runtime.embedded:
            self._report("  ✓ Chroma".ljust(18) + f"{without_password(runtime.chroma_url)} (yours)")
            return
        deadline = time.monotonic() + CHROMA_WAIT_S
        while not chroma.answers(runtime.chroma_url):
            if time.monotonic() > deadline:
                said = last_words("\n".join(last_lines(self._home, "chroma")).encode())
                self._report(
                    f"  ! Chroma does not answer yet ({said}); it is tried on, and recall goes by words until then"
                )
                return
            time.sleep(_PAUSE_S)
        self._report(f"  ✓ Chroma {_major(chroma.installed_version())}".ljust(18) + "unix socket")

    def _wait_for_core(self) -> None:
        gateway = urlsplit(self._plan.runtime.gateway_url)
        self._wait("gateway", lambda: http_status(gateway.netloc, "/healthz") == http.HTTPStatus.OK, CORE_WAIT_S)
        ready = partial(http_status, gateway.netloc, "/readyz")
        self._wait(
            "gateway", lambda: ready() == http.HTTPStatus.OK, CORE_WAIT_S, explain=lambda: self._unready(gateway.netloc)
        )
        flower = urlsplit(self._plan.runtime.flower_url)
        self._wait("flower", lambda: http_status(flower.netloc, "/healthcheck") is not None, CORE_WAIT_S)

    def _unready(self, gateway: str) -> StartError | None:
        """Which module is down and why, as the gateway tells who knows its token."""
        connection = http.client.HTTPConnection(gateway, timeout=5)
        try:
            connection.request(
                "GET", "/status", headers={"Authorization": f"Bearer {read_secret(self._home, 'gateway')}"}
            )
            modules = json.load(connection.getresponse())["modules"]
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return None
        finally:
            connection.close()
        for module in modules:
            if module["status"] == "down":
                detail = " ".join(str(module["detail"]).split())[:200]
                worker = worker_of(module["name"], [program.name for program in self._plan.programs])
                return StartError(f"module {module['name']}", detail, last_lines(self._home, worker, 6))
        return None

    def _wait(
        self,
        part: str,
        ready: Callable[[], bool],
        bound_s: float,
        *,
        explain: Callable[[], StartError | None] = lambda: None,
    ) -> None:
        """Until ``ready``; StartError when a process keeps ending, or when the time is over: then ``explain`` may know why."""
        deadline = time.monotonic() + bound_s
        checked = 0.0
        while not ready():
            now = time.monotonic()
            if self._process and self._process.poll() is not None:
                output = (self._home.log / f"{NAME}.out").read_text(encoding="utf-8", errors="replace").splitlines()
                raise StartError("the supervisor", f"exit code {self._process.returncode}", output[-8:])
            if now > checked + 0.3 and part != NAME:
                checked = now
                self._refuse_hopeless()
            if now > deadline:
                raise explain() or self._failure(part, f"no answer within {bound_s:.0f} s")
            time.sleep(_PAUSE_S)

    def _refuse_hopeless(self) -> None:
        for process in self._supervisor.processes():
            if process.state != "BACKOFF" or process.name == "chroma":
                continue
            starts = self._failed_starts.setdefault(process.name, set())
            starts.add(process.started_at)
            if len(starts) >= _STARTS:
                raise self._failure(process.name, "it ends as soon as it starts")

    def _failure(self, part: str, reason: str) -> StartError:
        """Why a part did not come up; what is known of PostgreSQL's words is said in ours."""
        log = last_lines(self._home, part)
        if part == "postgres" and self._plan.postgres:
            reason = explain_postgres(self._home) or reason
        return StartError(part, reason, log)


def running_processes(home: Home) -> list[ProcessState] | None:
    """The processes of a LOTUS that runs in this home, or None."""
    try:
        return Supervisor(socket_path(home), timeout_s=5.0).processes()
    except ServiceDown:
        return None


def hold_home(home: Home, *, wait_s: float) -> ProcessLock:
    """Only one `up` or `down` at a time. Raises ConfigurationError when another one is at work for ``wait_s``."""
    lock = take_lock(home.path / "up.lock", wait_s=wait_s)
    if lock is None:
        raise ConfigurationError(f"another `up` or `down` is at work in {home.path}; try again when it has ended")
    return lock


def stop(home: Home, report: Report) -> bool:
    """Stops everything of this home: workers and the rest at once, then the services; then ends what nobody looks after any more.

    Returns whether anything ran. Leaves no process, socket or lock.
    """
    supervisor = Supervisor(socket_path(home))
    ran = False
    try:
        pid = supervisor.pid()
    except ServiceDown:
        pid = 0
    if pid:
        ran = True
        groups = {process.group for process in supervisor.processes()}
        try:
            if "core" in groups:
                report("  stopping the workers")
                supervisor.stop_group("core")
            if "services" in groups:
                report("  stopping the services")
                supervisor.stop_group("services")
            supervisor.shut_down()
        except ServiceDown:
            report("  the supervisor went away; ending its processes")
        _wait_until_gone(pid, patience_s=10.0)
    left = end_processes(home)
    _forget(home)
    return ran or bool(left)


def end_orphans(home: Home, report: Report) -> list[OwnProcess]:
    """Before a start: ends what a killed supervisor left behind."""
    if not find_processes(home):
        return []
    orphans = end_processes(home)
    report(
        f"  ended {len(orphans)} processes that a killed LOTUS had left: {', '.join(sorted({one.name for one in orphans}))}"
    )
    return orphans


def http_status(netloc: str, path: str) -> int | None:
    """The status of a GET, or None when nobody answers."""
    connection = http.client.HTTPConnection(netloc, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _wait_until_gone(pid: int, *, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and is_alive(pid):
        with contextlib.suppress(ChildProcessError):  # it is our child when this very process started it
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)


def _forget(home: Home) -> None:
    """What exists only while LOTUS runs."""
    for folder in {home.run, home.sockets, home.locks}:
        shutil.rmtree(folder, ignore_errors=True)


def _major(version: str) -> str:
    return ".".join(version.split(".")[:2])
