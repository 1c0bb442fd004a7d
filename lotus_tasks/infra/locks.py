"""One process of a name at a time: a flock that the kernel lets go when the process ends, however it ends."""

from __future__ import annotations

import errno
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
        """Lets go; the file stays, so that two processes never lock two files of one name."""
        os.close(self.descriptor)


def take_lock(path: Path, *, wait_s: float = 0.0, inheritable: bool = False) -> ProcessLock | None:
    """The lock on ``path`` with this process's id written into it, or None when another process holds it for ``wait_s``.

    ``inheritable``: the lock stays held through an exec.
    """
    deadline = time.monotonic() + wait_s
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                os.close(descriptor)
                raise
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.05)
            continue
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        os.set_inheritable(descriptor, inheritable)
        return ProcessLock(path, descriptor)


def lock_holder(path: Path) -> int | None:
    """The process id written by whoever holds the lock on ``path``; None when nobody does."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(descriptor)
