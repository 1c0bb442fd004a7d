"""What a command does in surroundings that are not the usual ones: its locale, its limits, its signals, and a shell's Tab key."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys

from completing import complete_and_list_imports, others_than_click
from stack import Lotus

from lotus_tasks.local.home import PROJECT


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


def test_a_key_imports_nothing_but_click_on_a_lotus_that_runs(lotus: Lotus):
    """What a key costs is what it imports; of the clock `benchmarks/cli.py` tells how much that is."""
    lotus.run("ask", "what is the time?", "--provider", "offline")
    offered, imported = complete_and_list_imports("./manage.py runs show ", lotus.environment)
    assert offered[0].startswith("plain,")
    assert others_than_click(imported) == set()
