"""`up` beside a LOTUS that runs already."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotus_tasks.cli import up
from lotus_tasks.errors import Transient
from lotus_tasks.local.runtime import Runtime

RUNTIME = Runtime(
    home=Path("/home/lotus"),
    database_url="",
    redis_url="",
    broker_url="",
    chroma_url="",
    gateway_url="http://127.0.0.1:2",
    flower_url="",
    supervisor_socket=Path("/run/supervisor.sock"),
)


def test_what_is_not_ready_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        "services": {"redis": {"ok": False}, "postgres": {"ok": True}},
        "modules": [{"name": "memory", "status": "down", "detail": "no worker"}, {"name": "providers", "status": "ok"}],
    }
    monkeypatch.setattr(up, "http_status", lambda *_: 503)
    monkeypatch.setattr(up, "collect_status", lambda *_: found)
    with pytest.raises(Transient, match=r"not ready: redis does not answer; memory: no worker; see"):
        up._refuse_unready(RUNTIME, wait_s=0)


def test_one_that_gets_ready_in_time_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([None, 503, 200])
    monkeypatch.setattr(up, "_WATCH_S", 0.01)
    monkeypatch.setattr(up, "http_status", lambda *_: next(answers))
    up._refuse_unready(RUNTIME, wait_s=30)
    assert next(answers, "all asked") == "all asked"
