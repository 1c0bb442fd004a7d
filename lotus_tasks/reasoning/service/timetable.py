"""When a schedule is due: cron expressions and a few plain English forms, in a time zone, to moments in UTC.

    every 10 minutes · every hour · every 2 hours          elapsed time, counted from when the schedule was made
    every day at 8:00 · every weekday at 8am and 17:30     days: day, weekday, weekend, monday … sunday, joined by , or and
    at 2027-01-31 9:00                                     once
    0 8 * * 1-5                                            cron: minute, hour, day of month, month, day of week

A local time that the clocks jump over comes once, right after the gap; one that they repeat comes once, the first time. Cron
expressions whose minute or hour is ``*`` or ``*/n`` follow elapsed time, as in Debian's cron.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from lotus_tasks.errors import InvalidInput

EXAMPLES = '"every weekday at 8:00", "every 30 minutes", "at 2027-01-31 9:00" or cron\'s "0 8 * * 1-5"'

_DAY_NAMES = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_DAYS = {"day": "*", "weekday": "1-5", "weekend": "0,6"} | {name: str(number) for number, name in enumerate(_DAY_NAMES)}
_INTERVAL = re.compile(r"every (?:(\d{1,6}) )?(minute|hour)s?")
_DAILY = re.compile(r"every (.+?) at (.+)")
_ONCE = re.compile(r"(?:once )?at (\d{4}-\d{2}-\d{2})[ t](.+?)(?: once)?")
_TIME = re.compile(r"(\d{1,2})(?::(\d{2}))? ?(am|pm)?")
_LIST = re.compile(r"\s*,\s*and\s+|\s*,\s*|\s+and\s+")
_LONGEST_EVERY = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class CronTimes:
    """The moments of one or several cron expressions in a zone, each moment once."""

    expressions: tuple[str, ...]
    zone: ZoneInfo

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The moments later than ``moment``, in order."""
        last = moment
        for found in heapq.merge(*(self._one_after(expression, moment) for expression in self.expressions)):
            if found > last:
                last = found
                yield found

    def _one_after(self, expression: str, moment: datetime) -> Iterator[datetime]:
        # From the second pass of a repeated hour, the first result can be of the first pass; `after` drops it.
        for found in CronSim(expression, moment.astimezone(self.zone)):
            yield found.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Every so often, counted from ``anchor``."""

    every: timedelta
    anchor: datetime

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The moments later than ``moment``, in order."""
        count = max((moment - self.anchor) // self.every, 0) + 1
        while True:
            yield self.anchor + count * self.every
            count += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """One moment."""

    at: datetime

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The moment, where it is later than ``moment``."""
        if self.at > moment:
            yield self.at


Timetable = CronTimes | Interval | Once


def read_timetable(text: str, *, zone: str, anchor: datetime) -> Timetable:
    """What ``text`` means in ``zone``; an interval counts from ``anchor``. Raises InvalidInput saying what is possible."""
    wanted = " ".join(text.lower().split())
    place = find_zone(zone)
    if match := _INTERVAL.fullmatch(wanted):
        return _interval(text, int(match[1] or 1), match[2], anchor)
    if match := _ONCE.fullmatch(wanted):
        return Once(at=_moment(text, match[1], match[2], place))
    if match := _DAILY.fullmatch(wanted):
        days = ",".join(_days(text, match[1]))
        clock = [_clock(text, part) for part in _LIST.split(match[2])]
        return CronTimes(expressions=tuple(f"{at.minute} {at.hour} * * {days}" for at in clock), zone=place)
    if len(wanted.split()) == 5 and re.search(r"[\d*]", wanted) and not wanted.startswith("every"):
        return _cron(text, wanted, place)
    raise InvalidInput(f"{text!r} is no time LOTUS understands; write for example {EXAMPLES}")


def find_zone(name: str) -> ZoneInfo:
    """The time zone of this name. Raises InvalidInput."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise InvalidInput(f"there is no time zone {name!r}; write it as in Europe/Copenhagen") from error


def next_after(timetable: Timetable, moment: datetime) -> datetime | None:
    """The first due time later than ``moment``; None where none comes (within 50 years, for cron)."""
    return next(timetable.after(moment), None)


def latest_due(timetable: Timetable, *, since: datetime, now: datetime, limit: int) -> list[datetime]:
    """The last ``limit`` due times from ``since`` to ``now``, both included, oldest first.

    Looks back in growing spans, so that a schedule for each minute that slept for a year costs no half a million steps.
    """
    found: list[datetime] = []
    for span in (timedelta(hours=1), timedelta(days=1), timedelta(days=31), timedelta(days=366), now - since):
        start = max(since, now - span) - timedelta(microseconds=1)
        found = list(takewhile(lambda moment: moment <= now, timetable.after(start)))
        if len(found) >= limit or now - span <= since:
            break
    return found[-limit:]


def _interval(text: str, count: int, unit: str, anchor: datetime) -> Interval:
    every = timedelta(minutes=count) if unit == "minute" else timedelta(hours=count)
    if not timedelta(minutes=1) <= every <= _LONGEST_EVERY:
        raise InvalidInput(f"{text!r}: an interval is from one minute to {_LONGEST_EVERY.days} days long")
    return Interval(every=every, anchor=anchor)


def _days(text: str, part: str) -> list[str]:
    days = []
    for word in _LIST.split(part):
        name = word if word in _DAYS else word.removesuffix("s")
        if name not in _DAYS:
            raise InvalidInput(f"{text!r}: {word!r} is no day; there are {', '.join(_DAYS)}")
        days.append(_DAYS[name])
    return days if "*" not in days else ["*"]


def _clock(text: str, part: str) -> time:
    match = _TIME.fullmatch({"noon": "12:00", "midnight": "0:00"}.get(part, part))
    if match is None or not (match[2] or match[3]):
        raise InvalidInput(f"{text!r}: {part!r} is no time of day; write 8:00, 17:30 or 8am")
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3]:
        hour = hour % 12 + (12 if match[3] == "pm" else 0) if 1 <= hour <= 12 else 99
    try:
        return time(hour, minute)
    except ValueError as error:
        raise InvalidInput(f"{text!r}: {part!r} is no time of day") from error


def _moment(text: str, day: str, clock: str, zone: ZoneInfo) -> datetime:
    try:
        local = datetime.combine(date.fromisoformat(day), _clock(text, clock))
    except ValueError as error:
        raise InvalidInput(f"{text!r}: {day} is no date") from error
    # A minute that the clocks jump over doesn't survive the way to UTC and back: the next that does is right after the gap.
    while (there := local.replace(tzinfo=zone).astimezone(UTC)).astimezone(zone).replace(tzinfo=None) != local:
        local += timedelta(minutes=1)
    return there


def _cron(text: str, expression: str, zone: ZoneInfo) -> CronTimes:
    times = CronTimes(expressions=(expression,), zone=zone)
    try:
        CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError, AssertionError) as error:
        raise InvalidInput(
            f"{text!r} is no cron expression ({str(error).lower() or 'it makes no sense'}): it has minute, hour, day of "
            "month, month and day of week, as in 0 8 * * 1-5"
        ) from error
    return times
