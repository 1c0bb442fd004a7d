"""The web server of LOTUS's own processes: uvicorn, ended by SIGTERM and SIGINT with exit code 0."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn

_STOP_WITHIN_S = 2


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGTERM and SIGINT; uvicorn's own way raises the signal again at the end."""

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            self.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)
        yield


def serve(app: Any, *, sockets: Sequence[socket.socket] | None = None, **options: Any) -> None:
    """Answer with an ASGI application until a signal says otherwise. ``options``: uvicorn's, such as host and port."""
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_WITHIN_S,
        **options,
    )
    _Server(config).run(sockets=list(sockets) if sockets else None)
