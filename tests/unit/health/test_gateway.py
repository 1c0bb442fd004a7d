"""The health endpoint tells one word to anyone, and everything else to who knows the token."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from lotus_tasks.health import gateway
from lotus_tasks.health.probes import DatabaseFacts, Found
from lotus_tasks.local.runtime import Runtime

TOKEN = "s3cret-token"
KNOWN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def client(tmp_path: Path, monkeypatch) -> TestClient:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "gateway").write_text(f"{TOKEN}\n")
    runtime = Runtime(
        home=tmp_path, database_url="", redis_url="", broker_url="", chroma_url="", gateway_url="", flower_url="",
        supervisor_socket=tmp_path / "none",
    )  # fmt: skip
    document = {
        "overall": "ok",
        "queues": [{"name": "memory", "depth": 2, "oldest_s": 1.5, "consumers": 1, "saturated": True}],
        "beat": {"last_tick_s": 1.0},
        "processes": [{"name": "relay", "restarts": 3}],
        "memory": {"index_lag": 4},
    }
    monkeypatch.setattr(gateway, "collect_status", lambda *_, **__: document)
    monkeypatch.setattr(
        gateway, "_ended_last_hour", lambda _: [{"status": "failed", "commands": 1, "attempts": 3, "takeovers": 2}]
    )
    monkeypatch.setattr(gateway, "ask_all", lambda *_, **__: Found(database=DatabaseFacts(), redis=True))
    monkeypatch.setattr(gateway, "is_ready", lambda *_: True)
    return TestClient(gateway.make_app(runtime))


def test_anyone_hears_one_word(client):
    assert (client.get("/healthz").status_code, client.get("/healthz").text) == (200, "ok\n")
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (200, "ready\n")


def test_unready_is_503(client, monkeypatch):
    monkeypatch.setattr(gateway, "is_ready", lambda *_: False)
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (503, "unready\n")


@pytest.mark.parametrize("path", ["/status", "/metrics", "/", "/nothing", "/healthz/", "/readyz/x", "//healthz"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Bearer "}],
    ids=["none", "wrong", "bare", "empty"],
)
def test_without_the_token_every_other_path_is_401_whether_it_exists_or_not(client, path, headers):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.text == "unauthorized\n"


def test_without_the_token_the_method_makes_no_difference(client):
    assert client.post("/status").status_code == client.delete("/nothing").status_code == 401


def test_with_the_token_a_path_that_is_not_there_is_404(client):
    assert client.get("/nothing", headers=KNOWN).status_code == 404


def test_an_empty_secret_lets_nobody_in(client, tmp_path):
    (tmp_path / "secrets" / "gateway").write_text("\n")
    assert client.get("/status", headers={"Authorization": "Bearer "}).status_code == 401


def test_the_status_is_one_json_object(client):
    assert client.get("/status", headers=KNOWN).json()["overall"] == "ok"


def test_metrics_are_in_prometheus_text_form(client):
    answer = client.get("/metrics", headers=KNOWN)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    wanted = [
        'lotus_queue_depth{queue="memory"} 2.0',
        'lotus_queue_saturated{queue="memory"} 1.0',
        "lotus_beat_last_tick_seconds 1.0",
        'lotus_ended_last_hour_takeovers{status="failed"} 2.0',
        'lotus_process_restarts{process="relay"} 3.0',
        "lotus_up 1.0",
        "lotus_memory_index_lag 4.0",
    ]
    assert set(wanted) <= set(lines)
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


def test_what_many_ask_at_once_is_made_once():
    made = []
    recent = gateway.Recent(lambda: made.append(1) or len(made), keep_s=60.0)
    threads = [threading.Thread(target=recent.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
