"""What becomes of due times that passed while LOTUS was off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lotus_tasks.reasoning.service.missing import MOST_AT_ONCE, plan_due
from lotus_tasks.reasoning.service.timetable import read_timetable

START = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
HOURLY = read_timetable("every hour", zone="UTC", anchor=START)


def hours(*numbers: int) -> list[datetime]:
    return [START + timedelta(hours=number) for number in numbers]


@pytest.mark.parametrize("missed", ["once", "skip", "all"])
def test_what_has_just_come_is_started_whatever_the_policy(missed):
    plan = plan_due(HOURLY, due=hours(1)[0], now=hours(1)[0] + timedelta(seconds=9), missed=missed)
    assert (plan.start, plan.passed_over, plan.next_due) == (hours(1), [], hours(2)[0])


@pytest.mark.parametrize(
    ("missed", "start", "passed_over"),
    [("once", hours(3), hours(1, 2)), ("skip", [], hours(1, 2, 3)), ("all", hours(1, 2, 3), [])],
)
def test_a_missed_time_follows_its_policy(missed, start, passed_over):
    plan = plan_due(HOURLY, due=hours(1)[0], now=hours(3)[0] + timedelta(minutes=30), missed=missed)
    assert (plan.start, plan.passed_over, plan.next_due) == (start, passed_over, hours(4)[0])


@pytest.mark.parametrize(("missed", "start"), [("once", hours(3)), ("skip", hours(3)), ("all", hours(1, 2, 3))])
def test_the_present_time_is_started_with_what_was_missed_before(missed, start):
    plan = plan_due(HOURLY, due=hours(1)[0], now=hours(3)[0], missed=missed)
    assert plan.start == start


def test_making_up_for_everything_has_an_end():
    plan = plan_due(HOURLY, due=hours(1)[0], now=hours(5000)[0], missed="all")
    assert plan.start == hours(*range(5001 - MOST_AT_ONCE, 5001))


def test_a_single_moment_that_was_missed_is_made_up_for_once():
    moment = read_timetable("at 2027-01-04 9:00", zone="UTC", anchor=START)
    plan = plan_due(moment, due=hours(1)[0], now=hours(30)[0], missed="once")
    assert (plan.start, plan.next_due) == (hours(1), None)
