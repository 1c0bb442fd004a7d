"""Connections for reading: one a thread, in autocommit, kept open.

A recall asks PostgreSQL three or four short questions. From the pool each would cost five round trips (check, begin, ask,
commit, give back); here it costs one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg

from lotus_tasks.errors import ServiceDown
from lotus_tasks.memory.adapters.arrays import numeric_cursor
from lotus_tasks.spine.database import Connection, connect, one_line


class Readers:
    """One reading connection for each thread of each process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: list[Connection] = []

    def one(self, query: LiteralString, parameters: dict[str, Any] | None = None) -> Any:
        """The only row of a query. Raises ServiceDown."""
        return self._read(lambda cursor: cursor.execute(query, parameters).fetchone())

    def all(self, query: LiteralString, parameters: dict[str, Any] | None = None) -> list[Any]:
        """The rows of a query. Raises ServiceDown."""
        rows: list[Any] = self._read(lambda cursor: cursor.execute(query, parameters).fetchall())
        return rows

    def close(self) -> None:
        """Close the connections of all threads; one that reads again opens another."""
        with self._lock:
            connections, self._open = self._open, []
        for conn in connections:
            conn.close()

    def _drop(self) -> None:
        conn, self._local.conn = getattr(self._local, "conn", None), None
        if conn is not None and self._local.pid == os.getpid():
            conn.close()
            with self._lock:
                self._open = [one for one in self._open if one is not conn]

    def _read(self, ask: Callable[[Any], Any]) -> Any:
        # A connection that PostgreSQL has closed meanwhile is found out by using it; a fresh one is then worth one more try.
        for last in (False, True):
            try:
                with numeric_cursor(self._connection()) as cursor:
                    return ask(cursor)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                self._drop()
                if last:
                    raise ServiceDown(f"PostgreSQL went away: {one_line(error)}") from error
        raise AssertionError("unreachable")

    def _connection(self) -> Connection:
        conn: Connection | None = getattr(self._local, "conn", None)
        if conn is None or self._local.pid != os.getpid() or conn.closed:
            conn = self._local.conn = connect(self._url, autocommit=True)
            self._local.pid = os.getpid()
            with self._lock:
                self._open.append(conn)
        return conn
