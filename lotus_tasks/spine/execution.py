"""Carries a claimed command out: the body under its lease, then the commit, or the retry, or the end. Knows no Celery."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from lotus_tasks.errors import (
    Cancelled,
    EffectUnknown,
    HandBack,
    LotusError,
    Permanent,
    ServiceDown,
    StaleLease,
    Transient,
)
from lotus_tasks.spine.crashpoints import crash_point
from lotus_tasks.spine.leases import HeldLease, LeaseKeeper
from lotus_tasks.spine.outbox import Claim, Outbox, WakeUp
from lotus_tasks.values import CommandId, RunId
from lotus_tasks.work import Outcome, Work, refuse_mistyped

log = structlog.get_logger("lotus.tasks")

Body = Callable[[Work], Outcome[Any]]

stopping = threading.Event()
"""Set when this worker was told to stop."""


@dataclass(slots=True, kw_only=True)
class ClaimedWork:
    """The Work a body gets."""

    command_id: CommandId
    run_id: RunId | None
    name: str
    payload: Mapping[str, Any]
    attempt: int
    max_attempts: int
    fence: int
    queued_at: datetime
    lease: HeldLease

    @classmethod
    def of(cls, claim: Claim, lease: HeldLease) -> ClaimedWork:
        """The work behind a claim."""
        return cls(
            command_id=claim.command_id,
            run_id=claim.run_id,
            name=claim.name,
            payload=claim.payload,
            attempt=claim.attempt,
            max_attempts=claim.max_attempts,
            fence=claim.fence,
            queued_at=claim.queued_at,
            lease=lease,
        )

    def cancelled(self) -> bool:
        """Whether the run was cancelled."""
        return self.lease.cancelled

    def stopping(self) -> bool:
        """Whether the worker is shutting down."""
        return stopping.is_set()

    def is_current(self) -> bool:
        """Whether the lease is still ours."""
        return self.lease.is_current


class Execution:
    """What a process needs to carry commands out."""

    def __init__(self, outbox: Outbox, keeper: LeaseKeeper) -> None:
        self._outbox = outbox
        self._keeper = keeper

    def carry_out(self, claim: Claim, body: Body) -> list[WakeUp]:
        """Run the body under the claim's lease and commit what it returns. Returns what to send; raises nothing."""
        with self._keeper.hold(claim) as lease:
            try:
                refuse_mistyped(claim.payload)
                outcome = body(ClaimedWork.of(claim, lease))
                crash_point("after_work", claim.name)
                wake_ups = self._finish(claim, outcome, lease)
            except StaleLease as error:
                log.warning("result dropped", reason=str(error))
            except HandBack:
                self._settle(lambda: self._outbox.hand_back(claim))
            except Cancelled as error:
                return self.end(claim, error, status="cancelled")
            except Transient as error:
                log.warning("will be tried again", reason=str(error), attempt=claim.attempt)
                return self._settle(partial(self._outbox.retry, claim, error, delay_s=_pause_s(claim, error))) or []
            except LotusError as error:
                status = "unknown" if isinstance(error, EffectUnknown) else "failed"
                log.warning(status, reason=str(error))
                return self.end(claim, error, status=status)
            except Exception:
                log.exception("failed unexpectedly")
                process = os.environ.get("LOTUS_PROCESS") or f"worker-{claim.name.partition('.')[0]}"
                reason = f"internal error in {claim.name}; `manage.py logs {process}` has it"
                return self.end(claim, Permanent(reason))
            else:
                crash_point("after_finish", claim.name)
                _tell(outcome)
                return wake_ups
        return []

    def end(self, claim: Claim, error: LotusError, *, status: str = "failed") -> list[WakeUp]:
        """End the command without a result. Returns what to send."""
        return self._settle(partial(self._outbox.end, claim, error, status=status)) or []

    def _finish(self, claim: Claim, outcome: Outcome[Any], lease: HeldLease) -> list[WakeUp]:
        """Commit; while PostgreSQL is away and the lease may still be ours, try again rather than lose the work."""
        pause_s = 0.1
        while True:
            try:
                return self._outbox.finish(claim, outcome)
            except ServiceDown:
                if time.monotonic() + pause_s > lease.good_until:
                    raise
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)

    def _settle(self, write: Callable[[], list[WakeUp] | None]) -> list[WakeUp] | None:
        """A write that only saves time: without it the lease runs out, and the relay does the rest."""
        try:
            return write()
        except ServiceDown as error:
            log.warning("not recorded; the lease will run out", reason=str(error))
            return None


def _tell(outcome: Outcome[Any]) -> None:
    """The hint after the commit: the work is done, whatever becomes of the hint."""
    if outcome.after is None:
        return
    try:
        outcome.after()
    except Exception:
        log.exception("the hint after the commit failed")


def _pause_s(claim: Claim, error: Transient) -> float:
    """Doubling pauses with jitter, or what the cause asked for (at most ten minutes)."""
    if error.retry_after_s is not None:
        return min(max(error.retry_after_s, 0.0), 600.0)
    return float(min(2 ** (claim.attempt - 1), 30)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
