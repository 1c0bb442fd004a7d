"""Processes of this LOTUS_HOME that no supervisor looks after any more, found and ended.

A process is ours when it was started for this home by the supervisor (LOTUS_HOME and LOTUS_PROCESS in its environment) or
has one of this home's lock files open: PostgreSQL overwrites its environment's memory, a lock's descriptor goes through exec
and fork. Where there is no /proc, the ids written into the held locks are all there is to go by.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lotus_tasks.infra.home import Home
from lotus_tasks.infra.locks import lock_holder

_PROC = Path("/proc")
_SERVICES = {"valkey", "postgres", "chroma"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProcess:
    """A living process of this home. ``name``: the program it belongs to."""

    pid: int
    name: str


def find_processes(home: Home) -> list[OwnProcess]:
    """Every living process of this home, the supervisor too, without ourselves."""
    found: dict[int, str] = {}
    if (_PROC / "self" / "environ").exists():
        for entry in _PROC.iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid() and (name := _name_of(entry, home)):
                found[int(entry.name)] = name
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
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        state = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return not _PROC.joinpath("self").exists()
    return state[:1] != ["Z"]


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


def _name_of(entry: Path, home: Home) -> str | None:
    try:
        variables = entry.joinpath("environ").read_bytes().split(b"\0")
        if b"LOTUS_HOME=" + os.fsencode(home.path) in variables:
            names = [value for value in variables if value.startswith(b"LOTUS_PROCESS=")]
            if names:
                return os.fsdecode(names[-1].partition(b"=")[2])
        descriptors = list(entry.joinpath("fd").iterdir())
    except OSError:
        return None
    for descriptor in descriptors:
        try:
            target = descriptor.readlink()
        except OSError:
            continue
        if target.parent == home.locks:
            return target.name.removesuffix(".lock")
    return None
