"""`celery -A lotus_tasks worker` under pytest-celery: it serves every queue, and outlives what a broker can do to it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import kombu.pools
import pytest
from pytest_celery import CeleryTestSetup
from stack import Services, wait_until

from lotus_tasks.origins import USER
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.models import RunOptions
from lotus_tasks.spine.database import Connection, connect
from lotus_tasks.spine.submission import submit_and_wait
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
        return submit_run(conn, question, RunOptions(origin=USER), conversation_id=None).run_id


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


def test_garbage_on_a_queue_is_dropped_with_one_line_and_ends_no_worker(setup: CeleryTestSetup, services: Services):
    worker = setup.worker.container
    with services.redis() as client:
        for kind, item in garbage().items():
            seen = len(worker.logs())
            client.lpush(f"{PREFIX}memory", item if isinstance(item, bytes) else json.dumps(item))
            wait_until(lambda: client.llen(f"{PREFIX}memory") == 0, timeout_s=20, what=f"the end of {kind}")
            wait_until(lambda seen=seen: len(worker.logs()) > seen, timeout_s=20, what=f"a line on {kind}")
            assert len(worker.logs()) - seen < 20_000, kind
            assert worker.status == "running", kind
    spec = CommandSpec(name="memory.recall", key=str(uuid.uuid4()), payload={"query": "anything"})
    assert submit_and_wait(services.runtime.database_url, spec, timeout_s=20)["memories"] == []
    assert worker.status == "running"
    assert worker.logs().count("ready.") == 1


def garbage() -> dict[str, object]:
    """What no program of LOTUS or Celery writes, but whoever reaches the broker can: bytes as they are, others as JSON."""
    whole = json.loads(message("application/json", {"task": "memory.recall", "id": "x"}, [["no id"], {}, {}]))
    headers, properties = whole["headers"], whole["properties"]
    return {
        "raw bytes": bytes(range(256)),
        "nothing": b"",
        "text": b"hello",
        "half of a message": json.dumps(whole).encode()[:100],
        "another encoding": json.dumps(whole).encode("utf-16"),
        "depth": b"[" * 100_000,
        "gigantic": whole | {"body": "x" * 50_000_000},
        "gigantic, no JSON": b"x" * 50_000_000,
        "null": None,
        "a number": 7,
        "a list": [whole],
        "a type that kombu hasn't": {"__type__": "nosuch", "__value__": 1},
        "a wrong value of kombu's type": {"__type__": "datetime", "__value__": 5},
        "no properties": {name: value for name, value in whole.items() if name != "properties"},
        "empty properties": whole | {"properties": {}},
        "wrong delivery": whole | {"properties": {"delivery_info": "memory", "delivery_tag": []}},
        "a body of another type": whole | {"body": {"not": "text"}},
        "a body that is no JSON": whole | {"body": "{"},
        "a deep body": whole | {"body": "[" * 60_000},
        "no Base64": whole | {"properties": properties | {"body_encoding": "base64"}, "body": "?"},
        "a body's encoding that nobody has": whole | {"properties": properties | {"body_encoding": "rot13"}},
        "a character set that nobody has": whole | {"content-encoding": "klingon"},
        "a content type of another type": whole | {"content-type": ["x"]},
        "no headers": {name: value for name, value in whole.items() if name != "headers"},
        "headers of another type": whole | {"headers": "task"},
        "no id": whole | {"headers": {"lang": "py", "task": "memory.recall"}},
        "an id of another type": whole | {"headers": headers | {"id": {"a": 1}}},
        "a task of another type": whole | {"headers": headers | {"task": ["memory.recall"]}},
        "a wrong moment": whole | {"headers": headers | {"eta": {"a": 1}}},
        "a wrong end": whole | {"headers": headers | {"expires": "soon"}},
        "wrong limits": whole | {"headers": headers | {"timelimit": 5}},
        "compression that nobody has": whole | {"headers": headers | {"compression": "application/x-nosuch"}},
        "compression that isn't": whole | {"headers": headers | {"compression": "application/x-gzip"}},
    }


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
