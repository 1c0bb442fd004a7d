"""What to do about due times: those that have just come, and those that passed while LOTUS was off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from lotus_tasks.reasoning.service.timetable import Timetable, latest_due, next_after

MissedPolicy = Literal["once", "skip", "all"]
"""once: one run for all that was missed. skip: none. all: one run each, the latest MOST_AT_ONCE of them."""

ON_TIME = timedelta(minutes=2)
"""A due time this young was not missed: a tick comes every 10 s, and a worker or the broker may be restarting."""
MOST_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePlan:
    """``start``: the due times that get a run. ``passed_over``: the others, as far as was looked back."""

    start: Sequence[datetime]
    passed_over: Sequence[datetime]
    next_due: datetime | None


def plan_due(timetable: Timetable, *, due: datetime, now: datetime, missed: MissedPolicy) -> DuePlan:
    """What a schedule that was next due at ``due`` starts at ``now``, and when it is due again."""
    slots = latest_due(timetable, since=due, now=now, limit=MOST_AT_ONCE)
    late = [slot for slot in slots if slot < now - ON_TIME]
    if missed == "all" or not late:
        start = slots
    elif missed == "skip":
        start = [slot for slot in slots if slot not in late]
    else:
        start = slots[-1:]
    return DuePlan(
        start=start,
        passed_over=[slot for slot in slots if slot not in start],
        next_due=next_after(timetable, now),
    )
