"""Services of the user's own that don't answer are named at once."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.runtime import Runtime
from lotus_tasks.stack import external
from lotus_tasks.stack.external import check_external

OWN = Runtime(
    home=Path("/home/lotus"),
    database_url="postgresql://lotus@/lotus?host=%2Frun",
    redis_url="unix:///run/valkey.sock",
    broker_url="redis+socket:///run/valkey.sock",
    chroma_url="http://127.0.0.1:1",
    gateway_url="",
    flower_url="",
    supervisor_socket=Path("/run/supervisor.sock"),
    embedded=frozenset({"redis", "postgres", "chroma"}),
)


@pytest.fixture
def closed_port(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(external, "PATIENCE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_lotuss_own_services_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name in ("ask_redis", "ask_http", "_connect_broker"):
        monkeypatch.setattr(external, name, lambda *place, **_: asked.append("".join(place)))
    check_external(OWN)
    assert asked == []
    theirs = {"LOTUS_BROKER_URL": OWN.broker_url}
    check_external(replace(OWN, embedded=OWN.embedded - {"redis", "chroma"}, settings=theirs))
    assert asked == [OWN.redis_url, OWN.broker_url, f"{OWN.chroma_url}/api/v2/heartbeat"]


@pytest.mark.parametrize(
    ("setting", "part", "url"),
    [
        ("LOTUS_REDIS_URL", "Redis", "redis://:hunter2@127.0.0.1:{}/0"),
        ("LOTUS_BROKER_URL", "the broker", "amqp://me:hunter2@127.0.0.1:{}//"),
        ("LOTUS_BROKER_URL", "the broker", "redis://:hunter2@127.0.0.1:{}/0"),
    ],
)
def test_a_dead_one_is_named_with_its_setting_and_without_its_password(
    closed_port: int, setting: str, part: str, url: str
) -> None:
    field = setting.removeprefix("LOTUS_").lower()
    runtime = replace(
        OWN,
        embedded=OWN.embedded - {field.removesuffix("_url")},
        settings={setting: url},
        **{field: url.format(closed_port)},
    )
    with pytest.raises(
        ConfigurationError, match=f"^{part} at .*:{closed_port}.* can't be used: .*{setting}$"
    ) as raised:
        check_external(runtime)
    assert "hunter2" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_dead_chroma_is_a_notice_and_keeps_nothing_from_starting(closed_port: int) -> None:
    url = f"http://me:hunter2@127.0.0.1:{closed_port}"
    settings = {"LOTUS_CHROMA_URL": url}
    runtime = replace(OWN, embedded=OWN.embedded - {"chroma"}, settings=settings, chroma_url=url)
    (notice,) = check_external(runtime)
    assert notice.startswith("Chroma at http://me:******@")
    assert notice.endswith("correct LOTUS_CHROMA_URL; recall goes by words until it answers")
