"""The runtime file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lotus_tasks.errors import NotRunning
from lotus_tasks.local.home import Home
from lotus_tasks.local.runtime import Runtime, load_runtime


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    Home(tmp_path).create()
    return Runtime(
        home=tmp_path,
        database_url="postgresql://lotus@/lotus?host=%2Frun",
        redis_url="unix:///run/valkey.sock",
        broker_url="redis+socket:///run/valkey.sock",
        chroma_url="http+unix://%2Fhome%2Fanna%2F.lotus%2Frun%2Fchroma.sock",
        gateway_url="http://127.0.0.1:8086",
        flower_url="http://127.0.0.1:5555",
        supervisor_socket=tmp_path / "run" / "supervisor.sock",
        embedded=frozenset({"redis", "postgres"}),
        settings={"LOTUS_LEASE_S": 8.0, "LOTUS_PROVIDERS": ["offline"]},
    )


def test_what_is_saved_is_read(runtime: Runtime) -> None:
    runtime.save()
    assert load_runtime(Home(runtime.home)) == runtime


def test_it_is_readable_by_its_owner_only(runtime: Runtime) -> None:
    runtime.save()
    replace(runtime, chroma_url="http://127.0.0.1:1").save()
    assert Home(runtime.home).runtime_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (runtime.home / "run").iterdir()] == ["runtime.json"]


def test_without_it_the_command_that_starts_lotus_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=r"python manage\.py up"):
        load_runtime(Home(tmp_path))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"home": "/x"}', '{"surplus": 1}'])
def test_a_broken_one_is_one_line(tmp_path: Path, text: str) -> None:
    Home(tmp_path).create()
    Home(tmp_path).runtime_file.write_text(text)
    with pytest.raises(NotRunning, match="can't be read"):
        load_runtime(Home(tmp_path))
