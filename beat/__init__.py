"""The periodic work, as data: task, interval, and the reason for it. Imports nothing of LOTUS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One periodic job. A tick not taken after ``every_s`` is stale: the next one does its work, so it expires."""

    job: str
    task: str
    every_s: float
    reason: str


TICKS: tuple[Tick, ...] = (
    Tick(
        job="sweep",
        task="system.sweep",
        every_s=3.0,
        reason="sends what a crash left unsent and resumes runs whose lease ran out, even where the relay itself is the casualty",
    ),
    Tick(
        job="health",
        task="system.check_health",
        every_s=30.0,
        reason="asks every module how it is; /readyz and `status` show the answer, and a module that is back catches up",
    ),
    Tick(
        job="consolidate",
        task="system.consolidate",
        every_s=300.0,
        reason="promotes, deduplicates and decays memory while nobody waits for it",
    ),
    Tick(
        job="approvals",
        task="system.give_up_waiting",
        every_s=60.0,
        reason="says no to tools that the user was asked about and never answered, so that their runs end",
    ),
    Tick(
        job="schedules",
        task="system.start_due",
        every_s=10.0,
        reason="starts what is due by the user's schedules; times are to the minute, so a sixth of one is late enough",
    ),
    Tick(
        job="prune",
        task="system.prune",
        every_s=3600.0,
        reason="drops ended commands, events and ticks past their keeping time",
    ),
)


def schedule() -> dict[str, dict[str, object]]:
    """The ticks as Celery's ``beat_schedule``."""
    return {
        tick.job: {
            "task": tick.task,
            "schedule": tick.every_s,
            "options": {"queue": "system", "expires": tick.every_s},
        }
        for tick in TICKS
    }
