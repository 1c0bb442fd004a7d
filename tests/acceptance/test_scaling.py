"""LOTUS with services of the user's own, and with workers beside its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from stack import Lotus, clean_environment, lotus_home, running_services, temporary_home, wait_until

from lotus_tasks.local.home import PROJECT
from lotus_tasks.stack.supervision import Supervisor


@pytest.fixture(scope="module")
def external() -> Iterator[dict[str, str]]:
    """The settings that name three services which are not LOTUS's own."""
    with running_services() as services:
        yield {
            "LOTUS_DATABASE_URL": services.runtime.database_url,
            "LOTUS_REDIS_URL": services.runtime.redis_url,
            "LOTUS_CHROMA_URL": services.runtime.chroma_url,
        }


@pytest.fixture(scope="module")
def scaled(external: dict[str, str]) -> Iterator[Lotus]:
    with lotus_home(**external) as lotus:
        lotus.up()
        yield lotus
        assert lotus.run("down").returncode == 0


@contextmanager
def joined(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """A worker started by hand; it is ready inside the block, and leaves cleanly at its end."""
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "ready." in line:
                break
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


@contextmanager
def without(lotus: Lotus, name: str) -> Iterator[None]:
    supervisor = Supervisor(lotus.runtime.supervisor_socket)
    supervisor._call("stopProcess", f"core:{name}", True)
    try:
        yield
    finally:
        supervisor.start(name, "core")


def test_services_that_settings_name_are_used_and_none_is_started(scaled: Lotus):
    assert scaled.runtime.embedded == frozenset()
    assert {"valkey", "postgres", "chroma"}.isdisjoint(scaled.processes())
    assert scaled.run("remember", "The spare key hangs behind the blue door.").returncode == 0
    done = scaled.run("ask", "Where does the spare key hang?")
    assert done.returncode == 0, done.stderr
    assert "The spare key hangs behind the blue door. [1]" in done.stdout
    wait_until(lambda: "overall: ok" in scaled.run("status").stdout, timeout_s=30, what="overall ok")


@pytest.mark.parametrize(
    "command",
    [["manage.py", "worker", "providers"], ["-m", "celery", "-A", "lotus_tasks", "worker"]],
    ids=["manage.py worker", "celery worker"],
)
def test_a_worker_of_another_home_joins_by_the_services_urls_alone(
    scaled: Lotus, external: dict[str, str], command: list[str]
):
    with temporary_home() as elsewhere, joined([sys.executable, *command], clean_environment(elsewhere, **external)):
        with without(scaled, "worker-providers"):
            done = scaled.run("ask", "Where does the spare key hang?")
        assert done.returncode == 0, done.stderr


def test_one_more_worker_of_a_module_runs_beside_the_first(scaled: Lotus):
    command = [sys.executable, "manage.py", "worker", "reasoning", "-c", "2"]
    with joined(command, {**scaled.environment}), without(scaled, "worker-reasoning"):
        done = scaled.run("ask", "Where does the spare key hang?")
    assert done.returncode == 0, done.stderr
