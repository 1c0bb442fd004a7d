"""The days that a text names."""

from datetime import date

import pytest

from lotus_tasks.memory.dates import Span, find_spans, told_span

TODAY = date(2026, 11, 23)  # a Monday


def span(first, last=None):
    start = date.fromisoformat(first)
    return Span(start.toordinal(), date.fromisoformat(last).toordinal() if last else start.toordinal())


def spans(text, years=None):
    return list(find_spans(text, today=TODAY, years=years))


@pytest.mark.parametrize(
    "text",
    [
        "on 8 May 2023",
        "on May 8th, 2023",
        "8th of May 2023",
        "2023-05-08",
        "am 8. Mai 2023",
        "le 8 mai 2023",
        "el 8 de mayo de 2023",
        "8 maggio 2023",
        "2023年5月8日",
    ],
)
def test_a_full_date_is_one_day(text):
    assert spans(text) == [span("2023-05-08")]


def test_a_numeric_date_is_read_both_ways_where_it_can_be():
    assert spans("5.8.2023") == [span("2023-08-05"), span("2023-05-08")]
    assert spans("13/05/2023") == [span("2023-05-13")]


def test_a_month_and_a_year_are_the_whole_month():
    assert spans("in February 2024") == [span("2024-02-01", "2024-02-29")]
    assert spans("December 2024") == [span("2024-12-01", "2024-12-31")]


def test_a_year_is_all_of_it():
    assert spans("what happened in 2023?") == [span("2023-01-01", "2023-12-31")]


def test_a_month_without_a_year_is_one_in_each_year_of_the_store():
    assert spans("in July", years=(2024, 2025)) == [span("2025-07-01", "2025-07-31"), span("2024-07-01", "2024-07-31")]


def test_a_day_without_a_year_is_this_years_where_the_store_is_unknown():
    assert spans("on 3 July") == [span("2026-07-03")]


@pytest.mark.parametrize("text", ["may I come?", "they march on", "Mars is red", "April called", "version 2.5"])
def test_a_word_that_is_also_a_month_is_no_date(text):
    assert spans(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yesterday", span("2026-11-22")),
        ("the day before yesterday", span("2026-11-21")),
        ("gestern", span("2026-11-22")),
        ("last week", span("2026-11-16", "2026-11-22")),
        ("last weekend", span("2026-11-21", "2026-11-22")),
        ("last month", span("2026-10-01", "2026-10-31")),
        ("next year", span("2027-01-01", "2027-12-31")),
        ("last Friday", span("2026-11-20")),
        ("last Monday", span("2026-11-16")),
        ("next Monday", span("2026-11-30")),
        ("last May", span("2026-05-01", "2026-05-31")),
        ("last December", span("2025-12-01", "2025-12-31")),
        ("last summer", span("2026-06-01", "2026-08-31")),
        ("summer 2021", span("2021-06-01", "2021-08-31")),
        ("winter 2021", span("2021-12-01", "2022-02-28")),
        ("two weeks ago", span("2026-11-06", "2026-11-12")),
        ("3 days ago", span("2026-11-20")),
        ("last night", span("2026-11-22")),
        ("letzten Freitag", span("2026-11-20")),
        ("letzte Woche", span("2026-11-16", "2026-11-22")),
        ("nächstes Jahr", span("2027-01-01", "2027-12-31")),
        ("vor zwei Wochen", span("2026-11-06", "2026-11-12")),
        ("la semaine dernière", span("2026-11-16", "2026-11-22")),
        ("il y a 3 jours", span("2026-11-20")),
        ("el viernes pasado", span("2026-11-20")),
        ("hace tres días", span("2026-11-20")),
        ("tre giorni fa", span("2026-11-20")),
        ("twee dagen geleden", span("2026-11-21")),
    ],
)
def test_a_relative_date_counts_from_today(text, expected):
    assert spans(f"what did I do {text}?") == [expected]


def test_a_relative_date_without_a_today_is_none():
    assert list(find_spans("yesterday", today=None)) == []


@pytest.mark.parametrize("text", ["2023-13-45", "99.99.2023", "99999 years ago"])
def test_what_is_no_day_of_the_calendar_raises_nothing(text):
    assert all(one.first <= one.last for one in spans(text))


def test_two_dates_are_two_spans():
    assert spans("between 11 August 2023 and 15 August 2023") == [span("2023-08-11"), span("2023-08-15")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I went there yesterday.", span("2023-05-07")),
        ("Last Friday we moved.", span("2023-05-05")),
        ("It opened on 12 March 2021.", span("2021-03-12")),
        ("We met two weeks ago, it was last year that he left.", span("2023-04-21", "2023-04-27")),
        ("Last year we sailed to Marstal.", span("2022-01-01", "2022-12-31")),
        ("Wir waren gestern dort.", span("2023-05-07")),
    ],
)
def test_a_text_tells_of_days_against_its_own(text, expected):
    assert told_span(text, date(2023, 5, 8)) == expected


@pytest.mark.parametrize(
    "text", ["I am here today.", "We sold 2000 plates.", "She comes in May.", "Her birthday is 3 March.", "Nothing."]
)
def test_a_text_that_names_no_other_day_or_no_year_tells_of_none(text):
    assert told_span(text, date(2023, 5, 8)) is None


def test_without_a_time_of_its_own_a_text_tells_of_whole_dates_only():
    assert told_span("yesterday", None) is None
    assert told_span("It was on 2023-05-07.", None) == span("2023-05-07")
