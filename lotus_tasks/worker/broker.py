"""kombu's Redis transport, which drops what it can't read: a broker's queue is open to whoever reaches the broker.

kombu lets an item that is no message end its caller, and a worker with it. LOTUS loses nothing by dropping one: the row in
PostgreSQL is the command, and a wake-up call that is missed is sent again.
"""

from __future__ import annotations

from typing import Any, Final

import structlog
from kombu.transport import TRANSPORT_ALIASES, redis

from lotus_tasks.spine.database import one_line
from lotus_tasks.worker.queue_slots import LOOK_AGAIN_S, OpenQueues

MOST_CHARS: Final = 65_536
"""A message of LOTUS's own has about a thousand: one id, and Celery's headers."""

log = structlog.get_logger("lotus.broker")


class Channel(redis.Channel):  # type: ignore[misc]  # kombu ships no types
    """Goes on after an item that is no JSON, and asks for no message of a queue whose slots are full (queue_slots.py)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._queue_cycle = OpenQueues()

    def _brpop_start(self, timeout: float | None = None) -> None:
        left_out = self._queue_cycle.look()
        super()._brpop_start(LOOK_AGAIN_S if left_out else timeout)

    def _brpop_read(self, **options: Any) -> bool:
        try:
            return bool(super()._brpop_read(**options))
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
            # Read off the queue and gone; what a whole message does further on is caught where it is delivered.
            drop(error)
            return True


class Transport(redis.Transport):  # type: ignore[misc]  # kombu ships no types
    """Goes on after an item that is no message, or one that Celery can't take apart."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        try:
            _refuse_misshapen(message)
            super()._deliver(message, queue)
        except (*self.connection_errors, *self.channel_errors):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a stranger's message sets off
            drop(error, queue=queue)


def drop(error: Exception, **where: str) -> None:
    """One line for a message that is gone."""
    log.warning("message dropped: it can't be read", reason=f"{type(error).__name__}: {one_line(error)[:200]}", **where)


def _refuse_misshapen(message: Any) -> None:
    """Raises ValueError or TypeError where this is no message as kombu's virtual transports write them."""
    if not isinstance(message, dict):
        raise TypeError(f"a message is an object, not {type(message).__name__}")
    body = message.get("body")
    if body is not None and not isinstance(body, str):
        raise TypeError(f"a message's body is text, not {type(body).__name__}")
    if len(body or "") > MOST_CHARS:
        raise ValueError(f"it has {len(body or ''):,} characters, no message of LOTUS has more than {MOST_CHARS:,}")
    properties = message.get("properties")
    if not isinstance(properties, dict) or not isinstance(properties.get("delivery_info"), dict):
        raise TypeError("its properties, or where it was sent, are missing")
    if not isinstance(message.get("headers"), dict):
        raise TypeError("its headers are missing")


def use_for_redis() -> None:
    """From now on this process's connections to ``redis://``, ``rediss://`` and ``redis+socket://`` are of this kind."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:Transport"))
