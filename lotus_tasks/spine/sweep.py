"""One sweep of the outbox: what the relay and a beat tick both do. Running two at once is harmless."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import structlog

from lotus_tasks.spine.outbox import Outbox, WakeUp

log = structlog.get_logger("lotus.sweep")

Send = Callable[[Iterable[WakeUp]], int]


def sweep(outbox: Outbox, served: Sequence[str], *, send: Send, depth: Callable[[str], int | None]) -> int:
    """End what must not run again, send what is due. Returns how many messages went out. Raises ServiceDown.

    ``served``: the commands there are. ``depth(queue)``: messages waiting, None or any error where the broker can't tell.
    """

    def known_depth(queue: str) -> int | None:
        try:
            return depth(queue)
        except Exception as error:  # noqa: BLE001 - each broker's client has errors of its own
            log.warning("queue depth unknown", queue=queue, reason=str(error))
            return None

    sent = send(outbox.end_lost()) + send(outbox.end_unserved(served))
    return sent + send(outbox.take_due(known_depth))


def tell_stranded(outbox: Outbox, told: frozenset[str]) -> frozenset[str]:
    """Warn of each queue that nobody has and that isn't ``told`` yet, once. Returns what is told now. Raises ServiceDown.

    Nothing is sent there meanwhile; status shows it, and what waits is sent when a worker has the queue.
    """
    stranded = outbox.stranded()
    for queue in sorted(stranded.keys() - told):
        log.warning("commands wait on a queue that no worker has", queue=queue, waiting=stranded[queue])
    return frozenset(stranded)
