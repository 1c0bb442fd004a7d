"""A process that serves several queues takes of each what its slots hold."""

from __future__ import annotations

import pytest

from lotus_tasks.worker import queue_slots
from lotus_tasks.worker.queue_slots import OpenQueues, full_queues

LIMITS = {"memory": 2, "providers": 1, "system": 1}


@pytest.mark.parametrize(
    ("at_work", "full"),
    [
        ([], set()),
        (["memory.recall"], set()),
        (["memory.recall", "memory.remember"], {"memory"}),
        (["providers.complete", "system.sweep", "memory.recall"], {"providers", "system"}),
        (["stranger.verb"] * 9, set()),
    ],
    ids=["idle", "one", "memory", "two queues", "strangers"],
)
def test_a_queue_is_full_when_as_many_of_its_tasks_are_at_work_as_it_has_slots(
    at_work: list[str], full: set[str]
) -> None:
    assert full_queues(["memory", "providers", "system", "else"], at_work, LIMITS) == full


def test_a_process_of_one_queue_is_bounded_by_its_pool_alone() -> None:
    assert full_queues(["memory"], ["memory.recall"] * 9, LIMITS) == frozenset()


def test_a_full_queue_is_left_out_of_the_turn_until_a_slot_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work = ["providers.complete"]
    monkeypatch.setattr(queue_slots, "slots", lambda: LIMITS)
    monkeypatch.setattr(queue_slots, "names_at_work", lambda: at_work)
    queues = OpenQueues()
    queues.update(["memory", "providers", "system"])
    assert queues.look()
    assert queues.consume(3) == ["memory", "system"]
    queues.rotate("memory")
    at_work.clear()
    assert not queues.look()
    assert queues.consume(3) == ["providers", "system", "memory"]
