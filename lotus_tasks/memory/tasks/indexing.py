"""The vector index as a task."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Final

from lotus_tasks.commands.upkeep import Index, Indexed
from lotus_tasks.errors import HandBack, Transient
from lotus_tasks.memory.tasks.parts import index_after, parts
from lotus_tasks.work import Outcome, Work
from lotus_tasks.worker.task import command_task

INDEX_SLICE_S: Final = 5.0
"""How long one index command works before it hands on to the next, so that recalls get their slot."""


class _Turnstile:
    """Lets one thread index; a request that comes meanwhile makes it look again before it leaves."""

    def __init__(self) -> None:
        self._inside = threading.Lock()
        self._lock = threading.Lock()
        self._wanted = 0

    def enter(self) -> bool:
        with self._lock:
            self._wanted += 1
            return self._inside.acquire(blocking=False)

    def leave(self, seen: int) -> bool:
        """Leave unless a request came after ``seen``. True when left."""
        with self._lock:
            if self._wanted != seen:
                return False
            self._inside.release()
            return True

    def leave_now(self) -> None:
        self._inside.release()

    @property
    def wanted(self) -> int:
        return self._wanted


_turnstile = _Turnstile()


@command_task(Index)
def index(_asked: Index, work: Work) -> Outcome[Indexed]:
    """Bring the vector index up to date, a few seconds at a time. What it can't reach now, the health tick tries again."""
    if not _turnstile.enter():
        return Outcome(result=Indexed(left_to="the index command that is running"))
    until = time.monotonic() + INDEX_SLICE_S
    embedded = indexed = removed = 0

    def done() -> Indexed:
        return Indexed(embedded=embedded, indexed=indexed, removed=removed)

    try:
        while True:
            seen = _turnstile.wanted
            progress = parts().indexer.work(lambda: time.monotonic() < until and not work.stopping())
            embedded, indexed = embedded + progress.embedded, indexed + progress.indexed
            removed += progress.removed
            if not progress.finished or _turnstile.leave(seen):
                break
    except Transient as error:
        _turnstile.leave_now()
        return Outcome(result=replace(done(), degraded=(str(error),)))
    except BaseException:
        _turnstile.leave_now()
        raise
    if progress.finished:
        return Outcome(result=done())
    _turnstile.leave_now()
    if work.stopping():
        raise HandBack("the worker stops; the index goes on with the next one")
    return Outcome(result=done(), commands=[index_after(work.command_id)])
