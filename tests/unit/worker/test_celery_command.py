"""Flower as LOTUS starts it. In a process of its own: Flower is changed for good, and needs a running LOTUS otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
