"""The supervisor's configuration."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest

from lotus_tasks.infra.home import Home
from lotus_tasks.infra.stack.plan import broker_url_of
from lotus_tasks.infra.stack.programs import core_programs, launch
from lotus_tasks.infra.stack.supervision import write_configuration


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "a 100% home")
    home.create()
    return home


def test_every_process_is_stopped_alone_and_tried_for_long(home: Home) -> None:
    programs = core_programs(home, {}, "flower.py")
    parser = configparser.ConfigParser()
    parser.read(write_configuration(home, programs))
    assert {program.name for program in programs} == {
        *("relay", "gateway", "beat", "flower"),
        *("worker-memory", "worker-providers", "worker-perception", "worker-reasoning", "worker-system"),
    }
    for program in programs:
        section = parser[f"program:{program.name}"]
        assert (section["stopasgroup"], section["killasgroup"], section["stopwaitsecs"]) == ("false", "true", "60")
        assert (section["startsecs"], section["startretries"]) == ("3", "100")
        assert shlex.split(section["command"]) == launch(program, home)


def test_a_workers_slots_follow_its_setting(home: Home) -> None:
    programs = {program.name: program for program in core_programs(home, {"LOTUS_MEMORY_CONCURRENCY": 7}, "flower.py")}
    assert "--concurrency=7" in programs["worker-memory"].command


def test_no_secret_stands_on_a_command_line(home: Home) -> None:
    for program in core_programs(home, {}, "flower.py"):
        assert not any("auth" in word or "password" in word for word in program.command)


@pytest.mark.parametrize(
    ("redis_url", "broker_url"),
    [
        ("redis://h:1/2", "redis://h:1/2"),
        ("unix:///run/v.sock", "redis+socket:///run/v.sock"),
        ("unix:///run/v.sock?db=3", "redis+socket:///run/v.sock?virtual_host=3"),
    ],
)
def test_celery_gets_the_same_redis_in_its_own_words(redis_url: str, broker_url: str) -> None:
    assert broker_url_of(redis_url) == broker_url
