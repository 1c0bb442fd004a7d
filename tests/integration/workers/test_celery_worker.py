"""`celery -A lotus_tasks worker` under pytest-celery: it serves every queue, and outlives what a broker can do to it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import kombu.pools
import pytest
from pytest_celery import CeleryTestSetup
from stack import Services, wait_until

from lotus_tasks.infra.postgres import Connection, connect
from lotus_tasks.infra.submission import submit_and_wait
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.models import RunOptions
from lotus_tasks.work import CommandSpec
from tests.modelserver.handle import ModelServerHandle

from .conftest import ProcessNode

PREFIX = "lotus:"


MALFORMED = {
    "unknown task": ("application/json", {"task": "memory.dream", "id": "x"}, [[], {}, {}]),
    "no command id": ("application/json", {"task": "memory.recall", "id": "x"}, [["no command id"], {}, {}]),
    "wrong arguments": ("application/json", {"task": "memory.recall", "id": "x"}, [[1, 2, 3], {"x": 1}, {}]),
    "no task": ("application/json", {}, {"not": "a task"}),
    "pickle": ("application/x-python-serialize", {"task": "memory.recall", "id": "x"}, [[], {}, {}]),
}


@pytest.fixture
def own_pools() -> Iterator[None]:
    """Closes the pools of connections that the test opened: kombu keeps them for the process, by the broker's address.

    Only those: LOTUS's own app holds on to its pool, and other tests send with it.
    """
    groups = (kombu.pools.producers, kombu.pools.connections)
    before = [set(group) for group in groups]
    yield
    for group, known in zip(groups, before, strict=True):
        for key in set(group) - known:
            group.pop(key).force_close_all()


@pytest.fixture
def setup(own_pools: None, celery_setup: CeleryTestSetup, relay: ProcessNode) -> CeleryTestSetup:
    celery_setup.app.conf.broker_transport_options = {"global_keyprefix": PREFIX}
    assert celery_setup.ready(control=True, ping=False)
    assert relay.ready()
    return celery_setup


@pytest.fixture
def conn(services: Services) -> Iterator[Connection]:
    with connect(services.runtime.database_url, autocommit=True) as conn:
        yield conn


def ask(conn: Connection, question: str) -> uuid.UUID:
    with conn.transaction():
        return submit_run(conn, question, RunOptions(), conversation_id=None).run_id


def wait_for_answer(conn: Connection, run_id: uuid.UUID) -> str:
    query = "SELECT answer FROM runs WHERE id = %s AND status = 'succeeded'"
    row = wait_until(lambda: conn.execute(query, [run_id]).fetchone(), timeout_s=25, what="the answer")
    return str(row["answer"])


def test_a_worker_without_flags_serves_every_queue(setup: CeleryTestSetup, conn: Connection):
    inspect = setup.app.control.inspect(timeout=3, limit=1)  # a broadcast reaches who listens at that moment only
    replies = wait_until(inspect.active_queues, timeout_s=20, what="the worker's reply")
    assert {queue["name"] for queues in replies.values() for queue in queues} == {
        "memory",
        "providers",
        "perception",
        "reasoning",
        "system",
    }
    assert wait_for_answer(conn, ask(conn, "who answers?")) == "The scripted model answers."


def test_a_killed_workers_command_is_taken_over_and_done_once(
    setup: CeleryTestSetup, conn: Connection, model: ModelServerHandle
):
    model.fault("hang")
    run_id = ask(conn, "hang once")
    model.wait_for(lambda calls: len(calls) == 1, within_s=20)
    setup.worker.kill()
    setup.worker.restart()
    assert wait_for_answer(conn, run_id) == "The scripted model answers."
    row = conn.execute("SELECT takeovers, attempt FROM commands WHERE name = 'providers.complete'").fetchone()
    assert row == {"takeovers": 1, "attempt": 2}
    assert len(model.calls) == 2


def test_a_worker_outlives_its_broker(setup: CeleryTestSetup, conn: Connection, model: ModelServerHandle):
    model.script(first_token_delay_s=1.0)
    before = ask(conn, "before")
    model.wait_for(lambda calls: len(calls) == 1, within_s=20)
    setup.broker.container.restart(timeout=20)
    after = ask(conn, "after")
    assert wait_for_answer(conn, before) == wait_for_answer(conn, after) == "The scripted model answers."
    assert setup.worker.container.status == "running"
    assert len(model.calls) == 2


def test_malformed_messages_leave_the_worker_alive(setup: CeleryTestSetup, services: Services):
    with services.redis() as client:
        for content_type, headers, body in MALFORMED.values():
            client.lpush(f"{PREFIX}memory", message(content_type, headers, body))
        wait_until(lambda: client.llen(f"{PREFIX}memory") == 0, what="the end of the messages")
    spec = CommandSpec(name="memory.recall", key=str(uuid.uuid4()), payload={"query": "anything"})
    assert submit_and_wait(services.runtime.database_url, spec, timeout_s=20)["memories"] == []
    assert setup.worker.container.status == "running"


def message(content_type: str, headers: dict[str, str], body: object) -> str:
    """A message as kombu's Redis transport keeps it (kombu.transport.virtual)."""
    delivery = {"delivery_info": {"exchange": "", "routing_key": "memory"}, "delivery_tag": str(uuid.uuid4())}
    return json.dumps(
        {
            "body": json.dumps(body),
            "content-type": content_type,
            "content-encoding": "utf-8",
            "headers": {"lang": "py", **headers},
            "properties": {**delivery, "delivery_mode": 2},
        }
    )
