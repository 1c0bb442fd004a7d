"""The days that a text names: "on 8 May 2023", "in July", "last May", "3. Oktober", "2023年5月8日", "two weeks ago".

Pure: regular expressions over folded text. Days are proleptic Gregorian ordinals (``date.toordinal``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from lotus_tasks.memory.calendar_words import (
    ALSO_WORDS,
    BEFORE_MONTH,
    COUNT,
    COUNTS,
    DAY,
    MONTH,
    MONTHS,
    PASSED,
    SEASONS,
    SHIFT,
    SHIFTS,
    SPELL,
    SPELLS,
    STEP,
    STEPS,
    UNIT,
    UNITS,
    WEEKDAY,
    WEEKDAYS,
    YEAR,
)

MAX_YEARS: Final = 30
"""A date without a year is looked for in at most so many of the store's years, the latest first."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days from ``first`` to ``last``, both included."""

    first: int
    last: int


def find_spans(text: str, *, today: date | None, years: tuple[int, int] | None = None) -> Iterator[Span]:
    """The days that a text names. A date without a year is one in each of ``years``; without those, in today's year."""
    folded = " ".join(_DATE_TOKEN.findall(_plain(text)))
    if years is None and today is not None:
        years = (today.year, today.year)
    last, first = (years[1], max(years[0], years[1] - MAX_YEARS + 1)) if years else (0, 1)
    span = range(last, first - 1, -1)
    taken: list[tuple[int, int]] = []
    for pattern, read in _PATTERNS:
        for found in pattern.finditer(folded):
            start, end = found.span()
            if any(start < until and since < end for since, until in taken):
                continue
            try:
                spans = list(read(found, today, span))
            except (ValueError, OverflowError):  # 31 June, or a year beyond the calendar
                continue
            if spans:
                taken.append((start, end))
                yield from spans


def told_span(text: str, day: date | None) -> Span | None:
    """The days of which a text of ``day`` tells besides that day: "yesterday" is the one before. None where it names none.

    Of several the shortest, of equals the first. A date without a year is left alone, and so is a year alone: what year
    the first is of nobody knows, and the second may be any number.
    """
    first_year = day.year if day else 1
    found = [
        span
        for span in find_spans(text, today=day, years=(first_year, first_year - 1))  # no year: a date needs its own
        if (span.last - span.first < _LONGEST_TOLD or not _YEAR_ALONE.search(text))
        and (day is None or not span.first <= day.toordinal() <= span.last)
    ]
    return min(found, key=lambda span: span.last - span.first, default=None)


def _plain(text: str) -> str:
    return text.casefold().translate(_UNACCENT)


_UNACCENT: Final = str.maketrans("äáàâãéèêëíìîïöóòôõüúùûçñ’", "aaaaaeeeeiiiiooooouuuucn'")
_DATE_TOKEN: Final = re.compile(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)?|[-./,]")

_LONGEST_TOLD: Final = 100
_YEAR_ALONE: Final = re.compile(r"\b(?:19|20)\d\d\b")


