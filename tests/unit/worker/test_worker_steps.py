"""What Flower reads goes in batches, and a task that ended still makes the worker look for the next."""

from types import SimpleNamespace

import pytest
from celery import Celery
from celery.events.event import get_exchange
from kombu import Queue
from kombu.asynchronous import Hub

from lotus_tasks.worker.worker_steps import GatheredEvents


@pytest.fixture
def consumer():
    app = Celery(broker="memory://", set_as_current=False)
    with app.connection_for_write() as connection:
        hub = Hub()
        dispatcher = app.events.Dispatcher(connection, hostname="w@here", buffer_group=["task"])
        yield SimpleNamespace(event_dispatcher=dispatcher, hub=hub, app=app, connection=connection)
        dispatcher.close()
        hub.close()


@pytest.fixture
def seen(consumer):
    queue = Queue("seen", exchange=get_exchange(consumer.connection), routing_key="#", auto_delete=True)
    queue(consumer.connection.default_channel).declare()
    return lambda: [message.payload for message in iter(queue(consumer.connection.default_channel).get, None)]


def test_what_tasks_do_within_a_moment_is_one_message(consumer, seen):
    step = GatheredEvents(consumer)
    step.start(consumer)
    for kind in ("task-received", "task-started", "task-succeeded"):
        consumer.event_dispatcher.send(kind, uuid="1")
    assert seen() == []
    (due,) = consumer.hub.timer.queue
    due.entry()
    (batch,) = seen()
    assert [event["type"] for event in batch] == ["task-received", "task-started", "task-succeeded"]
    step.stop(consumer)


def test_a_worker_that_stops_sends_what_is_left(consumer, seen):
    step = GatheredEvents(consumer)
    step.start(consumer)
    consumer.event_dispatcher.send("task-succeeded", uuid="1")
    step.stop(consumer)
    assert [event["uuid"] for batch in seen() for event in batch] == ["1"]


def test_each_event_gives_the_loop_a_turn(consumer):
    turns = []
    consumer.hub.call_soon = turns.append
    GatheredEvents(consumer).start(consumer)
    consumer.event_dispatcher.send("task-succeeded", uuid="1")
    assert len(turns) == 1


def test_a_worker_without_a_loop_is_left_as_it_is(consumer):
    consumer.hub = None
    GatheredEvents(consumer).start(consumer)
    assert consumer.event_dispatcher.on_send_buffered is None
