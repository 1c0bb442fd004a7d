"""What an ask costs: LOTUS with an instant model, beside a bare Celery round trip on the same broker in the same run.

    python benchmarks/ask.py [--asks N] [--concurrent N] [--json]

Prints (milliseconds unless said otherwise)
    ask_ms                 from the question's row in PostgreSQL to its answer's: recall, model and all commits included
    first_token_added_ms   from the model server's first token to the reader of the run's stream
    celery_noop_ms         a bare Celery task that does nothing, sent and its result fetched, on the same Valkey
    ratio                  ask_ms p50 / celery_noop_ms p50
    concurrent             asks submitted at once, how many were lost, and how many were answered a second
    noop_per_s             bare no-op tasks a second, five for each of those asks, sent at once to four slots (no results kept)
    concurrent_ratio       asks answered a second / (noop_per_s / 5), an ask being five commands
    postgres_bytes         by how much PostgreSQL grew with each of those asks, indexes included, as a whole and where
It starts a LOTUS of its own under the temporary folder and removes it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from stack import Lotus, lotus_home  # noqa: E402

from lotus_tasks.local.runtime import Runtime  # noqa: E402
from lotus_tasks.origins import USER  # noqa: E402
from lotus_tasks.reasoning.adapters.postgres import submit_run  # noqa: E402
from lotus_tasks.reasoning.models import RunOptions  # noqa: E402
from lotus_tasks.spine.database import connect  # noqa: E402
from lotus_tasks.spine.streams import TokenReader, connect_redis  # noqa: E402
from tests.modelserver.handle import ModelServerHandle, model_server_process  # noqa: E402

NOTES = [f"The spare key number {n} hangs behind the blue door of house {n} in Marstal." for n in range(50)]

COMMANDS_AN_ASK = 5
"""Recall, advance, complete, advance, remember."""

_NOOP = """
import sys
from celery import Celery
app = Celery("noop", broker=sys.argv[1], backend=sys.argv[2])
app.conf.update(task_serializer="json", accept_content=["json"], worker_prefetch_multiplier=1, task_acks_late=False,
                broker_transport_options={"global_keyprefix": "noop:"},
                result_backend_transport_options={"global_keyprefix": "noop:"})
@app.task(name="noop")
def noop():
    return None
if __name__ == "__main__":
    app.worker_main(["worker", "--pool=threads", "--concurrency=4", "--without-gossip", "--without-mingle", "--loglevel=ERROR"])
