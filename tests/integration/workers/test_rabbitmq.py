"""Garbage on RabbitMQ: a worker drops it with one line. Run where LOTUS_TEST_AMQP_URL names one that may be filled with it."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import amqp
import pytest
from stack import Services, wait_until

from lotus_tasks.spine.submission import submit_and_wait
from lotus_tasks.work import CommandSpec

from .conftest import ProcessNode

URL = os.environ.get("LOTUS_TEST_AMQP_URL", "")
pytestmark = pytest.mark.skipif(not URL, reason="LOTUS_TEST_AMQP_URL names no RabbitMQ")

WHOLE = {"lang": "py", "task": "memory.recall", "id": "x", "root_id": "x", "parent_id": None, "group": None}
BODY = json.dumps([["no id"], {}, {}])
JSON = {"content_type": "application/json", "content_encoding": "utf-8"}


def garbage() -> dict[str, amqp.Message]:
    """What no program of LOTUS or Celery publishes, but whoever reaches the broker can."""

    def with_headers(**headers: object) -> amqp.Message:
        return amqp.Message(BODY, application_headers=WHOLE | headers, **JSON)

    def with_body(body: str | bytes, **properties: object) -> amqp.Message:
        content = body.encode() if isinstance(body, str) else body  # else the client encodes it, and finds the fault itself
        return amqp.Message(content, application_headers=WHOLE, **(JSON | properties))

    return {
        "raw bytes": amqp.Message(bytes(range(256))),
        "nothing": amqp.Message(b""),
        "no headers": amqp.Message(BODY, **JSON),
        "empty headers": amqp.Message(BODY, application_headers={}, **JSON),
        "no JSON": with_body("{"),
        "a deep body": with_body("[" * 60_000),
        "gigantic": with_body("x" * 50_000_000),
        "gigantic JSON": with_body(json.dumps([["x" * 5_000_000], {}, {}])),
        "pickle": with_body(b"\x80\x04.", content_type="application/x-python-serialize", content_encoding="binary"),
        "bytes that are no text": with_body(b"\xff\xfe\x00"),
        "a character set that nobody has": with_body(BODY, content_encoding="klingon"),
        "a content type that nobody has": with_body(BODY, content_type="x/y"),
        "no id": amqp.Message(BODY, application_headers={"lang": "py", "task": "memory.recall"}, **JSON),
        "an id of another type": with_headers(id={"a": 1}),
        "a task of another type": with_headers(task=["memory.recall"]),
        "an unknown task": with_headers(task="memory.dream"),
        "a wrong moment": with_headers(eta={"a": 1}),
        "a moment that is none": with_headers(eta="soon"),
        "a wrong end": with_headers(expires="soon"),
        "wrong limits": with_headers(timelimit=5),
        "wrong retries": with_headers(retries="many"),
        "compression that nobody has": with_headers(compression="application/x-nosuch"),
        "compression that isn't": with_headers(compression="application/x-gzip"),
        "compression of another type": with_headers(compression=["x"]),
        "arguments of another type": with_body("7"),
        "too few arguments": with_body("[[]]"),
        "a reply to nowhere": with_body(BODY, reply_to="\0" * 200, correlation_id="x" * 250),
        "a priority": with_body(BODY, priority=255, expiration="60000"),
    }


@pytest.fixture
def environment(worker_environment: dict[str, str]) -> dict[str, str]:
    return {**worker_environment, "LOTUS_BROKER_URL": URL}


@pytest.fixture
def on_rabbitmq(
    services: Services, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[ProcessNode]:
    """A worker and a relay whose broker is RabbitMQ."""
    document = services.home / "run" / "runtime.json"
    before = document.read_text()
    document.write_text(json.dumps(json.loads(before) | {"broker_url": URL}))
    command = [str(Path(sys.executable).parent / "celery"), "-A", "lotus_tasks", "worker"]
    nodes = [ProcessNode("worker", command, environment, ready_line=" ready.")]
    try:
        nodes.append(ProcessNode("relay", [sys.executable, "-m", "lotus_tasks.worker.relay"], environment, "relaying"))
        assert all(node.ready() for node in nodes)
        yield nodes[0]
    finally:
        for node in nodes:
            node.teardown()
        document.write_text(before)


def channel() -> amqp.Connection:
    parts = urlsplit(URL)
    return amqp.Connection(
        f"{parts.hostname}:{parts.port or 5672}", unquote(parts.username or "guest"), unquote(parts.password or "guest")
    )


@pytest.mark.timeout(300)
def test_garbage_on_rabbitmq_is_dropped_with_a_line_and_ends_no_worker(
    on_rabbitmq: ProcessNode, services: Services
) -> None:
    with channel() as connection:
        queue = connection.channel()
        for kind, message in garbage().items():
            seen = len(on_rabbitmq.logs())
            queue.basic_publish(message, routing_key="memory")
            wait_until(lambda seen=seen: len(on_rabbitmq.logs()) > seen, timeout_s=20, what=f"a line on {kind}")
            assert on_rabbitmq.status == "running", (kind, on_rabbitmq.logs()[-3000:])
            said = on_rabbitmq.logs()[seen:]
            assert len(said) < 20_000, (kind, said[:3000])
    spec = CommandSpec(name="memory.recall", key=str(uuid.uuid4()), payload={"query": "anything"})
    assert submit_and_wait(services.runtime.database_url, spec, timeout_s=30)["memories"] == []
    assert on_rabbitmq.status == "running"
    assert on_rabbitmq.logs().count("ready.") == 1
    assert on_rabbitmq.logs().count("Connection to broker lost") == 0
    with channel() as connection:
        assert connection.channel().queue_declare("memory", passive=True).message_count == 0
