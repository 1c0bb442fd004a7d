"""HTTP over a Unix socket, written as ``http+unix://%2Fpath%2Fto%2Fsocket``, beside http and https. Stdlib only.

A socket in a folder of mode 0700 is its owner's alone: no other user of the machine and no web page can reach it.
"""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

_SCHEME: Final = "http+unix"


class UnixConnection(http.client.HTTPConnection):
    """A connection to the server behind a Unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Raises OSError where nobody listens."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


def url_of_socket(path: Path) -> str:
    """The address of the server behind a Unix socket."""
    return f"{_SCHEME}://{quote(str(path), safe='')}"


def socket_of(url: str) -> Path | None:
    """The socket that an address names; None for one of a network."""
    parts = urlsplit(url)
    return Path(unquote(parts.netloc)) if parts.scheme == _SCHEME else None


def shown_place(url: str) -> str:
    """What a person knows the address by: the socket's path, or host and port without a password."""
    path = socket_of(url)
    return str(path) if path else urlsplit(url).netloc.rpartition("@")[2]


def connection_to(url: str, *, timeout_s: float) -> http.client.HTTPConnection:
    """A connection, not yet made, to the server of an http, https or http+unix address."""
    path = socket_of(url)
    if path:
        return UnixConnection(path, timeout_s)
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout_s)


def credentials(token: str) -> dict[str, str]:
    """The headers that carry a Chroma's token: what proxies read, and what Chroma's own servers read. None without one."""
    return {"Authorization": f"Bearer {token}", "x-chroma-token": token} if token else {}
