"""Flower as LOTUS starts it. In a process of its own: Flower is changed for good, and needs a running LOTUS otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lotus_tasks.local.home import PROJECT, Home
from lotus_tasks.local.runtime import Runtime

PROGRAM = """
import asyncio, base64, urllib.error, urllib.request
from types import SimpleNamespace
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from lotus_tasks.worker.celery_command import protect_metrics
protect_metrics()
from flower.urls import handlers

def status(port, path, **headers):
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code

def plain(rule):
    return isinstance(rule, tuple) and rule[0] in ("/metrics", "/healthcheck")

async def main():
    app = Application([rule for rule in handlers if plain(rule)])
    app.options = SimpleNamespace(basic_auth=["lotus:key"], auth=None)
    app.purge_offline_worker_metrics = lambda: None
    listener, port = bind_unused_port()
    server = HTTPServer(app)
    server.add_socket(listener)
    key = "Basic " + base64.b64encode(b"lotus:key").decode()
    for path, headers in [("/healthcheck", {}), ("/metrics", {}), ("/metrics", {"Authorization": key})]:
        print(path, *headers, await asyncio.to_thread(status, port, path, **headers))
    server.stop()

asyncio.run(main())
"""


def test_flowers_metrics_need_the_password_and_its_health_does_not(tmp_path: Path) -> None:
    Home(tmp_path).create()
    Runtime(
        home=tmp_path, database_url="", redis_url="", broker_url="memory://", chroma_url="", gateway_url="",
        flower_url="", supervisor_socket=tmp_path / "supervisor.sock",
    ).save()  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=PROJECT,
        env={**os.environ, "LOTUS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["/healthcheck 200", "/metrics 401", "/metrics Authorization 200"]


LOADED = """
import sys
from lotus_tasks.worker import celery_command
app = celery_command.app
app.conf.include = celery_command.needed_tasks(sys.argv[1:])
app.loader.import_default_modules()
rooms = ("memory", "providers", "perception", "reasoning")
print(*(room for room in rooms if f"lotus_tasks.{room}.tasks" in sys.modules), "system" * ("system.sweep" in app.tasks))
"""
ALL = "memory providers perception reasoning system"


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        ("beat --pidfile=", ""),
        ("flower --conf=x", ""),
        ("worker --queues=memory --concurrency=2", "memory"),
        ("worker --queues=system", "system"),
        ("worker --queues=memory,reasoning,system", "memory reasoning system"),
        ("worker --queues=memory,providers,perception,reasoning,system", ALL),
        ("worker --pool=threads", ALL),
    ],
)
def test_a_process_loads_the_tasks_of_its_queues_and_no_others(tmp_path: Path, arguments: str, loaded: str) -> None:
    Home(tmp_path).create()
    Runtime(
        home=tmp_path, database_url="", redis_url="", broker_url="memory://", chroma_url="", gateway_url="",
        flower_url="", supervisor_socket=tmp_path / "supervisor.sock", settings={"LOTUS_LEASE_S": 8, "LOTUS_TOOL_FOLDERS": []},
    ).save()  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments.split()],
        cwd=PROJECT,
        env={**os.environ, "LOTUS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == loaded.split()
