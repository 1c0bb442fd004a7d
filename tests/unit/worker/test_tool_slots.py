"""Slots beside a worker's own."""

from __future__ import annotations

import threading

import pytest
from stack import wait_until

from lotus_tasks.worker.tool_slots import ToolSlots


@pytest.fixture
def slots():
    made = ToolSlots(2)
    yield made
    made.close()


def test_only_so_many_are_at_work_and_the_others_follow(slots):
    done: list[int] = []
    go_on = threading.Event()

    def work(number: int) -> None:
        go_on.wait(10)
        done.append(number)

    for number in range(5):
        slots.run(lambda number=number: work(number))
    wait_until(lambda: slots.busy == 2, what="two at work")
    assert done == []
    go_on.set()
    wait_until(lambda: sorted(done) == [0, 1, 2, 3, 4], what="all")
    wait_until(lambda: slots.busy == 0, what="rest")


def test_what_fails_frees_its_slot(slots):
    done = threading.Event()
    for _ in range(3):
        slots.run(lambda: 1 / 0)
    slots.run(done.set)
    assert done.wait(5)


def test_closing_waits_for_what_has_begun_and_forgets_the_rest():
    slots = ToolSlots(1)
    begun, done = threading.Event(), []
    slots.run(lambda: (begun.set(), threading.Event().wait(0.2), done.append("first")))
    slots.run(lambda: done.append("second"))
    begun.wait(5)
    slots.close()
    assert done == ["first"]
