"""PostgreSQL, the only truth: a pool of connections, made at first use in each process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from lotus_tasks.errors import ServiceDown
from lotus_tasks.values import replace_surrogates

Connection = psycopg.Connection[DictRow]
"""A connection whose rows are dicts."""


TRUSTED_S: Final = 1.0
"""How long a pooled connection that was found alive is lent out again without being asked."""


class _PooledConnection(psycopg.Connection[DictRow]):
    """A connection that remembers when it was last found alive (monotonic seconds)."""

    alive_at: float = -TRUSTED_S


class Database:
    """Connections to one PostgreSQL. Safe after a fork: a child makes a pool of its own.

    ``wait_s``: how long a caller waits for a connection before ServiceDown.
    """

    def __init__(self, url: str, *, slots: int = 4, wait_s: float = 10.0) -> None:
        self.url = url
        self._slots = slots
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._pool: ConnectionPool[_PooledConnection] | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def pool(self) -> ConnectionPool[_PooledConnection]:
        """This process's pool, made at the first call."""
        with self._lock:
            if self._pool is None or self._pid != os.getpid():
                self._pool = ConnectionPool(
                    self.url,
                    connection_class=_PooledConnection,
                    min_size=1,
                    max_size=self._slots,
                    timeout=self._wait_s,
                    max_idle=120.0,
                    reconnect_timeout=5.0,
                    check=_check,
                    kwargs={"row_factory": dict_row, "connect_timeout": 5, "application_name": application_name()},
                    open=True,
                    name="lotus",
                )
                self._pid = os.getpid()
            return self._pool

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection whose block is one transaction. Raises ServiceDown when PostgreSQL doesn't answer or goes away."""
        with self._lend() as conn:
            yield conn

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """A connection whose every statement is a transaction: one round trip instead of three. Raises ServiceDown."""
        with self._lend() as conn:
            conn.autocommit = True
            try:
                yield conn
            finally:
                if not conn.closed:
                    conn.autocommit = False

    @contextmanager
    def _lend(self) -> Iterator[Connection]:
        try:
            with self.pool().connection() as conn:
                yield conn
        except PoolTimeout as error:
            raise ServiceDown(f"PostgreSQL does not answer: no connection within {self._wait_s:g} s") from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise ServiceDown(f"PostgreSQL went away: {one_line(error)}") from error

    def close(self) -> None:
        """Close this process's connections."""
        with self._lock:
            if self._pool is not None and self._pid == os.getpid():
                self._pool.close(timeout=2.0)
            self._pool = None


def _check(conn: _PooledConnection) -> None:
    now = time.monotonic()
    if now - conn.alive_at >= TRUSTED_S:
        ConnectionPool.check_connection(conn)
        conn.alive_at = now


def connect(url: str, *, autocommit: bool = False, connect_timeout_s: int = 5) -> Connection:
    """One connection of its own, for the CLI and for LISTEN. Raises ServiceDown."""
    try:
        return psycopg.connect(
            url,
            row_factory=dict_row,
            autocommit=autocommit,
            connect_timeout=connect_timeout_s,
            application_name=application_name(),
        )
    except psycopg.OperationalError as error:
        raise ServiceDown(f"PostgreSQL does not answer: {one_line(error)}") from error


def application_name() -> str:
    """What pg_stat_activity and PostgreSQL's log call this process's connections: "lotus worker-memory", "lotus"."""
    return f"lotus {os.environ.get('LOTUS_PROCESS', '')}".rstrip()


def one_line(error: BaseException) -> str:
    """The first line of an error's message."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def json_parameter(value: Any) -> Any:
    """``value`` as a jsonb parameter. What PostgreSQL refuses in a string becomes U+FFFD."""
    from psycopg.types.json import Jsonb

    return Jsonb(strip_nul(value))


def strip_nul(value: Any) -> Any:
    """``value`` with U+0000 and lone surrogates replaced by U+FFFD in every string: PostgreSQL refuses them in text."""
    if isinstance(value, str):
        return replace_surrogates(value.replace("\x00", "\ufffd") if "\x00" in value else value)
    if isinstance(value, dict):
        return {strip_nul(key): strip_nul(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strip_nul(item) for item in value]
    return value
