"""What a failed test leaves: its processes and pipes are ended, its logs and database kept under test-failures/.

A plugin of the test run, loaded by tests/conftest.py. A failed test's open pipe would otherwise be found by the garbage
collector in the middle of an innocent later test, where warnings are errors; and what the failed LOTUS wrote is gone with
its temporary home before anyone has read it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lotus_tasks.errors import LotusError
from lotus_tasks.local.home import PROJECT, Home

KEPT = PROJECT / "test-failures"
_LOG_BYTES = 4_000_000
"""The end of each log that is kept."""
_DUMP_S = 30
_started: weakref.WeakSet[subprocess.Popen] = weakref.WeakSet()
_start = subprocess.Popen.__init__


def _start_and_note(process: subprocess.Popen, *arguments: Any, **options: Any) -> None:
    _start(process, *arguments, **options)
    _started.add(process)


def pytest_configure() -> None:
    """Processes of the tests can be interrupted, also where the run itself was started with SIGINT ignored (`… &`)."""
    subprocess.Popen.__init__ = _start_and_note  # type: ignore[method-assign]
    heed_interrupts()


def pytest_unconfigure() -> None:
    subprocess.Popen.__init__ = _start  # type: ignore[method-assign]


def heed_interrupts() -> None:
    """SIGINT as a terminal's program has it: a process inherits whether it is ignored (POSIX, execve)."""
    if signal.getsignal(signal.SIGINT) in {signal.SIG_IGN, None}:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Ends what a test that fails started and left, and keeps what its LOTUS wrote."""
    before = set(_started)
    try:
        return (yield)
    except pytest.skip.Exception:
        raise
    except BaseException:
        for home in homes_of(item):
            keep(home, item.nodeid)
        end(process for process in set(_started) if process not in before)
        raise


def end(processes: Iterator[subprocess.Popen]) -> None:
    """Kills each that still runs, and closes its pipes."""
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was to be written has no reader any more
                    pipe.close()


def homes_of(item: pytest.Item) -> set[Path]:
    """LOTUS_HOME of every LOTUS or services among the test's fixtures, also inside a dataclass of the test's own."""
    found: set[Path] = set()
    for value in getattr(item, "funcargs", {}).values():
        inside = [getattr(value, field.name) for field in dataclasses.fields(value)] if _is_record(value) else []
        for one in (value, *inside):
            if hasattr(one, "home") and hasattr(one, "environment"):
                found.add(Path(one.home))
    return found


def _is_record(value: object) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def keep(home: Path, test: str) -> None:
    """Copies the logs and dumps the database of this LOTUS under ``test-failures/<the test's name>/``."""
    folder = KEPT / re.sub(r"[^\w.-]+", "_", test.removeprefix("tests/"))[-150:] / home.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for log in sorted(Home(home).log.glob("*")):
        if log.is_file():
            with log.open("rb") as file:
                file.seek(max(0, log.stat().st_size - _LOG_BYTES))
                (folder / log.name).write_bytes(file.read())
    _dump(home, folder / "database.sql")


def _dump(home: Path, path: Path) -> None:
    """What PostgreSQL holds, where it answers; else the line that says why not."""
    from stack import runtime_at

    from lotus_tasks.stack.postgres import find_binaries

    try:
        url = runtime_at(home).database_url
        command = [str(find_binaries() / "pg_dump"), "--dbname", url, "--no-owner", "--file", str(path)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=_DUMP_S, check=False).stderr
    except (LotusError, OSError, subprocess.SubprocessError) as error:  # the test's own failure is what is told
        said = f"{type(error).__name__}: {error}"
    if said:
        path.with_suffix(".error").write_text(said)


def current_test() -> str:
    """The test that runs now, as pytest names it."""
    return os.environ.get("PYTEST_CURRENT_TEST", "unknown").rpartition(" ")[0] or "unknown"


@contextlib.contextmanager
def kept_on_failure(home: Path) -> Iterator[None]:
    """For a LOTUS that a test or a fixture starts by itself: kept when the block fails, before it is stopped."""
    try:
        yield
    except (Exception, pytest.fail.Exception):
        keep(home, current_test())
        raise
