"""pytest-celery's nodes over local processes: the embedded Valkey, and `celery -A lotus_tasks worker` as a user would start it.

pytest-celery expects containers, and its nodes only ask for a container's methods, so a process with the same methods does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from pytest_celery import CeleryTestBroker, CeleryTestWorker, RedisTestBackend
from pytest_celery.fixtures.backend import celery_backend_cluster, celery_backend_cluster_config
from pytest_celery.fixtures.broker import celery_broker_cluster, celery_broker_cluster_config
from pytest_celery.fixtures.setup import (
    celery_setup,
    celery_setup_app,
    celery_setup_cls,
    celery_setup_config,
    celery_setup_name,
)
from pytest_celery.fixtures.worker import celery_worker_cluster, celery_worker_cluster_config
from stack import Services, wait_until

from lotus_tasks.local.home import PROJECT
from lotus_tasks.stack.orphans import is_alive
from lotus_tasks.stack.supervision import Supervisor
from tests.modelserver.handle import ModelServerHandle, model_server_thread

__all__ = [
    "celery_backend_cluster",
    "celery_backend_cluster_config",
    "celery_broker_cluster",
    "celery_broker_cluster_config",
    "celery_setup",
    "celery_setup_app",
    "celery_setup_cls",
    "celery_setup_config",
    "celery_setup_name",
    "celery_worker_cluster",
    "celery_worker_cluster_config",
]


class ProcessNode:
    """What pytest-celery asks of a container, done by a process of ours."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], ready_line: str) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._ready_line = ready_line
        self._log = Path(tempfile.mkstemp(prefix=f"lotus-{name}-", suffix=".log")[1])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=PROJECT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def id(self) -> str:
        return str(self.process.pid)

    @property
    def status(self) -> str:
        return "running" if self.process.poll() is None else "exited"

    @property
    def celeryconfig(self) -> dict[str, Any]:
        return {}

    def ready(self) -> bool:
        starts = self.logs().count(self._ready_line)
        wait_until(
            lambda: self.logs().count(self._ready_line) >= max(starts, 1), timeout_s=30, what=f"{self.name} ready"
        )
        return True

    def logs(self) -> str:
        return self._log.read_text(errors="replace")

    def reload(self) -> None:
        """A container's state is a copy; a process's is not."""

    def kill(self, signal: str | int = "SIGKILL") -> None:
        self.process.send_signal(signal if isinstance(signal, int) else getattr(_signals, signal))
        self.process.wait(30)

    def restart(self, timeout: float) -> None:
        before = self.logs().count(self._ready_line)
        if self.status == "running":
            self.kill("SIGTERM")
        self.start()
        wait_until(
            lambda: self.logs().count(self._ready_line) > before, timeout_s=timeout, what=f"{self.name} ready again"
        )

    def teardown(self) -> None:
        if self.status == "running":
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        self._log.unlink(missing_ok=True)


_signals = signal


class ValkeyNode:
    """The embedded Valkey, which its supervisor starts again when it dies."""

    name = "valkey"

    def __init__(self, services: Services) -> None:
        self._services = services
        self._supervisor = Supervisor(services.runtime.supervisor_socket)

    def _pid(self) -> int:
        return next(row.pid for row in self._supervisor.processes() if row.name == "valkey")

    @property
    def id(self) -> str:
        return str(self._pid())

    @property
    def status(self) -> str:
        return "running" if self._pid() else "exited"

    @property
    def celeryconfig(self) -> dict[str, Any]:
        url = self._services.runtime.broker_url
        return {"url": url, "host_url": url}

    def ready(self) -> bool:
        with self._services.redis() as client:
            return bool(wait_until(lambda: _answers(client), what="Valkey"))

    def logs(self) -> str:
        return (self._services.home / "log" / "valkey.log").read_text(errors="replace")

    def reload(self) -> None:
        """Nothing to do: it is asked anew each time."""

    def kill(self, signal: str | int = "SIGKILL") -> None:
        pid = wait_until(self._pid, what="Valkey's process")
        os.kill(pid, signal if isinstance(signal, int) else getattr(_signals, signal))
        wait_until(lambda: not is_alive(pid), what="Valkey's end")

    def restart(self, timeout: float) -> None:
        self.kill()
        with self._services.redis() as client:
            wait_until(lambda: _answers(client), timeout_s=timeout, what="Valkey's return")

    def teardown(self) -> None:
        """It belongs to the session."""


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


@pytest.fixture
def model() -> Iterator[ModelServerHandle]:
    """A scripted model server."""
    with model_server_thread() as server:
        yield server


@pytest.fixture
def worker_environment(services: Services, model: ModelServerHandle) -> dict[str, str]:
    """What a user's shell would hold."""
    return {
        **services.environment,
        "LOTUS_PROVIDERS": "openai",
        "OPENAI_BASE_URL": model.openai_url,
        "OPENAI_API_KEY": "sk-test-0123456789abcdef",
        "PYTHONWARNINGS": "ignore",
    }


@pytest.fixture
def celery_broker(services: Services) -> CeleryTestBroker:
    """The embedded Valkey as broker."""
    return CeleryTestBroker(ValkeyNode(services))


@pytest.fixture
def celery_backend(services: Services) -> RedisTestBackend:
    """The same as result backend; LOTUS keeps its results in PostgreSQL."""
    return RedisTestBackend(ValkeyNode(services))


@pytest.fixture
def celery_worker(worker_environment: dict[str, str]) -> Iterator[CeleryTestWorker]:
    """`celery -A lotus_tasks worker`, no other flag."""
    command = [str(Path(sys.executable).parent / "celery"), "-A", "lotus_tasks", "worker"]
    node = ProcessNode("worker", command, worker_environment, ready_line=" ready.")
    try:
        yield CeleryTestWorker(node, app=None)
    finally:
        node.teardown()


@pytest.fixture
def relay(worker_environment: dict[str, str]) -> Iterator[ProcessNode]:
    """The relay, which sends what the tests insert."""
    node = ProcessNode("relay", [sys.executable, "-m", "lotus_tasks.worker.relay"], worker_environment, ready_line="relaying")
    try:
        yield node
    finally:
        node.teardown()
