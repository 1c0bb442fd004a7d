"""How many messages wait is asked of the real broker, as Celery's own settings fill it."""

from __future__ import annotations

import importlib
import sys

from celery import Celery

from lotus_tasks import bootstrap
from lotus_tasks.spine.queues import BACKGROUND_PRIORITY, ask_depths


def test_the_depth_of_a_queue_counts_urgent_and_background_messages(services):
    bootstrap.runtime.cache_clear()
    sys.modules.pop("celeryconfig", None)
    app = Celery("depths")
    app.config_from_object(importlib.import_module("celeryconfig"))
    broker = services.runtime.broker_url
    assert ask_depths(broker, ["memory", "providers"]) == {"memory": 0, "providers": 0}
    for priority in (None, None, BACKGROUND_PRIORITY):
        app.send_task("memory.recall", args=["x"], queue="memory", priority=priority)
    app.close()
    assert ask_depths(broker, ["memory", "providers"]) == {"memory": 3, "providers": 0}


def test_only_redis_is_asked_this_way():
    assert ask_depths("amqp://guest:guest@127.0.0.1:5672//", ["memory"]) is None
