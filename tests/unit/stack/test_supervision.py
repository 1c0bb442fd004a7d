"""The supervisor's configuration."""

from __future__ import annotations

import configparser
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.home import PROJECT, Home
from lotus_tasks.stack.plan import broker_url_of
from lotus_tasks.stack.programs import core_programs, is_small, launch, shares_workers, worker_of
from lotus_tasks.stack.supervision import write_configuration

SEPARATE = {"LOTUS_WORKERS": "separate"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "a 100% home")
    home.create()
    return home


def test_every_process_is_stopped_alone_and_tried_for_long(home: Home) -> None:
    programs = core_programs(home, SEPARATE, "flower.py")
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


READ = """
import json, sys
from supervisor.options import ServerOptions
options = ServerOptions()
options.realize(["--configuration", sys.argv[1]])
found = {p.name: [p.command, p.stdout_logfile, p.directory, p.environment]
         for group in options.process_group_configs for p in group.process_configs}
print(json.dumps({"log": options.logfile, "socket": options.server_configs[0]["file"], "programs": found}))
"""


@pytest.mark.parametrize("name", ["100% %(x)s %s", "a b", 'it\'s "so"', "a;b#c", "Zoë/人", "a,b=c", "back\\slash"])
def test_the_supervisor_itself_reads_what_was_written(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path / name)
    home.create()
    programs = core_programs(home, SEPARATE, str(home.run / "flower.py"))
    path = write_configuration(home, programs)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, path], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    document = json.loads(done.stdout)
    assert (document["log"], document["socket"]) == (f"{home.log}/supervisor.log", f"{home.sockets}/supervisor.sock")
    for program in programs:
        command, log, directory, environment = document["programs"][program.name]
        assert shlex.split(command) == launch(program, home)
        assert (log, directory) == (f"{home.log}/{program.name}.log", str(PROJECT))
        assert environment == {**program.environment, "LOTUS_PROCESS": program.name}


@pytest.mark.parametrize("name", ["a\nb", "a #b", "a ;b", "a\x1bb"])
def test_a_folder_the_supervisor_can_t_read_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path / name)
    home.create()
    with pytest.raises(ConfigurationError, match="set LOTUS_HOME to another folder") as raised:
        write_configuration(home, core_programs(home, SEPARATE, "flower.py"))
    assert "\n" not in str(raised.value)


def test_a_workers_slots_follow_its_setting(home: Home) -> None:
    programs = {
        program.name: program
        for program in core_programs(home, SEPARATE | {"LOTUS_MEMORY_CONCURRENCY": 7}, "flower.py")
    }
    assert "--concurrency=7" in programs["worker-memory"].command


def test_shared_workers_are_one_process_with_every_queue_and_the_slots_of_all(home: Home) -> None:
    settings = {"LOTUS_WORKERS": "shared", "LOTUS_MEMORY_CONCURRENCY": 7}
    programs = {program.name: program for program in core_programs(home, settings, "flower.py")}
    assert set(programs) == {"relay", "gateway", "beat", "flower", "worker"}
    command = programs["worker"].command
    assert "--queues=memory,providers,perception,reasoning,system" in command
    assert f"--concurrency={7 + 8 + 2 + 4 + 2}" in command
    assert [worker_of("memory", programs), worker_of("memory", ["relay", "worker-memory"])] == [
        "worker",
        "worker-memory",
    ]


def test_workers_are_shared_where_the_machine_is_small_or_the_setting_says_so_but_never_on_another_broker() -> None:
    assert (is_small(1, 16 * 10**9), is_small(2, 4 * 10**9), is_small(2, 16 * 10**9)) == (True, True, False)
    shared = {"LOTUS_WORKERS": "shared"}
    assert shares_workers(shared)
    assert shares_workers(shared | {"LOTUS_BROKER_URL": "rediss://h:1/0"})
    assert not shares_workers(shared | {"LOTUS_BROKER_URL": "amqp://h:1//"})
    assert not shares_workers(SEPARATE)


def test_no_secret_stands_on_a_command_line(home: Home) -> None:
    for program in core_programs(home, SEPARATE, "flower.py"):
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
