"""The days that a text names: "on 8 May 2023", "in July", "last May", "3. Oktober", "2023年5月8日", "two weeks ago".

Pure: regular expressions over folded text. Days are proleptic Gregorian ordinals (``date.toordinal``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

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

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier enero gennaio janeiro januari",
            "february feb februar fevrier febrero febbraio fevereiro februari",
            "march mar marz mars marzo marco maart",
            "april apr avril abril aprile",
            "may mai mayo maggio maio mei",
            "june jun juni juin junio giugno junho",
            "july jul juli juillet julio luglio julho",
            "august aug aout agosto augustus",
            "september sep sept septembre septiembre setiembre settembre setembro",
            "october oct okt oktober octobre octubre ottobre outubro",
            "november nov novembre noviembre novembro",
            "december dec dez dezember decembre diciembre dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}
_ALSO_WORDS: Final = frozenset(
    """
    may march mar mars marco mai mei jun jul jan sep dec dez april june august sept nov oct feb apr aug okt
    """.split()  # noqa: SIM905 - a line reads better than a column
)
"""Month names that are also other words or people's names: alone they need a preposition before them."""
_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY: Final = r"(\d{1,2}) ?(?:st|nd|rd|th|er|\.)?"
_YEAR: Final = r"((?:19|20)\d\d)"
_BEFORE_MONTH: Final = (
    r"\b(?:in|on|of|early|late|mid|since|during|until|till|before|after|by|from"
    r"|im|seit|en|em|de|del|di|du|d'|a|nel|le|el|vom)\s"
)
_WEEKDAYS: Final = {
    name: number
    for number, names in enumerate(
        (
            "monday montag lundi lunes lunedi maandag",
            "tuesday dienstag mardi martes martedi dinsdag",
            "wednesday mittwoch mercredi miercoles mercoledi woensdag",
            "thursday donnerstag jeudi jueves giovedi donderdag",
            "friday freitag vendredi viernes venerdi vrijdag",
            "saturday samstag sonnabend samedi sabado sabato zaterdag",
            "sunday sonntag dimanche domingo domenica zondag",
        )
    )
    for name in names.split()
}
_WEEKDAY: Final = "|".join(_WEEKDAYS)
_SEASONS: Final = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""The month in which each begins, as the north of the earth has it."""
_LONGEST_TOLD: Final = 100
_YEAR_ALONE: Final = re.compile(r"\b(?:19|20)\d\d\b")
_UNITS: Final = {
    name: days
    for days, names in {
        1: "day days tag tage tagen jour jours dia dias giorno giorni dag dagen",
        7: "week weeks woche wochen semaine semaines semana semanas settimana settimane weken",
        30: "month months monat monate monaten mois mes meses mese mesi maand maanden",
        365: "year years jahr jahre jahren an ans ano anos anno anni jaar jaren",
    }.items()
    for name in names.split()
}
_COUNTS: Final = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "a": 1, "an": 1, "couple": 2, "few": 3,
    "ein": 1, "einem": 1, "einer": 1, "zwei": 2, "drei": 3, "vier": 4, "funf": 5, "un": 1, "une": 1, "una": 1, "deux": 2,
    "trois": 3, "quatre": 4, "dos": 2, "tres": 3, "cuatro": 4, "due": 2, "tre": 3, "quattro": 4, "een": 1, "twee": 2, "drie": 3,
}  # fmt: skip
_SHIFTS: Final = {
    "today": 0, "tonight": 0, "heute": 0, "aujourd'hui": 0, "hoy": 0, "oggi": 0, "hoje": 0, "vandaag": 0,
    "yesterday": -1, "last night": -1, "gestern": -1, "hier": -1, "ayer": -1, "ieri": -1, "ontem": -1,
    "gisteren": -1, "vorgestern": -2,
    "tomorrow": 1, "morgen": 1, "demain": 1, "manana": 1, "domani": 1, "amanha": 1,
}  # fmt: skip
_SHIFT: Final = "|".join(sorted(_SHIFTS, key=len, reverse=True))
_COUNT: Final = r"(\d{1,3}|" + "|".join(_COUNTS) + ")"
_UNIT: Final = "(" + "|".join(sorted(_UNITS, key=len, reverse=True)) + ")"
_SPELLS: Final = {
    name: spell
    for spell, names in {
        "weekend": "weekend wochenende",
        "week": "week woche semaine semana settimana",
        "month": "month monat mois mes mese maand",
        "year": "year jahr annee ano anno jaar",
    }.items()
    for name in names.split()
}
_SPELL: Final = "|".join(sorted(_SPELLS, key=len, reverse=True))
_STEPS: Final = {
    name: step
    for step, names in {
        -1: "last past previous letzter letzte letzten letztes letztem vorige vorigen voriges afgelopen vorig",
        0: "this diese diesen dieser dieses diesem deze dit",
        1: "next nachster nachste nachsten nachstes nachstem kommende kommenden volgend volgende",
    }.items()
    for name in names.split()
}
_STEP: Final = "|".join(sorted(_STEPS, key=len, reverse=True))
_PASSED: Final = {
    "dernier": -1,
    "derniere": -1,
    "pasado": -1,
    "pasada": -1,
    "scorso": -1,
    "scorsa": -1,
    "prochain": 1,
    "prochaine": 1,
    "proximo": 1,
    "proxima": 1,
    "prossimo": 1,
    "prossima": 1,
}


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
    yield from _dated(found[3], _MONTHS[found[2]], int(found[1]), years)


def _read_month_day(found: re.Match[str], _today: date | None, years: Iterable[int]) -> Iterator[Span]:
    yield from _dated(found[3], _MONTHS[found[1]], int(found[2]), years)


def _read_month(found: re.Match[str], _today: date | None, years: Iterable[int]) -> Iterator[Span]:
    if (
        found[2] is None
        and found[1] in _ALSO_WORDS
        and not re.search(_BEFORE_MONTH + "$", found.string[: found.start()])
    ):
        return
    for year in [int(found[2])] if found[2] else years:
        yield _month(year, _MONTHS[found[1]])


def _read_season(found: re.Match[str], today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    begins = _SEASONS[found[2]]
    if found[3]:
        yield _months(int(found[3]), begins, 3)
    elif found[1] in {"last", "this"} and today is not None:
        span = _months(today.year, begins, 3)
        past = span.last < today.toordinal() if found[1] == "last" else True
        yield span if past else _months(today.year - 1, begins, 3)


def _read_shift(found: re.Match[str], today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    if today is not None:
        days = _SHIFTS[found[2]] + (0 if found[1] is None else -1 if _SHIFTS[found[2]] < 0 else 1)
        yield _one(today + timedelta(days=days))


def _read_ago(found: re.Match[str], today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    if today is not None:
        count = int(found[1]) if found[1].isdecimal() else _COUNTS[found[1]]
        unit = _UNITS[found[2]]
        middle = today - timedelta(days=count * unit)
        around = timedelta(days=unit // 2)
        yield Span((middle - around).toordinal(), (middle + around).toordinal())


def _read_relative(found: re.Match[str], today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    yield from _relative(_STEPS[found[1]], _SPELLS.get(found[2], found[2]), today)


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
    elif what in _WEEKDAYS:
        ahead = (_WEEKDAYS[what] - today.weekday()) % 7
        yield _one(today + timedelta(days=ahead - 7 if step < 0 else ahead if ahead or not step else 7))
    else:
        month = _MONTHS[what]
        past = step < 0 and month >= today.month
        ahead = step > 0 and month <= today.month
        yield _month(today.year - past + ahead, month)


def _read_relative_after(found: re.Match[str], today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    yield from _relative(_PASSED[found[2]], _SPELLS.get(found[1], found[1]), today)


def _read_year(found: re.Match[str], _today: date | None, _years: Iterable[int]) -> Iterator[Span]:
    yield _months(int(found[1]), 1, 12)


# The more a pattern asks for, the earlier it is tried; what it took, the others leave alone.
_PATTERNS: Final = (
    (re.compile(r"\b((?:19|20)\d\d) - (\d\d)(?: - (\d\d))?\b"), _read_iso),
    (re.compile(r"\b(\d{1,2}) [./] (\d{1,2}) [./] (\d{4}|\d\d)\b"), _read_numeric),
    (re.compile(r"(?:\b((?:19|20)\d\d) 年 )?(\d{1,2}) 月(?: (\d{1,2}) 日)?"), _read_ideographic),
    (re.compile(rf"\b{_DAY} (?:of |de |di |d')?({_MONTH})\b(?: [,.])?(?: (?:of|de|del))?(?: {_YEAR}\b)?"), _read_day_month),
    (re.compile(rf"\b({_MONTH}) {_DAY}(?![\d:])\b(?: ,)?(?: {_YEAR}\b)?"), _read_month_day),
    (re.compile(rf"\b(last|this|next) (spring|summer|autumn|fall|winter)\b(?: {_YEAR}\b)?"), _read_season),
    (re.compile(rf"\b()(spring|summer|autumn|fall|winter)(?: of)? {_YEAR}\b"), _read_season),
    (re.compile(rf"\b({_STEP}) ({_SPELL}|{_WEEKDAY}|{_MONTH})\b(?! {_YEAR})"), _read_relative),
    (re.compile(rf"\b({_SPELL}|{_WEEKDAY}) ({'|'.join(_PASSED)})\b"), _read_relative_after),
    (re.compile(rf"\b({_MONTH})\b(?: (?:of|de|del))?(?: ,)?(?: {_YEAR}\b)?"), _read_month),
    (re.compile(rf"\b{_COUNT}(?: of)? {_UNIT} (?:ago|fa|geleden)\b"), _read_ago),
    (re.compile(rf"\b(?:vor|il y a|hace) {_COUNT} {_UNIT}\b"), _read_ago),
    (re.compile(rf"\b(day before |day after )?({_SHIFT})\b"), _read_shift),
    (re.compile(rf"\b{_YEAR}\b"), _read_year),
)  # fmt: skip

TIME_WORDS: Final = (
    frozenset(
        """ago last next minute minutes hour hours day days week weeks weekend month months year years morning evening night
        recently since soon later earlier
        """.split()  # noqa: SIM905 - as above
    )
    | (frozenset(_MONTHS) - {"may", "march", "mar", "mars", "marco", "mai", "mei"})
    | frozenset(_WEEKDAYS)
    | frozenset(f"{day}s" for day in _WEEKDAYS)
    | frozenset(_SHIFTS)
)
"""Words that say when, each by itself."""
TIME_FORMS: Final = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}(?:st|nd|rd|th)\b|\b\d{1,2}:\d\d\b|\bMay\b|\d月|\d日")
"""What else says when: a year, an ordinal, a time of day."""
