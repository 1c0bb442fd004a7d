"""What LOTUS does otherwise than Celery's worker: task events go in batches, what Redis has handed over needs no word back, and
a message that Celery can't take apart ends nothing.

Celery sends events at the loop's next turn, which is one message for almost each of them: as much work for the worker's main
thread as receiving the tasks, and in front of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from celery import bootsteps
from celery.worker.consumer.events import Events
from celery.worker.consumer.tasks import Tasks
from celery.worker.request import Request

from lotus_tasks.worker.broker import drop

log = logging.getLogger("lotus.broker")

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


class GuardedTasks(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """A step of the worker's consumer: a message whose headers set off an error is rejected with one line, on every broker."""

    requires = (Tasks,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        create = consumer.create_task_handler
        consumer.create_task_handler = lambda: _guarded(create(), consumer.connection_errors)


def _guarded(
    on_task_received: Callable[[Any], None], connection_errors: tuple[type[Exception], ...]
) -> Callable[[Any], None]:
    def receive(message: Any) -> None:
        try:
            on_task_received(message)
        except connection_errors:
            raise  # the broker's own, which the worker outlives
        except Exception as error:  # noqa: BLE001 - whatever a stranger's message sets off
            drop(error)
            if not message.acknowledged:
                message.reject_log_error(log, (OSError,))

    return receive


def _take_a_turn() -> None:
    """Nothing: the loop looks for messages at each of its turns."""
