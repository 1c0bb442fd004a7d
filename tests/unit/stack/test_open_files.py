"""How many files a process may open is settled before anything starts."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

from lotus_tasks.local.home import PROJECT
from lotus_tasks.stack.open_files import NEEDED


def limited(arguments: list[str], home: Path, limits: tuple[int, int]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, "LOTUS_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits),
    )


def test_up_with_a_limit_that_is_too_low_is_one_line_at_once(tmp_path: Path):
    done = limited(["manage.py", "up"], tmp_path, (64, 64))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "a process may open 64 files only" in line
    assert "ulimit -n" in line


def test_a_limit_that_may_be_raised_is_raised(tmp_path: Path):
    code = (
        "import resource; from lotus_tasks.stack.open_files import allow_open_files; allow_open_files();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    done = limited(["-c", code], tmp_path, (64, NEEDED + 1))
    assert done.stdout.strip() == str(NEEDED), done.stderr
