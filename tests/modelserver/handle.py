"""A test's grip on a model server: the same whether it runs in a thread of the test or as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.modelserver.server import ModelServer

_PROJECT = Path(__file__).resolve().parents[2]


class ModelServerHandle:
    """Directs the server at ``url`` through its control API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ollama_url = url
        self.openai_url = f"{url}/v1"
        self.anthropic_url = url
        self.google_url = url

    def script(self, **changes: Any) -> None:
        """Change how calls are answered: see script.Script."""
        self._post("/control/script", changes)

    def fail_next(
        self, times: int = 1, *, status: int = 500, headers: dict[str, str] | None = None, message: str = ""
    ) -> None:
        """Answer the next ``times`` calls with ``status``."""
        self.fault("status", times=times, status=status, headers=headers or {}, message=message)

    def fault(self, kind: str, **details: Any) -> None:
        """Queue a fault: see script.FAULTS and script.Fault."""
        self._post("/control/fault", {"kind": kind, **details})

    def heal(self) -> None:
        """No more faults."""
        self._post("/control/faults/clear", {})

    def reset(self) -> None:
        """As new."""
        self._post("/control/reset", {})

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every model call so far, oldest first."""
        with urllib.request.urlopen(f"{self.url}/control/calls", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Every request to a vendor's path so far, redirected ones too: method, path and headers."""
        with urllib.request.urlopen(f"{self.url}/control/requests", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    def wait_for(
        self, condition: Callable[[list[dict[str, Any]]], object], *, within_s: float = 5.0
    ) -> list[dict[str, Any]]:
        """The calls, as soon as ``condition`` holds of them. Raises AssertionError when it doesn't in time."""
        until = time.monotonic() + within_s
        while True:
            calls = self.calls
            if condition(calls):
                return calls
            if time.monotonic() > until:
                raise AssertionError(f"not within {within_s} s; the model server saw {calls}")
            time.sleep(0.02)

    def _post(self, path: str, body: Any) -> None:
        request = urllib.request.Request(f"{self.url}{path}", data=json.dumps(body).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10):
                pass
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.load(error)["error"]) from None


@contextmanager
def model_server_thread(port: int = 0) -> Iterator[ModelServerHandle]:
    """A model server in a thread of this process."""
    server = ModelServer(port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield ModelServerHandle(server.url)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def model_server_process(port: int = 0) -> Iterator[ModelServerHandle]:
    """A model server as a process of its own, for acceptance tests and benchmarks."""
    command = [sys.executable, "-m", "tests.modelserver", "--port", str(port)]
    process = subprocess.Popen(command, cwd=_PROJECT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield ModelServerHandle(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
