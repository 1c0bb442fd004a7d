"""How many tasks of one queue are at work at once in a process that serves several.

One worker's slots are one pool to Celery: eight models that take their time, or a folder that is read, would take what recalls
and decisions need. So a queue whose slots are full is left out when the broker is asked for the next message. What waits there
keeps its place and its priority, and another worker may have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from kombu.utils.scheduling import round_robin_cycle

from lotus_tasks import bootstrap
from workers import slots_by_queue

LOOK_AGAIN_S: Final = 0.05
"""How soon a queue that was left out is looked at again, where no other message comes before."""


@cache
def slots() -> Mapping[str, int]:
    """The slots of every queue, as its worker's file or its setting says."""
    return slots_by_queue(bootstrap.runtime().settings)


def full_queues(served: Iterable[str], names: Iterable[str], limits: Mapping[str, int]) -> frozenset[str]:
    """Those of the ``served`` queues that have no free slot. ``names``: the tasks at work.

    A process that serves one queue only is bounded by its pool.
    """
    queues = [queue for queue in served if queue in limits]
    if len(queues) < 2:
        return frozenset()
    at_work = Counter(name.partition(".")[0] for name in names)
    return frozenset(queue for queue in queues if at_work[queue] >= limits[queue])


def names_at_work() -> list[str]:
    """The names of the tasks that this worker has taken and not ended."""
    from celery.worker import state

    # A copy made in one step: the pool's threads end tasks meanwhile.
    found = (reference() for reference in state.reserved_requests.data.copy())
    return [str(request.name) for request in found if request is not None]


class OpenQueues(round_robin_cycle):  # type: ignore[misc]  # kombu ships no types
    """kombu's turn of queues, without those that are full."""

    def __init__(self) -> None:
        super().__init__()
        self._left_out: frozenset[str] = frozenset()

    def look(self) -> bool:
        """See which queues are full now; returns whether any is."""
        self._left_out = full_queues(self.items, names_at_work(), slots()) if self.items else frozenset()
        return bool(self._left_out)

    def consume(self, n: int) -> list[str]:
        """The queues to ask for a message, in their turn."""
        return [queue for queue in super().consume(n) if queue not in self._left_out]
