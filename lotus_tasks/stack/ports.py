"""Ports on 127.0.0.1: the usual one when free, else the next free one, remembered under LOTUS_HOME."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.home import Home
from lotus_tasks.local.runtime import write_private

USUAL: Mapping[str, int] = {"gateway": 8086, "flower": 5555}
"""Flower's neighbours know its number; 8086 is LOTUS's own choice."""

_HOST = "127.0.0.1"
_TRIES = 200


@dataclass(frozen=True, slots=True)
class HeldPort:
    """A port bound by us until the process that needs it begins, so that two starts don't choose the same."""

    number: int
    holder: socket.socket

    def release(self) -> None:
        """Lets the process have it."""
        self.holder.close()


def hold_port(name: str, *, fixed: int | None, remembered: int | None = None) -> HeldPort:
    """A port for ``name``: the one the user fixed, or it is an error; else the remembered, the usual, or the next free one."""
    if fixed is not None:
        held = _bind(fixed)
        if held is None:
            raise ConfigurationError(
                f"port {fixed} for {name} is in use; end what uses it, or set LOTUS_{name.upper()}_PORT to another port"
            )
        return held
    usual = USUAL[name]
    candidates = [remembered] if remembered else []
    for number in [*candidates, *range(usual, usual + _TRIES), 0]:
        if held := _bind(number):
            return held
    raise ConfigurationError(f"no port is free for {name} on {_HOST}")


def remembered_ports(home: Home) -> dict[str, int]:
    """The ports taken last time; none when the file isn't there or isn't sound."""
    try:
        document = json.loads(home.ports_file.read_bytes())
        return {
            name: port
            for name, port in document.items()
            if name in USUAL and isinstance(port, int) and 0 < port < 65536
        }
    except (OSError, ValueError, AttributeError):
        return {}


def remember_ports(home: Home, ports: Mapping[str, int]) -> None:
    """Keeps the ports for the next start; those of parts not started now stay."""
    known = remembered_ports(home)
    if {**known, **ports} != known:
        write_private(home.ports_file, json.dumps({**known, **ports}))


def _bind(number: int) -> HeldPort | None:
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # As servers do: a port whose last connections are in TIME_WAIT is free.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((_HOST, number))
        # Two sockets with SO_REUSEADDR may bind one port as long as neither listens.
        holder.listen(1)
    except OSError:
        holder.close()
        return None
    return HeldPort(holder.getsockname()[1], holder)
