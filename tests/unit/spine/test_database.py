"""PostgreSQL's connections."""

from __future__ import annotations

import pytest

from lotus_tasks.spine.database import application_name


@pytest.mark.parametrize(("process", "name"), [("worker-memory", "lotus worker-memory"), ("", "lotus")])
def test_a_connection_goes_by_its_processs_name(monkeypatch: pytest.MonkeyPatch, process: str, name: str) -> None:
    monkeypatch.setenv("LOTUS_PROCESS", process)
    assert application_name() == name
