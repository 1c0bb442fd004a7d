"""Runs a Python program apart: limits on time and memory, no network, no files but an empty folder of its own.

The network is taken away with a namespace of its own (unshare(1)), files with Landlock, sockets and further processes with
seccomp (python_cell.py). Where one of them can't be had, as outside Linux, nothing is run.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from lotus_tasks.errors import HandBack, InvalidInput, Permanent

WALL_S = 10.0
PROGRAM_BYTES = 100 * 1024
OUTPUT_BYTES = 64 * 1024
FOLDER_BYTES = 64 * 1024 * 1024
_UNCONFINED = 97
_CELL = Path(__file__).with_name("python_cell.py")


def run_in_box(code: str, *, stop: Callable[[], bool]) -> str:
    """What the program printed, and how it ended where that wasn't well.

    ``stop``: asked ten times a second; when it says so the program is ended and HandBack raised. Raises Permanent where this
    machine can't shut a program off.
    """
    if len(code.encode()) > PROGRAM_BYTES:
        raise InvalidInput(f"the program is longer than {PROGRAM_BYTES // 1024} KB")
    with (
        tempfile.TemporaryDirectory(prefix="lotus-python-") as folder,
        tempfile.TemporaryFile() as program,
        tempfile.TemporaryFile() as output,
    ):
        program.write(code.encode())
        program.seek(0)
        process = subprocess.Popen(
            [*_without_network(), sys.executable, "-I", "-S", str(_CELL)],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": folder, "LANG": "C.UTF-8"},
            stdin=program,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        ended = _wait(process, stop, Path(folder))
        output.seek(0)
        said = output.read(OUTPUT_BYTES).decode("utf-8", "replace")
    if process.returncode == _UNCONFINED:
        raise Permanent(said.strip())
    if ended:
        return f"{said}\n[{ended}]"
    return said if process.returncode == 0 else f"{said}\n[exit code {process.returncode}]"


def _wait(process: subprocess.Popen[bytes], stop: Callable[[], bool], folder: Path) -> str:
    """Wait for the program's own end; why it was ended, where it was."""
    deadline = time.monotonic() + WALL_S
    look_at = 0.0
    try:
        while process.poll() is None:
            if stop():
                raise HandBack("the program was ended with the worker")
            if time.monotonic() > deadline:
                return f"ended after {WALL_S:g} s"
            if time.monotonic() > look_at:
                if _bytes_in(folder) > FOLDER_BYTES:
                    return f"ended: it wrote more than {FOLDER_BYTES // 1024 // 1024} MB"
                look_at = time.monotonic() + 0.2
            time.sleep(0.02)
        return ""
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _bytes_in(folder: Path) -> int:
    """What is on the disk, a block for each name at least. A program that removes while this looks is no trouble."""
    total = 0
    for place, folders, files in os.walk(folder, onerror=None):
        total += 4096 * (len(folders) + len(files))
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118 - it may be many
        if total > FOLDER_BYTES:
            break
    return total


@cache
def _without_network() -> tuple[str, ...]:
    unshare = shutil.which("unshare")
    if unshare is not None:
        prefix = (unshare, "--user", "--map-current-user", "--net", "--ipc", "--pid", "--fork", "--kill-child")
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix
    raise Permanent("this machine can't cut a process off from the network (unshare), so no program is run")
