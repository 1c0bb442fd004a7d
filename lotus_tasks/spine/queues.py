"""Queues on the broker: what goes first, and how many messages wait.

Redis is asked itself: kombu 5.7's passive declare looks for a key without the global prefix and always finds none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

from lotus_tasks.manifest import Manifest

BACKGROUND_PRIORITY = 9
BACKGROUND_SUFFIX = "\x06\x169"
"""kombu's Redis transport keeps a list per priority: the queue's name, this separator, the priority (0 has neither)."""
LIMIT_S = 0.75
SYSTEM_QUEUE = "system"


def queue_names(manifests: Iterable[Manifest]) -> list[str]:
    """Every queue of LOTUS's own."""
    return [*(manifest.queue for manifest in manifests), SYSTEM_QUEUE]


def ask_depths(broker_url: str, names: Sequence[str]) -> Mapping[str, int] | None:
    """How many messages wait on each queue; None where the broker is no Redis."""
    import redis

    url = redis_url_of(broker_url)
    if url is None:
        return None
    with redis.Redis.from_url(url, socket_connect_timeout=LIMIT_S, socket_timeout=LIMIT_S) as client:
        pipeline = client.pipeline(transaction=False)
        for name in names:
            pipeline.llen(f"lotus:{name}")
            pipeline.llen(f"lotus:{name}{BACKGROUND_SUFFIX}")
        counts = pipeline.execute()
    return {name: counts[2 * index] + counts[2 * index + 1] for index, name in enumerate(names)}


def redis_url_of(broker_url: str) -> str | None:
    """A broker's address, as kombu reads it, for redis-py; None where the broker is no Redis."""
    if broker_url.startswith(("redis://", "rediss://")):
        return broker_url
    if not broker_url.startswith("redis+socket://"):
        return None
    path, _, query = broker_url.removeprefix("redis+socket://").partition("?")
    pairs = urlencode([("db" if name == "virtual_host" else name, value) for name, value in parse_qsl(query)])
    return f"unix://{path}{'?' + pairs if pairs else ''}"
