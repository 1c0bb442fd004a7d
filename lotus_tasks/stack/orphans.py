"""Processes of this LOTUS_HOME that no supervisor looks after any more, found and ended.

A process is ours when it was started for this home by the supervisor (LOTUS_HOME and LOTUS_PROCESS in its environment) or
has one of this home's lock files open: PostgreSQL overwrites its environment's memory, a lock's descriptor goes through exec
and fork. Where other processes' files can't be seen, the ids written into the held locks are all there is to go by.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from lotus_tasks.local.home import Home
from lotus_tasks.local.locks import lock_holder

_SERVICES = {"valkey", "postgres", "chroma"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProcess:
    """A living process of this home. ``name``: the program it belongs to."""

    pid: int
    name: str


def find_processes(home: Home) -> list[OwnProcess]:
    """Every living process of this home, the supervisor too, without ourselves."""
    found: dict[int, str] = {}
    for process in psutil.process_iter():
        if process.pid != os.getpid() and (name := _name_of(process, home)):
            found[process.pid] = name
    for lock in home.locks.iterdir() if home.locks.is_dir() else ():
        pid = lock_holder(lock)
        if pid and pid != os.getpid() and is_alive(pid):
            found.setdefault(pid, lock.name.removesuffix(".lock"))
    return [OwnProcess(pid=pid, name=name) for pid, name in sorted(found.items())]


def end_processes(home: Home, *, patience_s: float = 10.0) -> list[OwnProcess]:
    """Ends every process of this home: supervisor first, so that it restarts nothing, services last. Returns what was found."""
    everything = find_processes(home)
    supervisors = [process for process in everything if process.name == "supervisor"]
    _signal_until_gone(supervisors, signal.SIGKILL, patience_s=2.0)
    core = [process for process in everything if process.name not in {*_SERVICES, "supervisor"}]
    _signal_until_gone(core, signal.SIGTERM, patience_s=patience_s)
    services = [process for process in find_processes(home) if process.name in _SERVICES]
    _signal_until_gone(services, signal.SIGINT, patience_s=patience_s)
    _signal_until_gone(find_processes(home), signal.SIGKILL, patience_s=5.0)
    return everything


def is_alive(pid: int) -> bool:
    """Whether the process exists and has not ended (a zombie has)."""
    try:
        return psutil.Process(pid).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _signal_until_gone(processes: Iterable[OwnProcess], number: signal.Signals, *, patience_s: float) -> None:
    waiting = [process.pid for process in processes]
    for pid in waiting:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and any(is_alive(pid) for pid in waiting):
        time.sleep(0.05)


def _name_of(process: psutil.Process, home: Home) -> str | None:
    try:
        variables = process.environ()
        if variables.get("LOTUS_HOME") == str(home.path) and "LOTUS_PROCESS" in variables:
            return str(variables["LOTUS_PROCESS"])
        for file in process.open_files():
            if Path(file.path).parent == home.locks:
                return Path(file.path).name.removesuffix(".lock")
    except (psutil.Error, OSError):
        return None
    return None
