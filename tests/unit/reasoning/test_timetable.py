"""What the forms of a schedule's time mean, and when they are due: time zones and clock changes included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from lotus_tasks.errors import InvalidInput
from lotus_tasks.reasoning.service.timetable import latest_due, next_after, read_timetable

COPENHAGEN = "Europe/Copenhagen"
ANCHOR = datetime(2027, 1, 4, 7, 0, tzinfo=UTC)  # a Monday


def local(text: str, after: str, *, zone: str = COPENHAGEN, count: int = 3, fold: int = 0) -> list[str]:
    """The next due times as the clock on the wall shows them, with the offset."""
    place = ZoneInfo(zone)
    start = datetime.fromisoformat(after).replace(tzinfo=place, fold=fold).astimezone(UTC)
    timetable = read_timetable(text, zone=zone, anchor=ANCHOR)
    return [f"{at.astimezone(place):%a %m-%d %H:%M %z}" for at in islice(timetable.after(start), count)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("every weekday at 8:00", "Fri 01-08 08:00 +0100", "Mon 01-11 08:00 +0100"),
        ("Every  Weekday at 8am", "Fri 01-08 08:00 +0100", "Mon 01-11 08:00 +0100"),
        ("every day at 8:00 and 17:30", "Thu 01-07 17:30 +0100", "Fri 01-08 08:00 +0100"),
        ("every day at noon", "Fri 01-08 12:00 +0100", "Sat 01-09 12:00 +0100"),
        ("every day at 12:15 am", "Fri 01-08 00:15 +0100", "Sat 01-09 00:15 +0100"),
        ("every weekend at 10:00", "Sat 01-09 10:00 +0100", "Sun 01-10 10:00 +0100"),
        ("every monday at 9:05", "Mon 01-11 09:05 +0100", "Mon 01-18 09:05 +0100"),
        ("every tuesday, thursday and sunday at 6pm", "Thu 01-07 18:00 +0100", "Sun 01-10 18:00 +0100"),
        ("every weekday and sunday at 7:00", "Fri 01-08 07:00 +0100", "Sun 01-10 07:00 +0100"),
        ("0 8 * * 1-5", "Fri 01-08 08:00 +0100", "Mon 01-11 08:00 +0100"),
        ("0 8 * * MON", "Mon 01-11 08:00 +0100", "Mon 01-18 08:00 +0100"),
        ("30 6 1 * *", "Mon 02-01 06:30 +0100", "Mon 03-01 06:30 +0100"),
    ],
)
def test_a_form_means_these_times(text, first, second):
    assert local(text, "2027-01-07 12:30", count=2) == [first, second]


def test_an_interval_counts_from_when_the_schedule_was_made():
    timetable = read_timetable("every 45 minutes", zone=COPENHAGEN, anchor=ANCHOR)
    assert next_after(timetable, ANCHOR) == ANCHOR + timedelta(minutes=45)
    assert next_after(timetable, ANCHOR + timedelta(minutes=45)) == ANCHOR + timedelta(minutes=90)
    assert next_after(timetable, ANCHOR + timedelta(days=1, minutes=1)) == ANCHOR + timedelta(days=1, minutes=45)


def test_every_hour_and_every_minute_need_no_number():
    assert next_after(read_timetable("every hour", zone="UTC", anchor=ANCHOR), ANCHOR) == ANCHOR + timedelta(hours=1)
    assert next_after(read_timetable("every minute", zone="UTC", anchor=ANCHOR), ANCHOR) == ANCHOR + timedelta(
        minutes=1
    )


def test_a_single_moment_comes_once_and_never_again():
    for text in ("at 2027-06-01 9:00", "once at 2027-06-01 9am", "at 2027-06-01T09:00 once"):
        timetable = read_timetable(text, zone=COPENHAGEN, anchor=ANCHOR)
        assert next_after(timetable, ANCHOR) == utc("2027-06-01 07:00")
        assert next_after(timetable, utc("2027-06-01 07:00")) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "often", "every", "every day", "every 0 minutes", "every 9999999 hours", "every blursday at 8:00",
        "every day at 25:00", "every day at 8", "every day at 13pm", "at 2027-02-30 8:00", "at noon", "8:00",
        "60 8 * * *", "0 8 * *", "0 8 * * * *", "0 0 30 2 *", "a b c d e", "* * * * /",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_and_quoted(text):
    with pytest.raises(InvalidInput, match="'"):
        read_timetable(text, zone=COPENHAGEN, anchor=ANCHOR)


def test_five_words_are_no_cron_expression():
    with pytest.raises(InvalidInput, match="write for example"):
        read_timetable("first monday of the month", zone=COPENHAGEN, anchor=ANCHOR)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe", "x" * 300])
def test_an_unknown_zone_is_refused(zone):
    with pytest.raises(InvalidInput, match="time zone"):
        read_timetable("every hour", zone=zone, anchor=ANCHOR)


def test_a_time_keeps_its_place_on_the_clock_through_a_change_of_the_clocks():
    assert local("every day at 8:00", "2027-03-26 12:00") == [
        "Sat 03-27 08:00 +0100",
        "Sun 03-28 08:00 +0200",
        "Mon 03-29 08:00 +0200",
    ]


@pytest.mark.parametrize("text", ["every day at 2:30", "30 2 * * *", "every day at 2:15 and 2:45"])
def test_a_time_that_the_clocks_jump_over_comes_once_right_after_the_gap(text):
    found = local(text, "2027-03-27 12:00", count=2)
    assert found[0] == "Sun 03-28 03:00 +0200"
    assert found[1].startswith("Mon 03-29 02:")


def test_a_time_right_after_the_gap_is_not_doubled_by_one_inside_it():
    assert local("every day at 2:30 and 3:00", "2027-03-27 12:00", count=3) == [
        "Sun 03-28 03:00 +0200",
        "Mon 03-29 02:30 +0200",
        "Mon 03-29 03:00 +0200",
    ]


def test_a_single_moment_in_the_gap_comes_right_after_it():
    timetable = read_timetable("at 2027-03-28 2:30", zone=COPENHAGEN, anchor=ANCHOR)
    assert next_after(timetable, ANCHOR) == utc("2027-03-28 01:00")


def test_a_time_that_comes_twice_is_due_the_first_time_only():
    assert local("every day at 2:30", "2027-10-30 12:00", count=2) == ["Sun 10-31 02:30 +0200", "Mon 11-01 02:30 +0100"]
    # Asked in the second pass of the hour, before and after the clock shows 2:30 again.
    assert local("every day at 2:30", "2027-10-31 02:10", fold=1, count=1) == ["Mon 11-01 02:30 +0100"]
    assert local("every day at 2:30", "2027-10-31 02:40", fold=1, count=1) == ["Mon 11-01 02:30 +0100"]


def test_a_cron_expression_for_every_hour_follows_elapsed_time():
    assert local("30 * * * *", "2027-10-31 01:45", count=3) == [
        "Sun 10-31 02:30 +0200",
        "Sun 10-31 02:30 +0100",
        "Sun 10-31 03:30 +0100",
    ]
    assert local("30 * * * *", "2027-03-28 00:45", count=2) == ["Sun 03-28 01:30 +0100", "Sun 03-28 03:30 +0200"]


def test_a_half_hour_change_of_the_clocks_is_one_too():
    # Lord Howe Island moves from 2:00 to 2:30.
    assert local("every day at 2:10", "2027-10-02 12:00", zone="Australia/Lord_Howe", count=2) == [
        "Sun 10-03 02:30 +1100",
        "Mon 10-04 02:10 +1100",
    ]


@pytest.mark.parametrize("text", ["every minute", "*/20 * * * *", "every day at 2:30", "every 7 hours", "0 0 1 * *"])
def test_the_latest_due_times_are_the_end_of_all_there_were(text):
    timetable = read_timetable(text, zone=COPENHAGEN, anchor=ANCHOR)
    since, now = ANCHOR, ANCHOR + timedelta(days=70)
    every: list[datetime] = []
    for moment in timetable.after(since - timedelta(microseconds=1)):
        if moment > now:
            break
        every.append(moment)
    assert latest_due(timetable, since=since, now=now, limit=20) == every[-20:]
    assert latest_due(timetable, since=since, now=now, limit=10**6) == every


def test_a_due_time_at_either_end_counts():
    timetable = read_timetable("every hour", zone="UTC", anchor=ANCHOR)
    due = ANCHOR + timedelta(hours=1)
    assert latest_due(timetable, since=due, now=due, limit=5) == [due]
