"""What a command does in surroundings that are not the usual ones: its locale, its limits, its signals, and a shell's Tab key."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping

from stack import Lotus

from lotus_tasks.infra.home import PROJECT


def test_without_a_utf8_locale_no_letter_is_lost(lotus: Lotus):
    surroundings = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = lotus.run("remember", "Zoë lives in Ålesund, 世界", "--json", **surroundings)
    (memory_id,) = json.loads(done.stdout)["memory_ids"]
    assert (
        json.loads(lotus.run("memory", "show", memory_id, "--json").stdout)["memory"]["text"]
        == "Zoë lives in Ålesund, 世界"
    )
    assert "Zoë lives in Ålesund, 世界" in lotus.run("memory", "show", memory_id, **surroundings).stdout


def test_with_few_open_files_allowed_it_is_one_line_and_nothing_is_started(fresh_lotus: Lotus):
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=PROJECT, env=dict(fresh_lotus.environment), capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("lotus: a process may open 64 files only here; ")
    assert len(done.stderr.splitlines()) == 1
    assert fresh_lotus.processes() == []


def test_a_command_whose_shell_ignores_sigint_is_ended_by_it(lotus: Lotus):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "events", "tail", "--json"],
        cwd=PROJECT, env=dict(lotus.environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509 - single-threaded here
    )  # fmt: skip
    try:
        assert lotus.run("events", "emit", "memory.stored", "source=surroundings", "count=1").returncode == 0
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 130, err
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_key_costs_little_on_a_lotus_that_runs(lotus: Lotus):
    """Processor time, which a busy machine doesn't change: of Python, and of the psql that it asks."""
    lotus.run("ask", "what is the time?", "--provider", "offline")
    environment: Mapping[str, str] = {
        **lotus.environment, "_MANAGE_PY_COMPLETE": "bash_complete", "COMP_LINE": "./manage.py runs show ",
    }  # fmt: skip
    before = os.times()
    times = 3
    for _ in range(times):
        done = subprocess.run(["./manage.py"], env=environment, capture_output=True, text=True, check=True, timeout=30)
        assert done.stdout.startswith("plain,")
    after = os.times()
    spent_s = (after.children_user + after.children_system - before.children_user - before.children_system) / times
    assert spent_s <= 1.0  # of the processor; it was 0.9 s and more of the clock where every command was imported
