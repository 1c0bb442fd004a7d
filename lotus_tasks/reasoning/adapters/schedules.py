"""Schedules in PostgreSQL. The moment is always given by the caller."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lotus_tasks.errors import InvalidInput
from lotus_tasks.reasoning.adapters.occasions import Occasion, id_prefix, names_to_try, start_run, the_one
from lotus_tasks.reasoning.service.missing import MissedPolicy, plan_due
from lotus_tasks.reasoning.service.timetable import next_after, read_timetable
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, json_parameter, strip_nul
from lotus_tasks.values import RunId

_BY_HAND = "asked for by hand"


class PostgresSchedules:
    """Schedules, in the caller's transaction. ``limits``: of the runs it starts (service.limiting)."""

    def __init__(self, conn: Connection, *, limits: Mapping[str, Any]) -> None:
        self._conn = conn
        self._limits = limits
        self._sql = queries.load("schedules")

    def add(
        self,
        timetable: str,
        question: str,
        *,
        zone: str,
        now: datetime,
        missed: MissedPolicy = "once",
        name: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Keep a schedule; returns its row. Raises InvalidInput for a time that makes no sense or never comes, a name in use."""
        anchor = now.replace(microsecond=0)
        due = next_after(read_timetable(timetable, zone=zone, anchor=anchor), now)
        if due is None:
            raise InvalidInput(f"{timetable!r} is past or never comes")
        for candidate in names_to_try(name, question):
            row = self._conn.execute(
                self._sql.insert_schedule,
                {
                    "id": uuid.uuid4(),
                    "name": candidate,
                    "timetable": strip_nul(timetable),
                    "zone": zone,
                    "missed": missed,
                    "question": strip_nul(question),
                    "options": json_parameter(dict(options or {})),
                    "next_due": due,
                    "now": anchor,
                },
            ).fetchone()
            if row is not None:
                return self.find(candidate)
        raise InvalidInput(f"there is a schedule {name} already; `schedule remove {name}` removes it")

    def find(self, wanted: str) -> dict[str, Any]:
        """The schedule of this name, or whose id begins so. Raises NotFound, InvalidInput."""
        parameters = {"wanted": wanted, "prefix": id_prefix(wanted)}
        return the_one(self._conn.execute(self._sql.find_schedule, parameters).fetchall(), "schedule", wanted)

    def all(self) -> list[dict[str, Any]]:
        """Every schedule, the next due first."""
        return self._conn.execute(self._sql.list_schedules).fetchall()

    def latest_slots(self, schedule: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Its latest due times and what became of them."""
        return self._conn.execute(self._sql.latest_slots, {"id": schedule["id"]}).fetchall()

    def pause(self, schedule: Mapping[str, Any], *, now: datetime) -> None:
        """Nothing is due until it is resumed."""
        self._conn.execute(self._sql.pause_schedule, {"id": schedule["id"], "now": now})

    def resume(self, schedule: Mapping[str, Any], *, now: datetime) -> datetime | None:
        """Due again from ``now`` on; returns when. Raises InvalidInput where its time can't be read any more."""
        due = next_after(_timetable_of(schedule), now)
        self._conn.execute(self._sql.resume_schedule, {"id": schedule["id"], "next_due": due})
        return due

    def remove(self, schedule: Mapping[str, Any]) -> None:
        """Forget it; its runs stay."""
        self._conn.execute(self._sql.remove_schedule, {"id": schedule["id"]})

    def run_now(self, schedule: Mapping[str, Any], *, now: datetime) -> RunId:
        """Start a run beside its times, which stay what they are."""
        run_id = self._start(schedule, now, _BY_HAND, note=_BY_HAND)
        if run_id is None:
            raise InvalidInput(f"schedule {schedule['name']} has been started at this very moment")
        return run_id

    def start_due(self, *, now: datetime) -> list[RunId]:
        """Start what is due, each due time once, and set when each schedule is due again."""
        started: list[RunId] = []
        for schedule in self._conn.execute(self._sql.lock_due, {"now": now}).fetchall():
            try:
                timetable = _timetable_of(schedule)
            except InvalidInput as error:
                self._conn.execute(self._sql.set_trouble, {"id": schedule["id"], "now": now, "trouble": str(error)})
                continue
            plan = plan_due(timetable, due=schedule["next_due"], now=now, missed=schedule["missed"])
            self._pass_over(schedule, plan.passed_over, "missed: LOTUS was off")
            unfinished = self._unfinished(schedule)
            if unfinished is not None:
                self._pass_over(schedule, plan.start, f"skipped: run {str(unfinished)[:8]} had not ended")
            else:
                for slot in plan.start:
                    run_id = self._start(schedule, slot, _reason(schedule, slot, passed_over=len(plan.passed_over)))
                    started += [run_id] if run_id is not None else []
            self._conn.execute(self._sql.set_next_due, {"id": schedule["id"], "next_due": plan.next_due})
        return started

    def _unfinished(self, schedule: Mapping[str, Any]) -> RunId | None:
        row = self._conn.execute(self._sql.unfinished_run, {"id": schedule["id"]}).fetchone()
        return None if row is None else RunId(row["id"])

    def _pass_over(self, schedule: Mapping[str, Any], slots: Sequence[datetime], note: str) -> None:
        for slot in slots:
            self._conn.execute(self._sql.take_slot, {"schedule_id": schedule["id"], "slot": slot, "note": note})

    def _start(
        self, schedule: Mapping[str, Any], slot: datetime, reason: str, *, note: str | None = None
    ) -> RunId | None:
        where = {"schedule_id": schedule["id"], "slot": slot}
        if self._conn.execute(self._sql.take_slot, {**where, "note": note}).fetchone() is None:
            return None
        occasion = Occasion(kind="schedule", name=schedule["name"], reason=reason)
        run_id = start_run(self._conn, schedule["question"], schedule["options"], occasion, limits=self._limits)
        self._conn.execute(self._sql.set_slot_run, {**where, "run_id": run_id})
        return run_id


def _timetable_of(schedule: Mapping[str, Any]) -> Any:
    return read_timetable(schedule["timetable"], zone=schedule["zone"], anchor=schedule["created_at"])


def _reason(schedule: Mapping[str, Any], slot: datetime, *, passed_over: int) -> str:
    local = slot.astimezone(ZoneInfo(schedule["zone"]))
    missed = f", and {passed_over} missed before" if passed_over and schedule["missed"] == "once" else ""
    return f"{schedule['timetable']}: due {local:%Y-%m-%d %H:%M} {schedule['zone']}{missed}"
