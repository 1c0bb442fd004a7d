"""Follows a run from the terminal: its text as it comes, its end from PostgreSQL."""

from __future__ import annotations

import shutil
import sys
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

import psycopg

from lotus_tasks.errors import NotFound, ServiceDown
from lotus_tasks.infra import queries
from lotus_tasks.infra.postgres import Connection, connect, one_line
from lotus_tasks.infra.runtime import Runtime
from lotus_tasks.infra.streams import StreamEntry, TokenReader, connect_redis
from lotus_tasks.values import RunId

ENDED = frozenset({"succeeded", "failed", "cancelled"})
LOOK_EVERY_S = 0.5
"""How often PostgreSQL is asked while the stream is silent: the stream is the show, the row is the truth."""
RECONNECT_S = 60.0
"""How long a PostgreSQL that went away is waited for."""


@dataclass(slots=True)
class Screen:
    """Where a run's text goes. On a terminal it appears as it comes and a restarted text takes the old one's place.

    Anywhere else nothing is written until the text is final: a pipe can't take anything back.
    """

    out: TextIO
    live: bool
    shown: str = ""

    def write(self, text: str) -> None:
        """Show a piece of text."""
        if self.live:
            self.out.write(text)
            self.out.flush()
        self.shown += text

    def restart(self) -> None:
        """Take back what was shown."""
        if self.live and self.shown:
            columns, lines = shutil.get_terminal_size()
            rows = rows_of(self.shown, columns)
            if rows < lines:
                self.out.write("\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "") + "\x1b[J")
            else:
                self.out.write("\n— the model failed above; its answer begins again —\n")
            self.out.flush()
        self.shown = ""

    def finish(self, text: str) -> None:
        """Leave exactly ``text`` on the screen, and a line's end."""
        if not self.live:
            self.out.write(text)
        elif text.startswith(self.shown):
            self.out.write(text[len(self.shown) :])
        else:
            self.restart()
            self.out.write(text)
        if text and not text.endswith("\n"):
            self.out.write("\n")
        self.out.flush()
        self.shown = text


def rows_of(text: str, columns: int) -> int:
    """How many terminal rows ``text`` fills, wide characters counted as two columns (Unicode Annex 11)."""
    rows = 0
    for line in text.split("\n"):
        width = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)
        rows += max(1, -(-width // max(columns, 1)))
    return rows


@dataclass(slots=True)
class Follower:
    """One run, followed. ``notices`` go to stderr as they come, each once."""

    runtime: Runtime
    run_id: RunId
    screen: Screen
    quiet: bool = False
    _generation: tuple[int, int] = (0, 0)
    _noticed: set[str] = field(default_factory=set)
    _reader: TokenReader | None = None

    def follow(self, *, timeout_s: float | None) -> Mapping[str, Any]:
        """Wait for the run's end and return its row. Raises TimeoutError; ServiceDown when PostgreSQL stays away."""
        started = time.monotonic()
        conn = connect(self.runtime.database_url, autocommit=True)
        try:
            while True:
                if self._show_stream(wait_s=LOOK_EVERY_S):
                    try:
                        row = self._row(conn)
                    except psycopg.OperationalError:
                        conn = self._reconnect()
                        continue
                    if row["status"] in ENDED:
                        return row
                if timeout_s is not None and time.monotonic() - started > timeout_s:
                    raise TimeoutError(
                        f"no answer within {timeout_s:g} s; the run goes on: `manage.py runs follow {self.run_id}`"
                    )
        finally:
            conn.close()

    def notice(self, text: str) -> None:
        """One line for the person, once."""
        if text not in self._noticed and not self.quiet:
            self._noticed.add(text)
            if self.screen.live and self.screen.shown and not self.screen.shown.endswith("\n"):
                self.screen.restart()
            sys.stderr.write(f"· {text}\n")
            sys.stderr.flush()

    def _row(self, conn: Connection) -> Mapping[str, Any]:
        row = conn.execute(queries.load("reasoning").show_run, {"id": self.run_id}).fetchone()
        if row is None:
            raise NotFound(f"run {self.run_id} is gone from PostgreSQL")
        return row

    def _reconnect(self) -> Connection:
        self.notice("PostgreSQL went away; waiting for it")
        deadline = time.monotonic() + RECONNECT_S
        while True:
            try:
                return connect(self.runtime.database_url, autocommit=True)
            except ServiceDown:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def _show_stream(self, *, wait_s: float) -> bool:
        """Show what came; True when the run may have ended."""
        import redis

        if self._reader is None:
            self._reader = TokenReader(connect_redis(self.runtime.redis_url), self.run_id)
        try:
            entries = self._reader.read(block_s=wait_s)
        except (redis.RedisError, OSError) as error:
            self.notice(f"the question is accepted and waits for Redis, which does not answer ({one_line(error)})")
            time.sleep(wait_s)
            return True
        for entry in entries:
            self._show(entry)
        return not entries or entries[-1].kind == "end"

    def _show(self, entry: StreamEntry) -> None:
        match entry.kind:
            case "start" if entry.generation > self._generation:
                self._generation = entry.generation
                self.screen.restart()
            case "token" if entry.generation == self._generation:
                self.screen.write(entry.text)
            case "notice":
                self.notice(entry.text)
