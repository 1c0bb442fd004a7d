"""The supervisor's log on a full disk. In processes of their own: the supervisor's loggers are changed for good."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from stack import wait_until

from lotus_tasks.local.home import PROJECT

FULL = Path("/dev/full")

PROGRAM = """
from supervisor import loggers
from lotus_tasks.stack.supervisor_main import drop_what_cannot_be_written
drop_what_cannot_be_written()
handler = loggers.RotatingFileHandler({path!r}, maxBytes=40, backupCount=1)
log = loggers.Logger(handlers=[handler])
for number in range(12):
    {before}
    log.info(f"line {{number}}\\n")
"""


def run(path: Path, before: str = "pass") -> subprocess.CompletedProcess[bytes]:
    with (FULL if FULL.exists() else path).open("wb") as errors:
        text = PROGRAM.format(path=str(path), before=before)
        return subprocess.run([sys.executable, "-c", text], cwd=PROJECT, stderr=errors, check=False, timeout=60)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_does_not_end_the_supervisor() -> None:
    assert run(FULL).returncode == 0


def test_the_log_goes_on_after_a_rollover_that_failed(tmp_path: Path) -> None:
    log = tmp_path / "supervisor.log"
    assert run(log, "handler.stream.close() if number == 5 else None").returncode == 0
    written = [line for path in sorted(tmp_path.iterdir(), reverse=True) for line in path.read_text().splitlines()]
    assert written[-1] == "line 11"


ENDS_AT_ONCE = """
import types
from supervisor import process, states
from lotus_tasks.stack.supervisor_main import LONGEST_PAUSE_S, try_for_ever
try_for_ever()
program = process.Subprocess.__new__(process.Subprocess)
program.backoff, program.state, program.event_map = 0, states.ProcessStates.STARTING, {}
program.config = types.SimpleNamespace(startretries=100)
import time
for number in range(1000):
    program.state = states.ProcessStates.STARTING
    program.change_state(states.ProcessStates.BACKOFF)
    assert program.backoff <= LONGEST_PAUSE_S < program.config.startretries
    assert program.delay - time.time() <= LONGEST_PAUSE_S
"""


def test_a_program_that_ends_a_thousand_times_is_still_tried_every_ten_seconds() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDS_AT_ONCE], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


ONE_PROGRAM = """
[supervisord]
nodaemon=true
logfile={folder}/supervisor.log
pidfile={folder}/supervisor.pid
[program:short]
command={python} -c "import time; time.sleep(0.3)"
startsecs=0
autorestart=true
stdout_logfile=NONE
stderr_logfile=NONE
"""


def test_a_running_program_that_ends_is_started_again(tmp_path: Path) -> None:
    configuration = tmp_path / "supervisord.conf"
    configuration.write_text(ONE_PROGRAM.format(folder=tmp_path, python=sys.executable))
    command = [sys.executable, "-m", "lotus_tasks.stack.supervisor_main", "--configuration", str(configuration)]
    log = tmp_path / "supervisor.log"
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as supervisor:
        try:
            wait_until(lambda: log.exists() and log.read_text().count("spawned: 'short'") > 2, what="the third start")
            assert supervisor.poll() is None
        finally:
            supervisor.terminate()
