"""Follows a run from the terminal: its text as it comes, its end from PostgreSQL."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from lotus_tasks.cli.approving import WaitingCall, ask_person, can_ask, send_answer, waiting_calls
from lotus_tasks.cli.screen import Screen, is_live
from lotus_tasks.cli.terminal import bare, printable
from lotus_tasks.cli.terminal import one_line as on_one_line
from lotus_tasks.errors import NotFound, NotRunning, ServiceDown
from lotus_tasks.local.home import Home
from lotus_tasks.local.runtime import Runtime, load_runtime
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, connect, one_line
from lotus_tasks.spine.streams import StreamEntry, TokenReader, connect_redis
from lotus_tasks.values import RunId, short

ENDED = frozenset({"succeeded", "failed", "cancelled"})
LOOK_EVERY_S = 0.5
"""How often PostgreSQL is asked while the stream is silent: the stream is the show, the row is the truth."""
RECONNECT_S = 60.0
"""How long a PostgreSQL that went away is waited for."""
STOPPED_S = 5.0
"""How long LOTUS may be stopped before nobody waits for it any more: a restart takes less."""


@dataclass(slots=True)
class Follower:
    """One run, followed. ``notices`` go to stderr as they come, each once; so does what the model thinks, if it is wanted."""

    runtime: Runtime
    run_id: RunId
    screen: Screen
    quiet: bool = False
    show_thinking: bool = False
    _thought: str = ""
    _command: str = ""
    _generation: tuple[int, int] = (0, 0)
    _superseded: set[str] = field(default_factory=set)
    _noticed: set[str] = field(default_factory=set)
    _asked: set[int] = field(default_factory=set)
    _reader: TokenReader | None = None
    _deadline: float | None = None
    _timeout_s: float | None = None

    def follow(self, *, timeout_s: float | None) -> Mapping[str, Any]:
        """Wait for the run's end and return its row.

        Raises TimeoutError; ServiceDown when PostgreSQL stays away; NotRunning when LOTUS was stopped.
        """
        self._timeout_s = timeout_s
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        conn = connect(self.runtime.database_url, autocommit=True)
        try:
            while True:
                if self._show_stream(wait_s=self._left_s(LOOK_EVERY_S)):
                    try:
                        row = self._row(conn)
                    except psycopg.OperationalError:
                        conn.close()
                        conn = self._reconnect()
                        continue
                    if row["status"] in ENDED:
                        return row
                    if row["status"] == "waiting":
                        self._settle_waiting(conn)
                self._check_time()
        finally:
            conn.close()

    def notice(self, text: str) -> None:
        """One line for the person, once."""
        if text not in self._noticed and not self.quiet:
            self._noticed.add(text)
            with self.screen.stand_aside():
                sys.stderr.write(f"· {on_one_line(text)}\n")
                sys.stderr.flush()

    def _settle_waiting(self, conn: Connection) -> None:
        """Ask the person who sits there, or say once how to answer."""
        try:
            for call in waiting_calls(conn, self.run_id):
                if can_ask() and not self.quiet:
                    self._ask(conn, call)
                elif call.seq not in self._asked:
                    self._asked.add(call.seq)
                    with self.screen.stand_aside():
                        sys.stderr.write(
                            f"· LOTUS waits for your yes to {call.call}: `manage.py runs approve {short(self.run_id)}` or "
                            f"`runs deny {short(self.run_id)}`{_because(call)}\n"
                        )
                        sys.stderr.flush()
        except psycopg.OperationalError:
            return  # the next look reconnects

    def _ask(self, conn: Connection, call: WaitingCall) -> None:
        def still_waits() -> bool:
            self._check_time()
            return any(other.seq == call.seq for other in waiting_calls(conn, self.run_id))

        with self.screen.stand_aside():
            said = ask_person(call, look=still_waits, every_s=LOOK_EVERY_S)
        if said is not None:
            send_answer(self.runtime, self.run_id, [call.seq], approved=said != "no", always=said == "always")

    def _left_s(self, at_most_s: float) -> float:
        return at_most_s if self._deadline is None else max(0.001, min(at_most_s, self._deadline - time.monotonic()))

    def _check_time(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise TimeoutError(
                f"no answer within {self._timeout_s:g} s; the run goes on: `manage.py runs follow {short(self.run_id)}`"
            )

    def _row(self, conn: Connection) -> Mapping[str, Any]:
        row = conn.execute(queries.load("reasoning").show_run, {"id": self.run_id}).fetchone()
        if row is None:
            raise NotFound(f"run {self.run_id} is gone from PostgreSQL")
        return row

    def _reconnect(self) -> Connection:
        self.notice("PostgreSQL went away; waiting for it")
        lost_at = time.monotonic()
        while True:
            try:
                self.runtime = load_runtime(Home(self.runtime.home))
                return connect(self.runtime.database_url, autocommit=True)
            except ServiceDown:
                if time.monotonic() > lost_at + RECONNECT_S:
                    raise
            except NotRunning:
                if time.monotonic() > lost_at + STOPPED_S:
                    raise NotRunning(
                        "LOTUS was stopped; the run goes on once it is started again with `python manage.py up`: "
                        f"`manage.py runs follow {short(self.run_id)}`"
                    ) from None
            self._check_time()
            time.sleep(self._left_s(LOOK_EVERY_S))

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
        self.screen.flush()
        return not entries or entries[-1].kind in {"end", "wait"}

    def _show(self, entry: StreamEntry) -> None:
        if entry.kind == "think":
            if self.show_thinking:
                self._thought += entry.text
                self._show_thought(whole_lines=True)
            return
        self._show_thought(whole_lines=False)
        match entry.kind:
            case "start" if self._begins(entry):
                self._command, self._generation = entry.command, entry.generation
                self.screen.restart()
            case "token" if (entry.command, entry.generation) == (self._command, self._generation):
                self.screen.write(entry.text)
            case "notice":
                self.notice(entry.text)

    def _show_thought(self, *, whole_lines: bool) -> None:
        """What the model thought so far, dimmed on a terminal; a line that goes on is held back."""
        told, end, rest = self._thought.rpartition("\n") if whole_lines else (self._thought, "", "")
        if not told and not end:
            return
        self._thought = rest
        dimmed = "\x1b[2m{}\x1b[22m" if is_live(sys.stderr) else "{}"
        with self.screen.stand_aside():
            out = bare(sys.stderr)
            for line in told.split("\n"):
                out.write(dimmed.format(printable(line)) + "\n")
            out.flush()

    def _begins(self, entry: StreamEntry) -> bool:
        """Whether this is the newest text: of a command after the last one, or of a later try of the same."""
        if entry.command == self._command:
            return entry.generation > self._generation
        if entry.command in self._superseded:
            return False
        self._superseded.add(self._command)
        return True


def _because(call: WaitingCall) -> str:
    return f" ({call.why})" if call.why else ""
