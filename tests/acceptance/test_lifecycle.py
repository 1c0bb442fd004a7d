"""Start and stop, as a user meets them: real processes, driven through manage.py."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from stack import Lotus, Services, lotus_home, wait_until

from lotus_tasks.local.home import PROJECT, Home
from lotus_tasks.stack.orphans import find_processes, is_alive
from lotus_tasks.stack.postgres import find_binaries

EVERYTHING = {
    *("valkey", "postgres", "chroma", "relay", "gateway", "beat", "flower", "supervisor"),
    *("worker-memory", "worker-providers", "worker-perception", "worker-reasoning", "worker-system"),
}


def left_behind(system: Lotus) -> list[str]:
    """What `down` must not leave: processes, sockets, locks, the run folder."""
    home = Home(system.home)
    files = [
        str(path)
        for path in home.path.rglob("*")
        if path.is_socket() or path.suffix == ".lock" or path.name == "postmaster.pid"
    ]
    folders = [str(folder) for folder in {home.run, home.locks, home.sockets} if folder.exists()]
    return system.processes() + files + folders


@pytest.mark.timeout(400)
def test_start_ask_stop_ten_times_leaves_nothing_ten_times(fresh_lotus: Lotus) -> None:
    for number in range(10):
        fresh_lotus.up()
        answer = fresh_lotus.run("ask", f"what is the number {number}?")
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.strip()
        done = fresh_lotus.run("down")
        assert done.returncode == 0, done.stderr
        assert left_behind(fresh_lotus) == []


def test_a_start_and_a_recall_write_nothing_outside_lotus_home(fresh_lotus: Lotus, tmp_path: Path) -> None:
    """An empty home folder, XDG folders and TMPDIR stay empty, and no dependency's telemetry is on."""
    places = {
        name: str(tmp_path / name) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    }
    for place in places.values():
        Path(place).mkdir()
    system = replace(fresh_lotus, environment={**fresh_lotus.environment, **places, "ORT_DISABLE_TELEMETRY": "0"})
    system.up()
    assert system.run("remember", "The boat is called Mirabelle.").returncode == 0
    found = system.run("recall", "what is the boat called?")
    assert (found.returncode, "Mirabelle" in found.stdout) == (0, True), found.stderr
    seen = Path(f"/proc/{system.pid_of('worker-memory')}/environ").read_bytes().split(b"\0")
    assert {b"ANONYMIZED_TELEMETRY=False", b"ORT_DISABLE_TELEMETRY=1"} <= set(seen)
    assert system.run("down").returncode == 0
    assert [str(path) for place in places.values() for path in Path(place).rglob("*")] == []


def test_up_says_what_runs_and_a_second_up_changes_nothing(fresh_lotus: Lotus) -> None:
    first = fresh_lotus.up()
    for line in (
        "✓ Valkey 9",
        "✓ PostgreSQL 18",
        "✓ Chroma 1.5",
        "✓ Loaded: memory · providers · perception · reasoning",
        "Try:",
    ):
        assert line in first.stdout
    assert set(fresh_lotus.processes()) == EVERYTHING
    before = {process.pid for process in find_processes(Home(fresh_lotus.home))}
    second = fresh_lotus.up()
    assert "LOTUS is running" in second.stdout
    postgres_sessions_come_and_go = {
        process.pid for process in find_processes(Home(fresh_lotus.home)) if process.name != "postgres"
    }
    assert postgres_sessions_come_and_go <= before


def test_up_keeps_none_of_the_callers_pipes(fresh_lotus: Lotus) -> None:
    """`up | cat` ends: what run() waits for is the end of stdout and stderr, not of the command."""
    assert fresh_lotus.run("up", timeout_s=90).returncode == 0


def listening_addresses(lotus: Lotus) -> list[str]:
    """Where this LOTUS's processes listen for TCP, as /proc/net writes addresses."""
    inodes: set[str] = set()
    for process in find_processes(Home(lotus.home)):
        for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
            target = str(descriptor.readlink()) if descriptor.is_symlink() else ""
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                listening.append(fields[1].partition(":")[0])
    return listening


