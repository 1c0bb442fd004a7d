"""Process locks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lotus_tasks.local.home import PROJECT
from lotus_tasks.local.locks import lock_holder, take_lock

HOLD = """
import sys
from pathlib import Path
from lotus_tasks.local.locks import take_lock
take_lock(Path(sys.argv[1]))
print(flush=True)
sys.stdin.read()
"""


def test_a_held_lock_is_not_given_twice_and_names_its_holder(tmp_path: Path) -> None:
    first = take_lock(tmp_path / "beat")
    assert first is not None
    assert take_lock(tmp_path / "beat", wait_s=0.05) is None
    assert lock_holder(tmp_path / "beat") == os.getpid()
    first.release()


def test_a_killed_process_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "beat"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert lock_holder(path) == holder.pid
    holder.kill()
    holder.communicate()
    lock = take_lock(path, wait_s=2)
    assert lock is not None
    lock.release()
    assert lock_holder(path) is None


def test_a_removed_lock_leaves_no_file_and_can_be_taken_again(tmp_path: Path) -> None:
    first = take_lock(tmp_path / "up.lock")
    assert first is not None
    first.remove()
    assert not (tmp_path / "up.lock").exists()
    second = take_lock(tmp_path / "up.lock")
    assert second is not None
    assert lock_holder(tmp_path / "up.lock") == os.getpid()
    second.remove()


def test_the_launcher_holds_the_lock_through_exec_and_refuses_a_second(tmp_path: Path) -> None:
    launch = [sys.executable, "-E", "-S", "-m", "lotus_tasks.stack.launch", tmp_path / "valkey", "--"]
    program = subprocess.Popen([*launch, "cat"], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(b"up\n")
    program.stdin.flush()
    assert program.stdout.readline() == b"up\n"
    assert lock_holder(tmp_path / "valkey") == program.pid
    program.communicate()
    assert lock_holder(tmp_path / "valkey") is None
