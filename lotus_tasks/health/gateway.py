"""The health endpoint on 127.0.0.1: /healthz and /readyz say one word to anyone; /status and /metrics need the token.

The token is in LOTUS_HOME/secrets/gateway: ``Authorization: Bearer …``. Without it every other path is 401, whether it
exists or not.
"""

from __future__ import annotations

import hmac
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import psycopg
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from lotus_tasks import bootstrap
from lotus_tasks.errors import LotusError, NotRunning
from lotus_tasks.health.metrics import CONTENT_TYPE, render
from lotus_tasks.health.probes import ask_all
from lotus_tasks.health.status import collect_status, is_ready
from lotus_tasks.local.home import Home
from lotus_tasks.local.logs import configure_logging
from lotus_tasks.local.runtime import Runtime
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import connect
from lotus_tasks.spine.processes import hold_name
from lotus_tasks.spine.queues import queue_names
from lotus_tasks.stack.asgi import serve
from lotus_tasks.stack.secret_files import make_secrets, read_secret

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
_NOT_ASKED = ("gateway",)
_HOST = "127.0.0.1"

log = structlog.get_logger("lotus.gateway")

T = TypeVar("T")


class Recent(Generic[T]):
    """A value that is made at most once in ``keep_s``, however many ask at once."""

    def __init__(self, make: Callable[[], T], *, keep_s: float) -> None:
        self._make = make
        self._keep_s = keep_s
        self._lock = threading.Lock()
        self._made: tuple[float, T] | None = None

    def get(self) -> T:
        """The value, not older than ``keep_s`` by much."""
        with self._lock:
            if self._made is None or time.monotonic() - self._made[0] > self._keep_s:
                self._made = (time.monotonic(), self._make())
            return self._made[1]


class TokenRequired:
    """Refuses every path but the open ones to who doesn't know the token, before it is known whether the path exists."""

    def __init__(self, app: ASGIApp, home: Home) -> None:
        self._app = app
        self._home = home

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The wrapped application, or 401."""
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS and not self._knows_token(scope):
            refusal = PlainTextResponse("unauthorized\n", status_code=401, headers={"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _knows_token(self, scope: Scope) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        try:
            token = read_secret(self._home, "gateway").encode()
        except OSError:
            return False
        return bool(token) and hmac.compare_digest(given, b"Bearer " + token)


def make_app(runtime: Runtime) -> ASGIApp:
    """The application for one LOTUS."""
    manifests = bootstrap.manifests()
    names = queue_names(manifests)
    apart = ("processes", "depths", "chroma", "gateway", "flower", "memory")
    ready = Recent(lambda: is_ready(manifests, ask_all(runtime, names, skip=apart)), keep_s=0.2)
    status = Recent(lambda: collect_status(runtime, manifests, skip=_NOT_ASKED), keep_s=1.0)

    def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    def readyz(_request: Request) -> Response:
        return PlainTextResponse("ready\n") if ready.get() else PlainTextResponse("unready\n", status_code=503)

    def show_status(_request: Request) -> Response:
        try:
            return JSONResponse(status.get())
        except NotRunning as error:
            return JSONResponse({"overall": "down", "reason": str(error)}, status_code=503)

    def metrics(_request: Request) -> Response:
        try:
            document = status.get()
        except NotRunning:
            document = {}
        return Response(render(document, _ended_last_hour(runtime)), headers={"Content-Type": CONTENT_TYPE})

    routes = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/status", show_status),
        Route("/metrics", metrics),
    ]
    return TokenRequired(Starlette(routes=routes), Home(runtime.home))


def _ended_last_hour(runtime: Runtime) -> list[dict[str, Any]]:
    try:
        with connect(runtime.database_url, autocommit=True, connect_timeout_s=2) as conn:
            conn.execute("SET statement_timeout = 1000")
            return conn.execute(queries.load("status").ended_last_hour).fetchall()
    except (LotusError, psycopg.Error) as error:
        log.info("no figures of the last hour", reason=str(error).strip())
        return []


def main() -> None:
    """The process ``gateway``."""
    runtime = bootstrap.runtime()
    configure_logging(str(runtime.setting("LOTUS_LOG_LEVEL")))
    hold_name(runtime.home)
    make_secrets(Home(runtime.home))
    place = urlsplit(runtime.gateway_url)
    host, port = place.hostname or _HOST, place.port or 8086  # a container listens on its own name
    log.info("listening", url=f"http://{host}:{port}", pid=os.getpid())
    serve(make_app(runtime), host=host, port=port, lifespan="off", limit_concurrency=64)


if __name__ == "__main__":
    main()
