"""The services that are yours, asked before LOTUS starts: a wrong address is one line at once, not a worker that never comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.reachable import ask_http, ask_redis, without_password
from lotus_tasks.local.runtime import Runtime
from lotus_tasks.spine.database import one_line
from lotus_tasks.stack.endpoints import chroma_token

PATIENCE_S: Final = 4.0
"""How long each may take to begin to answer: a Redis that has just started loads its data first."""
_PAUSE_S: Final = 0.2


def check_external(runtime: Runtime) -> list[str]:
    """Asks Redis, broker and Chroma, where they are yours. Raises ConfigurationError: setting, address and reason.

    Returns notices: Chroma can be done without, so it never keeps LOTUS from starting. PostgreSQL is asked by the migration.
    """
    if "redis" not in runtime.embedded:
        _ask("LOTUS_REDIS_URL", "Redis", runtime.redis_url, lambda: ask_redis(runtime.redis_url))
    if runtime.settings.get("LOTUS_BROKER_URL"):
        _ask("LOTUS_BROKER_URL", "the broker", runtime.broker_url, lambda: _connect_broker(runtime.broker_url))
    if "chroma" not in runtime.embedded:
        token = chroma_token(runtime)
        try:
            ask = partial(ask_http, runtime.chroma_url, "/api/v2/heartbeat", token=token)
            _ask("LOTUS_CHROMA_URL", "Chroma", runtime.chroma_url, ask)
        except ConfigurationError as error:
            return [f"{error}; recall goes by words until it answers"]
    return []


def _ask(setting: str, part: str, url: str, ask: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            ask()
        except Exception as error:
            # Each client has errors of its own, and all mean that LOTUS can't work with it.
            if time.monotonic() + _PAUSE_S < deadline:
                time.sleep(_PAUSE_S)
                continue
            reason = one_line(error) or type(error).__name__
            raise ConfigurationError(
                f"{part} at {without_password(url)} can't be used: {reason}; start it, or correct {setting}"
            ) from error
        return


def _connect_broker(url: str) -> None:
    from kombu import Connection

    limits = {"socket_connect_timeout": PATIENCE_S, "socket_timeout": PATIENCE_S} if url.startswith("redis") else {}
    with Connection(url, connect_timeout=PATIENCE_S, transport_options=limits) as connection:
        connection.connect()
        connection.default_channel  # noqa: B018 - a Redis is asked only now
