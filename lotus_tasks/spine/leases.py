"""Leases of the commands this process works on: renewed by one thread, which also learns what was cancelled or taken over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import structlog

from lotus_tasks.errors import ServiceDown
from lotus_tasks.spine import queries
from lotus_tasks.spine.outbox import Claim, Outbox
from lotus_tasks.values import CommandId

LOOK_EVERY_S = 0.4
"""How often held commands are looked at: a cancelled run's model call ends within a second."""
BEAT_EVERY_S = 3.0

log = structlog.get_logger("lotus.leases")


class HeldLease:
    """One command's lease, as far as the last look knows."""

    def __init__(self, claim: Claim, *, lease_s: float) -> None:
        self.claim = claim
        self.is_current = True
        self.cancelled = False
        self.good_until = time.monotonic() + lease_s


class LeaseKeeper:
    """Renews every held lease at a quarter of its length. The thread lives while anything is held, and a moment longer.

    ``on_beat``: called about every three seconds while the process lives, with the names of the held
    commands, for its own sign of life.
    """

    def __init__(self, outbox: Outbox, *, on_beat: Callable[[Sequence[str]], None] | None = None) -> None:
        self._outbox = outbox
        self._on_beat = on_beat
        self._held: dict[CommandId, HeldLease] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._something = threading.Event()
        self._thread: threading.Thread | None = None
        self._renewed_at = self._beat_at = 0.0

    def names(self) -> list[str]:
        """The names of the commands that are held."""
        with self._lock:
            return [lease.claim.name for lease in self._held.values()]

    @contextmanager
    def hold(self, claim: Claim) -> Iterator[HeldLease]:
        """Renew the claim's lease for the length of the block."""
        lease = HeldLease(claim, lease_s=self._outbox.lease_s)
        with self._lock:
            self._held[claim.command_id] = lease
        self.start()
        self._something.set()
        try:
            yield lease
        finally:
            with self._lock:
                self._held.pop(claim.command_id, None)

    def start(self) -> None:
        """Start the thread, if it isn't running."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop the thread."""
        self._closed.set()
        self._something.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._turn()
            except Exception:
                # Without this thread every longer task would lose its lease.
                log.exception("leases not looked at")
                self._closed.wait(LOOK_EVERY_S)

    def _turn(self) -> None:
        now = time.monotonic()
        if self._on_beat is not None and now - self._beat_at >= BEAT_EVERY_S:
            self._beat_at = now
            with suppress(ServiceDown):
                self._on_beat(self.names())
        if self._held:
            extend = now - self._renewed_at >= self._outbox.lease_s / 4
            if self._look(extend=extend) and extend:
                self._renewed_at = now
            self._closed.wait(LOOK_EVERY_S)
            return
        self._something.clear()
        if not self._held:
            self._something.wait(BEAT_EVERY_S)
            # A task that is done at once needs no look: most are.
            self._closed.wait(LOOK_EVERY_S / 4)

    def _look(self, *, extend: bool) -> bool:
        with self._lock:
            leases = list(self._held.values())
        if not leases:
            return False
        now = time.monotonic()
        try:
            with self._outbox.database.transaction() as conn:
                rows = conn.execute(
                    queries.load("outbox").renew,
                    {
                        "ids": [lease.claim.command_id for lease in leases],
                        "fences": [lease.claim.fence for lease in leases],
                        "lease_s": self._outbox.lease_s,
                        "extend": extend,
                    },
                ).fetchall()
        except ServiceDown as error:
            log.warning("leases not renewed", reason=str(error), held=len(leases))
            for lease in leases:
                lease.is_current = lease.is_current and now < lease.good_until
            return False
        known = {row["id"]: row for row in rows}
        for lease in leases:
            row = known.get(lease.claim.command_id)
            lease.is_current = bool(row and row["current"])
            lease.cancelled = bool(row and row["cancelled"])
            if extend:
                lease.good_until = now + self._outbox.lease_s
        return True
