"""A day belongs to the offset from UTC that holds on it, not to today's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pytest

from lotus_tasks.cli.memory_view import fact_line, origin
from lotus_tasks.commands.codec import read
from lotus_tasks.commands.memory import Fact
from lotus_tasks.commands.recall import RecalledMemory
from lotus_tasks.memory.service.corpus import local_days
from lotus_tasks.memory.service.writing import moment


@pytest.fixture(params=["Europe/Copenhagen", "America/St_Johns", "Pacific/Auckland", "UTC"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """As if it were the clock of this machine."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def told(text: str) -> datetime:
    found = moment(text, "when")
    assert found is not None
    return found


@pytest.mark.parametrize("day", ["2026-07-10", "2026-01-10", "2026-03-29", "2026-10-25", "1975-06-30", "2026-03-08"])
@pytest.mark.parametrize("hour", ["", "T00:30", "T02:30", "T23:30"])
def test_a_day_told_is_the_day_that_is_kept_and_shown(zone: str, day: str, hour: str):
    at = told(day + hour)
    (kept,) = local_days(np.array([at.timestamp()]))
    assert date.fromordinal(int(kept)) == date.fromisoformat(day)
    stored = at.astimezone(UTC).isoformat()  # as PostgreSQL gives it back
    memory = {"happened_at": stored, "stored_at": stored, "tier": "L3", "memory_id": "0" * 36, "text": "a"}
    assert day in origin(read(RecalledMemory, {**memory, "source": "diary.md"}))
    fact = {"subject": "I", "predicate": "live in", "value": "Oslo", "told_by": "rules", "origin": "user", "memory_id": "0" * 36}
    assert f"(from {day} until {day};" in fact_line(read(Fact, {**fact, "valid_from": stored, "valid_to": stored}))


def test_many_moments_keep_their_order_and_what_is_unknown(zone: str):
    days = [date(2026, 1, 1).toordinal() + number for number in range(0, 365, 7)]
    moments = [told(f"{date.fromordinal(day)}T12:00").timestamp() for day in days]
    found = local_days(np.array([*moments[::-1], np.nan]))
    assert list(found[:-1]) == days[::-1]
    assert np.isnan(found[-1])
    assert len(local_days(np.empty(0))) == 0