def test_nothing_listens_beyond_this_machine(fresh_lotus: Lotus) -> None:
    fresh_lotus.up()
    wait_until(lambda: len(listening_addresses(fresh_lotus)) >= 2, timeout_s=30, what="gateway and flower")
    assert listening_addresses(fresh_lotus) == ["0100007F"] * 2  # 127.0.0.1


def test_two_homes_run_side_by_side_and_one_stops_without_the_other(fresh_lotus: Lotus) -> None:
    with lotus_home() as other:
        fresh_lotus.up()
        other.up()
        assert fresh_lotus.runtime.gateway_url != other.runtime.gateway_url
        assert fresh_lotus.runtime.chroma_url != other.runtime.chroma_url
        assert other.run("down").returncode == 0
        assert other.processes() == []
        assert set(fresh_lotus.processes()) == EVERYTHING
        assert fresh_lotus.run("ask", "are you there?").returncode == 0


def test_after_a_killed_supervisor_up_ends_the_orphans_and_starts_cleanly(fresh_lotus: Lotus) -> None:
    fresh_lotus.up()
    orphans = [process for process in find_processes(Home(fresh_lotus.home)) if process.name != "supervisor"]
    supervisor = next(process.pid for process in find_processes(Home(fresh_lotus.home)) if process.name == "supervisor")
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not is_alive(supervisor))
    assert fresh_lotus.processes() != []
    again = fresh_lotus.up()
    assert "that a killed LOTUS had left" in again.stdout
    assert [process.pid for process in orphans if is_alive(process.pid)] == []
    names = [process.name for process in find_processes(Home(fresh_lotus.home)) if process.name.startswith("worker-")]
    assert len(names) == len(set(names)) == 5
    assert fresh_lotus.run("ask", "are you there?").returncode == 0


def test_down_ends_the_orphans_of_a_killed_supervisor(fresh_lotus: Lotus) -> None:
    fresh_lotus.up()
    for process in find_processes(Home(fresh_lotus.home)):
        if process.name == "supervisor":
            os.kill(process.pid, signal.SIGKILL)
    assert fresh_lotus.run("down").returncode == 0
    assert left_behind(fresh_lotus) == []


def test_a_long_path_still_works_and_leaves_no_short_folder(fresh_lotus: Lotus) -> None:
    home = fresh_lotus.home.parent / ("long" * 25) / "home"
    system = Lotus(home=home, environment={**fresh_lotus.environment, "LOTUS_HOME": str(home)})
    system.up()
    short = system.runtime.supervisor_socket.parent
    assert short == Home(home).sockets != Home(home).run
    assert system.run("psql", "-Atc", "select 1").stdout == "1\n"
    assert system.run("down").returncode == 0
    assert not short.exists()
    assert left_behind(system) == []


def test_a_fixed_port_in_use_is_one_line_and_nothing_is_started(fresh_lotus: Lotus) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = fresh_lotus.run("up", LOTUS_GATEWAY_PORT=str(port))
    assert done.returncode == 1
    assert (
        done.stderr
        == f"lotus: port {port} for gateway is in use; end what uses it, or set LOTUS_GATEWAY_PORT to another port\n"
    )
    assert fresh_lotus.processes() == []