"""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="What an ask costs, beside a bare Celery round trip.")
    parser.add_argument("--asks", type=int, default=100, help="asks one after the other (default 100)")
    parser.add_argument("--concurrent", type=int, default=200, help="asks at once (default 200)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with model_server_process() as model, lotus_home(**_settings(model)) as lotus:
        lotus.up()
        try:
            report = measure(lotus, model, asks=options.asks, concurrent=options.concurrent)
        finally:
            lotus.run("down")
    print(json.dumps(report) if options.json else "\n".join(f"{name:<22} {value}" for name, value in report.items()))


def measure(lotus: Lotus, model: ModelServerHandle, *, asks: int, concurrent: int) -> dict[str, Any]:
    """The figures."""
    for note in NOTES:
        lotus.run("remember", note)
    runtime = lotus.runtime
    sequential(runtime, 10)
    before = table_bytes(runtime)
    took = sequential(runtime, asks)
    grown = {name: (size - before.get(name, 0)) // asks for name, size in table_bytes(runtime).items()}
    noop, noop_per_s = celery_noop(runtime, asks, at_once=COMMANDS_AN_ASK * concurrent)
    together = at_once(runtime, concurrent)
    return {
        "ask_ms": _percentiles(took),
        "first_token_added_ms": {"p50": round(statistics.median(first_token(runtime, model, 30)), 2)},
        "celery_noop_ms": {"p50": round(statistics.median(noop), 2)},
        "ratio": round(statistics.median(took) / statistics.median(noop), 1),
        "concurrent": together,
        "noop_per_s": round(noop_per_s, 1),
        "concurrent_ratio": round(together["per_s"] / (noop_per_s / COMMANDS_AN_ASK), 2),
        "postgres_bytes": {
            "an_ask": sum(grown.values()),
            **{name: size for name, size in grown.items() if size >= 100},
        },
    }


def table_bytes(runtime: Runtime) -> dict[str, int]:
    """Bytes of each table with its indexes and long values, the largest first."""
    query = (
        "SELECT relname, pg_total_relation_size(oid) AS size FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY size DESC"
    )
    with connect(runtime.database_url, autocommit=True) as conn:
        return {row["relname"]: int(row["size"]) for row in conn.execute(query).fetchall()}


def sequential(runtime: Runtime, count: int) -> list[float]:
    """Asks one after the other: server-side milliseconds of each."""
    ids = []
    client = connect_redis(runtime.redis_url)
    with connect(runtime.database_url, autocommit=True) as conn:
        for number in range(count):
            with conn.transaction():
                run = submit_run(
                    conn, f"where is spare key {number % 50}?", RunOptions(origin=USER), conversation_id=None
                )
            reader = TokenReader(client, run.run_id)
            while not any(entry.kind == "end" for entry in reader.read(block_s=5.0)):
                pass
            ids.append(run.run_id)
        took = "extract(epoch FROM finished_at - created_at) * 1000 AS ms"
        query = f"SELECT {took} FROM runs WHERE id = ANY(%s) AND status = 'succeeded'"
        return [float(row["ms"]) for row in conn.execute(query, [ids]).fetchall()]


def first_token(runtime: Runtime, model: ModelServerHandle, count: int) -> list[float]:
    """Milliseconds between the model's first token and the reader's."""
    delay_s = 0.05
    model.reset()
    model.script(first_token_delay_s=delay_s)
    seen = []
    client = connect_redis(runtime.redis_url)
    with connect(runtime.database_url, autocommit=True) as conn:
        for number in range(count):
            with conn.transaction():
                run = submit_run(conn, f"where is spare key {number}?", RunOptions(origin=USER), conversation_id=None)
            reader = TokenReader(client, run.run_id)
            first = 0.0
            while True:
                entries = reader.read(block_s=5.0)
                if not first and any(entry.kind == "token" for entry in entries):
                    first = time.time()
                if any(entry.kind == "end" for entry in entries):
                    break
            seen.append(first)
    sent = [call["started_at"] + delay_s for call in model.calls]
    model.reset()
    return [(reader_at - model_at) * 1000 for reader_at, model_at in zip(seen, sent, strict=True)]


def at_once(runtime: Runtime, count: int) -> dict[str, Any]:
    """Many asks submitted together."""
    started = time.monotonic()
    with connect(runtime.database_url, autocommit=True) as conn:
        ids = []
        for number in range(count):
            with conn.transaction():
                ids.append(
                    submit_run(
                        conn, f"where is spare key {number}?", RunOptions(origin=USER), conversation_id=None
                    ).run_id
                )
        query = "SELECT count(*) AS n FROM runs WHERE id = ANY(%s) AND status = 'succeeded'"
        done = 0
        while done < count and time.monotonic() - started < 120:
            time.sleep(0.05)
            row = conn.execute(query, [ids]).fetchone()
            done = row["n"] if row else 0
    elapsed_s = time.monotonic() - started
    return {"asks": count, "lost": count - done, "per_s": round(done / elapsed_s, 1)}


def celery_noop(runtime: Runtime, count: int, *, at_once: int) -> tuple[list[float], float]:
    """Bare Celery on the same Valkey: round trips in milliseconds, and tasks a second where ``at_once`` are sent together."""
    backend = runtime.broker_url  # Celery reads a Redis socket as the same URL for results
    redis = connect_redis(runtime.redis_url)
    with _noop_worker(runtime.broker_url, backend) as task:
        for _ in range(10):
            task.delay().get(timeout=20)
        took = []
        for _ in range(count):
            started = time.perf_counter()
            task.delay().get(timeout=20)
            took.append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        for _ in range(at_once):
            task.apply_async(ignore_result=True)
        while redis.llen("noop:celery") or redis.hlen("noop:unacked"):
            time.sleep(0.002)
        return took, at_once / (time.perf_counter() - started)


@contextmanager
def _noop_worker(broker: str, backend: str) -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="lotus-noop-") as folder:
        script = Path(folder) / "noop.py"
        script.write_text(_NOOP, encoding="utf-8")
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        worker = subprocess.Popen([sys.executable, str(script), broker, backend], cwd=folder, env=environment)
        try:
            from celery import Celery

            app = Celery("noop", broker=broker, backend=backend)
            options = {"global_keyprefix": "noop:"}
            app.conf.update(broker_transport_options=options, result_backend_transport_options=options)
            task = app.signature("noop")
            task.delay().get(timeout=20)
            yield task
            app.close()
        finally:
            worker.terminate()
            worker.wait(20)


def _settings(model: ModelServerHandle) -> dict[str, str]:
    return {
        "LOTUS_PROVIDERS": "openai",
        "OPENAI_BASE_URL": model.openai_url,
        "OPENAI_API_KEY": "sk-benchmark-000000000000",
    }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"p50": round(statistics.median(ordered), 1), "p95": round(ordered[int(len(ordered) * 0.95)], 1)}


if __name__ == "__main__":
    main()
