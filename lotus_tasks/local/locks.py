"""One process of a name at a time: a flock that the kernel lets go when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessLock:
    """A held lock. It lives as long as its descriptor: in this process, in what it becomes by exec, and in its forks."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Lets go."""
        os.close(self.descriptor)

    def remove(self) -> None:
        """Lets go and leaves no file. Who opened it meanwhile finds that it has gone, and makes a new one."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def take_lock(path: Path, *, wait_s: float = 0.0, inheritable: bool = False) -> ProcessLock | None:
    """The lock on ``path`` with this process's id written into it, or None when another process holds it for ``wait_s``.

    ``inheritable``: the lock stays held through an exec.
    """
    deadline = time.monotonic() + wait_s
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _flock(descriptor) and _is_file_of(path, descriptor):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            os.set_inheritable(descriptor, inheritable)
            return ProcessLock(path, descriptor)
        os.close(descriptor)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.05)


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_file_of(path: Path, descriptor: int) -> bool:
    """Whether the file locked is still the one of that name: its last holder may have removed it."""
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def lock_holder(path: Path) -> int | None:
    """The process id written by whoever holds the lock on ``path``; None when nobody does."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _flock(descriptor):
            return None
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(descriptor)
