"""When a command that failed for now is tried again."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from lotus_tasks.errors import LotusError, ServiceDown, Transient
from lotus_tasks.spine.execution import Execution
from lotus_tasks.spine.leases import HeldLease
from lotus_tasks.spine.outbox import Claim
from lotus_tasks.values import CommandId
from lotus_tasks.work import Outcome


@dataclass
class Outbox:
    away: int = 0
    delays: list[float] = field(default_factory=list)
    finished: list[object] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def finish(self, claim: Claim, outcome: Outcome):
        if self.away:
            self.away -= 1
            raise ServiceDown("PostgreSQL is away")
        self.finished.append(outcome.result)
        return []

    def end(self, claim: Claim, error: LotusError, *, status: str):
        self.ended.append(str(error))
        return []

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


def claim_of(*, attempt: int = 1, **payload) -> Claim:
    return Claim(
        command_id=CommandId(uuid.UUID(int=1)),
        run_id=None,
        name="providers.complete",
        payload=payload,
        attempt=attempt,
        max_attempts=9,
        idempotent=True,
        fence=1,
        queued_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


def delay_s(attempt: int, retry_after_s: float | None = None) -> float:
    """The pause after a body that failed for now at its ``attempt``."""
    outbox = Outbox()

    def body(_work):
        raise Transient("away", retry_after_s=retry_after_s)

    Execution(outbox, Keeper()).carry_out(claim_of(attempt=attempt), body)
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


def carried_out(outbox: Outbox, *, lease_s: float, **payload) -> int:
    """How often the body ran."""
    claim, asked = claim_of(**payload), []

    class Keeping(Keeper):
        def __enter__(self):
            return HeldLease(claim, lease_s=lease_s)

    def body(_work):
        asked.append(1)
        return Outcome(result={"text": "yes"})

    Execution(outbox, Keeping()).carry_out(claim, body)
    return len(asked)


def test_while_postgresql_is_away_the_commit_is_repeated_and_the_model_is_not_asked_again():
    outbox = Outbox(away=3)
    assert carried_out(outbox, lease_s=30.0) == 1
    assert (outbox.away, outbox.finished, outbox.delays) == (0, [{"text": "yes"}], [])


def test_the_commit_is_not_repeated_past_the_lease():
    outbox = Outbox(away=3)
    assert carried_out(outbox, lease_s=0.0) == 1
    assert (outbox.away, outbox.finished, len(outbox.delays)) == (2, [], 1)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"text": {"a": 1}}, "the field 'text' is text, not dict"),
        ({"query": 7}, "the field 'query' is text, not int"),
        ({"importance": "much"}, "the field 'importance' is a number, not str"),
        ({"k": True}, "the field 'k' is a number, not bool"),
        ({"items": "abc"}, "the field 'items' is a list, not str"),
        ({"items": [{"text": ["a"]}]}, "the field 'text' is text, not list"),
        ({"items": ["a"]}, "an item is an object, not str"),
        ({"provenance": []}, "the field 'provenance' is an object, not list"),
    ],
)
def test_a_payload_of_other_types_is_refused_before_the_body_runs(payload, said):
    outbox = Outbox()
    assert carried_out(outbox, lease_s=5.0, **payload) == 0
    assert outbox.ended == [said]


def test_a_payload_of_the_right_types_or_without_values_runs():
    right = {"text": "a", "k": 3, "importance": 0.5, "source": None, "items": [{"text": "b"}], "unknown": {}}
    assert carried_out(Outbox(), lease_s=5.0, **right) == 1


def test_a_fault_of_the_programs_ends_the_command_in_a_persons_words():
    outbox = Outbox()

    def body(_work):
        raise AttributeError("'list' object has no attribute 'encode'")

    Execution(outbox, Keeper()).carry_out(claim_of(), body)
    assert outbox.ended == ["internal error in providers.complete; `manage.py logs worker-providers` has it"]
