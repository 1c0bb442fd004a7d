"""Slots beside a worker's own, for commands that mostly wait for something outside LOTUS and would keep short ones waiting.

A message is done with as soon as its command stands here: PostgreSQL's lease is what says that somebody is at it. What stands
here unclaimed when the process dies is sent again by the relay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

log = structlog.get_logger("lotus.tasks")


class ToolSlots:
    """``slots`` threads, started as they are needed."""

    def __init__(self, slots: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="tool")
        self._lock = threading.Lock()
        self._busy = 0

    @property
    def busy(self) -> int:
        """How many are at work."""
        return self._busy

    def run(self, work: Callable[[], None]) -> None:
        """Do it when a slot is free. What it raises is logged."""
        self._pool.submit(self._carry_out, work)

    def close(self) -> None:
        """Take no more, forget what hasn't begun, and wait for what has."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _carry_out(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._busy += 1
        try:
            work()
        except Exception:
            log.exception("failed unexpectedly")
        finally:
            with self._lock:
                self._busy -= 1
