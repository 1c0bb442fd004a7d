"""When a command that failed for now is tried again."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from lotus_tasks.errors import Transient
from lotus_tasks.infra.execution import Execution
from lotus_tasks.infra.outbox import Claim
from lotus_tasks.values import CommandId


@dataclass
class Outbox:
    delays: list[float] = field(default_factory=list)

    def retry(self, claim: Claim, error: Transient, *, delay_s: float):
        self.delays.append(delay_s)
        return []


class Keeper:
    def hold(self, claim: Claim):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def delay_s(attempt: int, retry_after_s: float | None = None) -> float:
    """The pause after a body that failed for now at its ``attempt``."""
    claim = Claim(
        command_id=CommandId(uuid.UUID(int=1)),
        run_id=None,
        name="providers.complete",
        payload={},
        attempt=attempt,
        max_attempts=9,
        idempotent=True,
        fence=1,
        queued_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    outbox = Outbox()

    def body(_work):
        raise Transient("away", retry_after_s=retry_after_s)

    Execution(outbox, Keeper()).carry_out(claim, body)
    (delay,) = outbox.delays
    return delay


@pytest.mark.parametrize(
    ("attempt", "longest_s"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30), (60, 30)]
)
def test_pauses_double_up_to_half_a_minute(attempt, longest_s):
    delays = {delay_s(attempt) for _ in range(20)}
    assert longest_s / 2 <= min(delays) < max(delays) <= longest_s


@pytest.mark.parametrize(
    ("asked_s", "expected_s"), [(0.0, 0.0), (3.5, 3.5), (600.0, 600.0), (86_400.0, 600.0), (-5.0, 0.0)]
)
def test_what_the_cause_asked_for_is_kept_up_to_ten_minutes(asked_s, expected_s):
    assert delay_s(1, asked_s) == expected_s
    assert delay_s(6, asked_s) == expected_s