def _month(year: int, month: int) -> Span:
    following = date(year + month // 12, month % 12 + 1, 1)
    return Span(date(year, month, 1).toordinal(), following.toordinal() - 1)


def _months(year: int, month: int, count: int) -> Span:
    final = month + count - 1
    return Span(_month(year, month).first, _month(year + (final - 1) // 12, (final - 1) % 12 + 1).last)


def _one(day: date) -> Span:
    return Span(day.toordinal(), day.toordinal())


def _dated(year: str | None, month: int, day: int, years: Iterable[int]) -> Iterator[Span]:
    for candidate in [int(year)] if year else years:
        yield _one(date(candidate, month, day))


def _read_iso(found: re.Match[str], _today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    year, month, day = int(found[1]), int(found[2]), found[3]
    yield _one(date(year, month, int(day))) if day else _month(year, month)


def _read_numeric(found: re.Match[str], _today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    first, second, year = int(found[1]), int(found[2]), int(found[3])
    year += 2000 if year < 100 else 0
    if second <= 12:
        yield _one(date(year, second, first))
    if first <= 12 and first != second:
        yield _one(date(year, first, second))


def _read_ideographic(found: re.Match[str], _today: date | None, years: Iterable[int]) -> Iterator[Span]:
    if found[3]:
        yield from _dated(found[1], int(found[2]), int(found[3]), years)
    else:
        for year in [int(found[1])] if found[1] else years:
            yield _month(year, int(found[2]))


def _read_day_month(found: re.Match[str], _today: date | None, years: Iterable[int]) -> Iterator[Span]:
    yield from _dated(found[3], MONTHS[found[2]], int(found[1]), years)


def _read_month_day(found: re.Match[str], _today: date | None, years: Iterable[int]) -> Iterator[Span]:
    yield from _dated(found[3], MONTHS[found[1]], int(found[2]), years)


def _read_month(found: re.Match[str], _today: date | None, years: Iterable[int]) -> Iterator[Span]:
    if found[2] is None and found[1] in ALSO_WORDS and not re.search(BEFORE_MONTH + "$", found.string[: found.start()]):
        return
    for year in [int(found[2])] if found[2] else years:
        yield _month(year, MONTHS[found[1]])


def _read_season(found: re.Match[str], today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    begins = SEASONS[found[2]]
    if found[3]:
        yield _months(int(found[3]), begins, 3)
    elif found[1] in {"last", "this"} and today is not None:
        span = _months(today.year, begins, 3)
        past = span.last < today.toordinal() if found[1] == "last" else True
        yield span if past else _months(today.year - 1, begins, 3)


def _read_shift(found: re.Match[str], today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    if today is not None:
        days = SHIFTS[found[2]] + (0 if found[1] is None else -1 if SHIFTS[found[2]] < 0 else 1)
        yield _one(today + timedelta(days=days))


def _read_ago(found: re.Match[str], today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    if today is not None:
        count = int(found[1]) if found[1].isdecimal() else COUNTS[found[1]]
        unit = UNITS[found[2]]
        middle = today - timedelta(days=count * unit)
        around = timedelta(days=unit // 2)
        yield Span((middle - around).toordinal(), (middle + around).toordinal())


def _read_relative(found: re.Match[str], today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    yield from _relative(STEPS[found[1]], SPELLS.get(found[2], found[2]), today)


def _relative(step: int, what: str, today: date | None) -> Iterator[Span]:
    if today is None:
        return
    monday = today - timedelta(days=today.weekday())
    if what == "week":
        start = (monday + timedelta(weeks=step)).toordinal()
        yield Span(start, start + 6)
    elif what == "weekend":
        start = (monday + timedelta(weeks=step, days=5)).toordinal()
        yield Span(start, start + 1)
    elif what == "month":
        months = today.year * 12 + today.month - 1 + step
        yield _month(months // 12, months % 12 + 1)
    elif what == "year":
        yield _months(today.year + step, 1, 12)
    elif what in WEEKDAYS:
        ahead = (WEEKDAYS[what] - today.weekday()) % 7
        yield _one(today + timedelta(days=ahead - 7 if step < 0 else ahead if ahead or not step else 7))
    else:
        month = MONTHS[what]
        past = step < 0 and month >= today.month
        ahead = step > 0 and month <= today.month
        yield _month(today.year - past + ahead, month)


def _read_relative_after(found: re.Match[str], today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    yield from _relative(PASSED[found[2]], SPELLS.get(found[1], found[1]), today)


def _read_year(found: re.Match[str], _today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    yield _months(int(found[1]), 1, 12)


# The more a pattern asks for, the earlier it is tried; what it took, the others leave alone.
_PATTERNS: Final = (
    (re.compile(r"\b((?:19|20)\d\d) - (\d\d)(?: - (\d\d))?\b"), _read_iso),
    (re.compile(r"\b(\d{1,2}) [./] (\d{1,2}) [./] (\d{4}|\d\d)\b"), _read_numeric),
    (re.compile(r"(?:\b((?:19|20)\d\d) 年 )?(\d{1,2}) 月(?: (\d{1,2}) 日)?"), _read_ideographic),
    (re.compile(rf"\b{DAY} (?:of |de |di |d')?({MONTH})\b(?: [,.])?(?: (?:of|de|del))?(?: {YEAR}\b)?"), _read_day_month),
    (re.compile(rf"\b({MONTH}) {DAY}(?![\d:])\b(?: ,)?(?: {YEAR}\b)?"), _read_month_day),
    (re.compile(rf"\b(last|this|next) (spring|summer|autumn|fall|winter)\b(?: {YEAR}\b)?"), _read_season),
    (re.compile(rf"\b()(spring|summer|autumn|fall|winter)(?: of)? {YEAR}\b"), _read_season),
    (re.compile(rf"\b({STEP}) ({SPELL}|{WEEKDAY}|{MONTH})\b(?! {YEAR})"), _read_relative),
    (re.compile(rf"\b({SPELL}|{WEEKDAY}) ({'|'.join(PASSED)})\b"), _read_relative_after),
    (re.compile(rf"\b({MONTH})\b(?: (?:of|de|del))?(?: ,)?(?: {YEAR}\b)?"), _read_month),
    (re.compile(rf"\b{COUNT}(?: of)? {UNIT} (?:ago|fa|geleden)\b"), _read_ago),
    (re.compile(rf"\b(?:vor|il y a|hace) {COUNT} {UNIT}\b"), _read_ago),
    (re.compile(rf"\b(day before |day after )?({SHIFT})\b"), _read_shift),
    (re.compile(rf"\b{YEAR}\b"), _read_year),
)  # fmt: skip

TIME_WORDS: Final = (
    frozenset(
        """ago last next minute minutes hour hours day days week weeks weekend month months year years morning evening night
        recently since soon later earlier
        """.split()  # noqa: SIM905 - as above
    )
    | (frozenset(MONTHS) - {"may", "march", "mar", "mars", "marco", "mai", "mei"})
    | frozenset(WEEKDAYS)
    | frozenset(f"{day}s" for day in WEEKDAYS)
    | frozenset(SHIFTS)
)
"""Words that say when, each by itself."""
TIME_FORMS: Final = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}(?:st|nd|rd|th)\b|\b\d{1,2}:\d\d\b|\bMay\b|\d月|\d日")
"""What else says when: a year, an ordinal, a time of day."""