@pytest.mark.smoke
def test_wrong_settings_are_one_line_each_and_nothing_is_started(fresh_lotus: Lotus) -> None:
    fresh_lotus.home.mkdir(mode=0o700)
    (fresh_lotus.home / ".env").write_text("LOTUS_LEASE_S=never\n")
    environment = {name: value for name, value in fresh_lotus.environment.items() if name != "LOTUS_LEASE_S"}
    done = Lotus(home=fresh_lotus.home, environment=environment).run(
        "up", LOTUS_MAX_STEPS="0", LOTUS_PROVIDER="offline"
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"LOTUS_LEASE_S='never' (from {fresh_lotus.home}/.env line 1) is wrong" in done.stderr
    assert "LOTUS_MAX_STEPS='0' (from the environment) is wrong" in done.stderr
    assert "LOTUS_PROVIDER (from the environment) is no setting of LOTUS; did you mean LOTUS_PROVIDERS?" in done.stderr
    assert len(done.stderr.splitlines()) == 3
    assert fresh_lotus.processes() == []


@pytest.mark.smoke
@pytest.mark.parametrize("command", [["ask", "hello"], ["psql"], ["restart"], ["worker", "memory"], ["runs", "list"]])
def test_a_command_that_needs_a_running_lotus_says_how_to_start_it(fresh_lotus: Lotus, command: list[str]) -> None:
    done = fresh_lotus.run(*command)
    assert done.returncode == 3
    assert "python manage.py up" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_keys_that_others_can_read_are_closed_at_start_in_one_line(fresh_lotus: Lotus) -> None:
    fresh_lotus.home.mkdir(mode=0o755)
    file = fresh_lotus.home / ".env"
    file.write_text("LOTUS_LOG_LEVEL=INFO\n")
    file.chmod(0o644)
    doctor = fresh_lotus.run("doctor")
    assert doctor.returncode == 1
    assert f"✗ {file} is open to others (mode 0644) → `python manage.py up` closes it" in doctor.stdout
    done = fresh_lotus.up()
    assert done.stderr.count(f"note: {file} was open to others (mode 0644); it is closed to them now\n") == 1
    assert [path.stat().st_mode & 0o777 for path in (file, fresh_lotus.home)] == [0o600, 0o700]
    assert f"✓ {file} is yours alone" in fresh_lotus.run("doctor").stdout
    file.chmod(0o644)
    assert "it is closed to them now" in fresh_lotus.run("restart").stderr
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.getuid() != 0, reason="only root's PostgreSQL needs another user")
def test_roots_database_outside_the_home_is_told_wherever_one_looks(fresh_lotus: Lotus, tmp_path: Path) -> None:
    (tmp_path / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    path = f"{tmp_path}:{fresh_lotus.environment['PATH']}"
    system = replace(fresh_lotus, environment={**fresh_lotus.environment, "PATH": path})
    outside = Home(system.home).root_database
    try:
        assert f"its data in {outside}" in system.run("doctor").stdout
        assert f"the database lies outside LOTUS_HOME, in {outside}" in system.up().stdout
        folder = outside / "parent" / "postgres"
        assert (folder / "PG_VERSION").exists()
        assert not (system.home / "data" / "postgres").exists()
        assert f"data outside LOTUS_HOME, in {folder}" in system.run("status").stdout
        assert json.loads(system.run("status", "--json").stdout)["services"]["postgres"]["data"] == str(folder)
        assert f"root's database lies outside LOTUS_HOME, in {outside}" in system.run("doctor").stdout
        done = system.run("down")
        assert (done.returncode, left_behind(system)) == (0, [])
    finally:
        system.run("down")
        shutil.rmtree(outside, ignore_errors=True)


def test_a_service_that_cannot_start_is_named_with_its_log_and_all_is_stopped(fresh_lotus: Lotus) -> None:
    fresh_lotus.up()
    assert fresh_lotus.run("down").returncode == 0
    (fresh_lotus.home / "data" / "postgres" / "PG_VERSION").write_text("12\n")
    done = fresh_lotus.run("up", timeout_s=90)
    assert done.returncode == 1
    assert "postgres did not come up" in done.stderr
    assert "PostgreSQL version 12" in done.stderr
    assert "Traceback" not in done.stderr
    assert fresh_lotus.processes() == []


def test_nucleus_loads_in_dependency_order_and_a_signal_stops_it_cleanly(fresh_lotus: Lotus) -> None:
    nucleus = subprocess.Popen(
        [sys.executable, "nucleus.py"],
        cwd=PROJECT,
        env={**fresh_lotus.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert nucleus.stdout is not None
    loaded = []
    for line in nucleus.stdout:
        if line.startswith("✓ Loaded: "):
            loaded.append(line.removeprefix("✓ Loaded: ").strip())
        if line.startswith("Ready"):
            break
    assert loaded == ["memory", "providers", "perception", "reasoning"]
    assert fresh_lotus.run("ask", "are you there?").returncode == 0
    nucleus.send_signal(signal.SIGINT)
    _, stderr = nucleus.communicate(timeout=60)
    assert nucleus.returncode == 0, stderr
    assert left_behind(fresh_lotus) == []


def test_one_process_is_restarted_and_its_log_is_shown(fresh_lotus: Lotus) -> None:
    fresh_lotus.up()
    before = fresh_lotus.pid_of("worker-perception")
    done = fresh_lotus.run("restart", "worker-perception")
    assert done.returncode == 0, done.stderr
    assert fresh_lotus.pid_of("worker-perception") != before
    assert "worker-perception" in fresh_lotus.run("logs", "worker-perception", "-n", "200").stdout
    unknown = fresh_lotus.run("restart", "worker-nothing")
    assert unknown.returncode == 2
    assert "there are: " in unknown.stderr
    wait_until(lambda: fresh_lotus.run("doctor").returncode == 0, timeout_s=30, what="a doctor without complaint")
    line = re.search(r"PGHOST=.* psql -U lotus -d lotus", fresh_lotus.run("doctor").stdout)
    assert line is not None
    path = {**os.environ, "PATH": f"{find_binaries()}:{os.environ['PATH']}"}
    opened = subprocess.run(["sh", "-c", f"{line[0]} -Atc 'select 1'"], env=path, capture_output=True, check=False)
    assert opened.stdout == b"1\n", opened.stderr


def test_with_services_of_the_users_own_none_is_started(fresh_lotus: Lotus, services: Services) -> None:
    theirs = services.runtime
    fresh_lotus.up(
        LOTUS_DATABASE_URL=theirs.database_url, LOTUS_REDIS_URL=theirs.redis_url, LOTUS_CHROMA_URL=theirs.chroma_url
    )
    assert set(fresh_lotus.processes()) == EVERYTHING - {"valkey", "postgres", "chroma"}
    assert fresh_lotus.runtime.embedded == frozenset()
    assert fresh_lotus.run("ask", "are you there?").returncode == 0
    assert fresh_lotus.run("down").returncode == 0
    assert left_behind(fresh_lotus) == []
    with services.redis() as client:
        assert client.ping()


def test_what_has_changed_in_dotenv_is_said_by_up_and_used_by_restart(fresh_lotus: Lotus) -> None:
    hidden = {"OPENAI_API_KEY", "LOTUS_MAX_STEPS"}  # set to nothing, they would hide the file
    environment = {name: value for name, value in fresh_lotus.environment.items() if name not in hidden}
    system = Lotus(home=fresh_lotus.home, environment=environment)
    system.up()
    (system.home / ".env").write_text("OPENAI_API_KEY=sk-hunter2\nLOTUS_MAX_STEPS=5\n")
    said = system.up().stderr
    assert "changed since the start: LOTUS_MAX_STEPS, OPENAI_API_KEY; `python manage.py restart`" in said
    assert system.run("restart", timeout_s=120).returncode == 0
    assert system.runtime.setting("LOTUS_MAX_STEPS") == 5
    assert "changed" not in system.up().stderr
    assert "hunter2" not in Home(system.home).runtime_file.read_text()


def test_a_terminated_up_leaves_nothing_running(fresh_lotus: Lotus) -> None:
    starting = fresh_lotus.popen("up")
    wait_until(lambda: "valkey" in fresh_lotus.processes(), what="the first service")
    starting.terminate()
    starting.communicate(timeout=60)
    assert starting.returncode == 130
    assert fresh_lotus.processes() == []
