"""Ports."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.home import Home
from lotus_tasks.stack import ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_next_free_port_is_taken_when_the_usual_one_is_in_use(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "USUAL", {"flower": taken})
    held = ports.hold_port("flower", fixed=None)
    assert held.number != taken
    held.release()


def test_two_starts_at_once_get_two_ports() -> None:
    first = ports.hold_port("gateway", fixed=None)
    second = ports.hold_port("gateway", fixed=None)
    assert first.number != second.number
    first.release()
    second.release()


def test_the_remembered_port_is_taken_again(tmp_path: Path) -> None:
    held = ports.hold_port("flower", fixed=None)
    ports.remember_ports(Home(tmp_path), {"flower": held.number})
    held.release()
    again = ports.hold_port("flower", fixed=None, remembered=ports.remembered_ports(Home(tmp_path))["flower"])
    assert again.number == held.number
    again.release()


def test_a_fixed_port_in_use_is_one_line_that_names_the_setting(taken: int) -> None:
    with pytest.raises(ConfigurationError, match=f"port {taken} for flower is in use.*LOTUS_FLOWER_PORT"):
        ports.hold_port("flower", fixed=taken)


@pytest.mark.parametrize("text", ["", "[]", '{"flower": "x"}', '{"flower": 99999999}'])
def test_a_broken_memory_of_ports_is_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    assert ports.remembered_ports(Home(tmp_path)) == {}
