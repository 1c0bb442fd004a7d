"""What LOTUS does otherwise than Celery's worker: task events go in batches, and what Redis has handed over needs no word back.

Celery sends events at the loop's next turn, which is one message for almost each of them: as much work for the worker's main
thread as receiving the tasks, and in front of it.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from celery import bootsteps
from celery.worker.consumer.events import Events
from celery.worker.request import Request

GATHER_S: Final = 0.5
"""How late Flower may see what a task did."""
MOST_EVENTS: Final = 1000
"""Sent at once, whatever the time."""


class ReceivedRequest(Request):  # type: ignore[misc]  # Celery ships no types
    """A task from a queue without acknowledgements: the broker forgot its message when it was read."""

    acknowledged = True


class GatheredEvents(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """A step of the worker's consumer: its event dispatcher sends every half second."""

    requires = (Events,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        self._timer: Any = None
        super().__init__(consumer, **options)

    def start(self, consumer: Any) -> None:
        """Also after a lost connection, with the dispatcher that Celery made anew."""
        dispatcher = consumer.event_dispatcher
        if consumer.hub is None or dispatcher is None:
            return
        # Still a turn of the loop for each: a task that ended may have left a place for the next message.
        dispatcher.on_send_buffered = partial(consumer.hub.call_soon, _take_a_turn)
        dispatcher.buffer_limit = MOST_EVENTS
        self._timer = consumer.hub.call_repeatedly(GATHER_S, dispatcher.flush)

    def stop(self, consumer: Any) -> None:
        """Send what is left."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            consumer.event_dispatcher.flush()


def _take_a_turn() -> None:
    """Nothing: the loop looks for messages at each of its turns."""
