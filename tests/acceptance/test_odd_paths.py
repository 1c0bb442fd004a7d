"""LOTUS where its own folder and LOTUS_HOME have names that shells, URLs and configuration files read otherwise, and are long."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from failures import kept_on_failure
from stack import clean_environment, temporary_home

from lotus_tasks.local.home import PROJECT, SOCKET_PATH_BYTES, Home
from lotus_tasks.stack.lifecycle import stop
from lotus_tasks.stack.orphans import find_processes

ODD = "Zoë's \"100%\" %(x)s; $HOME#1, a=b & 人"
SHIPPED = ("manage.py", "start_lotus.sh", "celeryconfig.py", "nucleus.py", "lotus_tasks", "workers", "beat", "requirements")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project under an odd name, with an environment of its own there that borrows the installed packages."""
    folder = tmp_path / f"{ODD} project" / "deep" / ("p" * 60)
    folder.mkdir(parents=True)
    for name in SHIPPED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True, timeout=60)
    packages = next((folder / ".venv" / "lib").glob("python3*/site-packages"))
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    shutil.copy2(PROJECT / "requirements" / "lotus.lock", folder / ".venv" / "installed-lotus.lock")
    return folder


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as root:
        home = root / f"{ODD} home" / ("h" * 90)
        assert len(os.fsencode(home)) > SOCKET_PATH_BYTES
        try:
            with kept_on_failure(home):
                yield home
        finally:
            stop(Home(home), lambda _: None)


@pytest.mark.timeout(900)  # a start in an environment of its own, on a busy machine
def test_a_start_a_question_and_a_stop_in_odd_and_long_paths(project: Path, home: Path):
    def run(*command: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=project, env=clean_environment(home), capture_output=True, text=True, timeout=timeout_s, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    started = run("./start_lotus.sh")
    assert "Ready in " in started.stdout + started.stderr
    notes = project.parent / f"{ODD}.md"
    notes.write_text("# Boat\n\nThe spare key of the boat hangs behind the blue door.\n", encoding="utf-8")
    run("./manage.py", "ingest", str(notes))
    answer = json.loads(run("./manage.py", "ask", "--json", "Where does the spare key of the boat hang?").stdout)
    assert "blue door" in answer["answer"]
    assert answer["citations"][0]["source"] == str(notes.resolve())
    assert "blue door" in json.loads(run("./manage.py", "recall", "--json", "spare key").stdout)[0]["text"]
    status = json.loads(run("./manage.py", "status", "--json").stdout)
    assert status["overall"] == "ok", status
    assert {process["state"] for process in status["processes"]} == {"RUNNING"}
    assert run("./manage.py", "logs", "worker-memory").stdout
    run("./manage.py", "doctor")
    run("./manage.py", "restart", "worker-providers")
    run("./manage.py", "down")
    assert find_processes(Home(home)) == []
    assert not Home(home).sockets.exists()
