"""`ingest` and `perceived`: give LOTUS something to read, and see what it has read. The reading is done by its workers."""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from lotus_tasks.cli.documents import print_json
from lotus_tasks.cli.terminal import one_line, say_row, show_progress
from lotus_tasks.commands import codec
from lotus_tasks.commands.perception import Ingest, Ingested, ListPercepts
from lotus_tasks.errors import InvalidInput, NotFound, Permanent
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, connect
from lotus_tasks.spine.submission import ask, submit
from lotus_tasks.values import CommandId
from lotus_tasks.work import CommandSpec

_MOST_BYTES = 10_000_000
_LOOKED_AT = 500
"""How many open commands are looked at together."""
_MOST_REASONS = 20
_NOTHING = {
    None: "nothing was read yet; `manage.py ingest PATH` reads a file or a folder",
    "indexed": "nothing was indexed yet",
    "pending": "nothing waits to be indexed",
    "skipped": "nothing was skipped",
    "failed": "nothing has failed",
}
_SLOW_S = 10.0
_CANCEL_S = 60.0


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH|-...")
@click.option("--timeout", "patience_s", type=click.FloatRange(min=1), default=300.0, show_default=True,
              help="Give up waiting after so many seconds in which nothing moved; the reading goes on.")  # fmt: skip
@click.option("--cancel", is_flag=True, help="End every reading that is under way; what was read stays.")
def ingest(paths: tuple[str, ...], patience_s: float, cancel: bool) -> int:
    """Give LOTUS files, folders or text (-) to read and remember."""
    if cancel == bool(paths):
        raise click.UsageError("give --cancel alone" if cancel else "give a PATH, or - for stdin")
    if cancel:
        return _cancel()
    request = uuid.uuid4()
    asked = [_asked(path) for path in paths]
    specs = [CommandSpec.of(one, key=f"ingest/{request}/{number}") for number, one in enumerate(asked)]
    about = {spec.id: one.path or "stdin" for spec, one in zip(specs, asked, strict=True)}
    reading = Reading(open=about, found=sum(not Path(path).is_dir() for path in about.values()))
    with connect(load_runtime().database_url, autocommit=True) as conn:
        conn.execute("LISTEN lotus_ended")
        with conn.transaction():
            submit(conn, specs)
        try:
            _follow(conn, reading, patience_s=patience_s)
        except KeyboardInterrupt:
            click.echo(
                "lotus: the reading goes on in the background; `manage.py perceived` shows it, "
                "`manage.py ingest --cancel` ends it",
                err=True,
            )
            raise
    return reading.report()


@click.command()
@click.option("--status", type=click.Choice(["indexed", "pending", "skipped", "failed"]), help="Only what is so.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="The latest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def perceived(status: str | None, limit: int, as_json: bool) -> None:
    """What LOTUS has read: indexed (it can be recalled), pending, skipped or failed, with the reason."""
    asked = ListPercepts(status=status, limit=limit)
    percepts = ask(load_runtime().database_url, asked, timeout_s=30.0).percepts
    if as_json:
        print_json([codec.write(percept) for percept in percepts])
        return
    for percept in percepts:
        reason = f"  ({percept.reason})" if percept.reason else ""
        say_row(f"{percept.status:<8} {percept.chunks:>5}", f"{_short(percept.source)}{reason}")
    if not percepts:
        click.echo(_NOTHING[status], err=True)


@dataclass(slots=True, kw_only=True)
class Reading:
    """What has become of the commands so far. ``open``: those that haven't ended, and what each is about."""

    open: dict[CommandId, str]
    found: int = 0
    done: int = 0
    chunks: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def take(self, row: Mapping[str, Any]) -> None:
        """A command that has ended."""
        about = self.open.pop(row["id"])
        if row["status"] != "succeeded":
            ended = "cancelled" if row["status"] == "cancelled" else "failed"
            self.counts[ended] += 1
            self.complaints.append(f"{ended}: {_short(about)}: {row['error'] or row['status']}")
        elif row["name"] != Ingest.verb:
            self.done += 1
        else:
            self._take_result(codec.read(Ingested, row["result"]))

    def _take_result(self, result: Ingested) -> None:
        if result.kind == "folder":
            self.found += len(result.commands or ())
            self.ignored.update(result.ignored or {})
        else:
            self._take_file(result)
        for command_id in (*(result.commands or ()), *(result.follow_ups or ()), result.more):
            if command_id is not None:
                self.open[command_id] = result.source

    def _take_file(self, result: Ingested) -> None:
        status = result.status or ""
        self.counts[status] += 1
        self.chunks += (result.chunks or 0) if status == "captured" else 0
        if result.reason:
            said = "read in part" if status == "captured" else status
            self.complaints.append(f"{said}: {_short(result.source)}: {result.reason}")

    @property
    def progress(self) -> str:
        """One line for a person who waits."""
        ended = sum(self.counts.values())
        return f"{ended}/{max(self.found, ended)} files read, {self.done} remembered"

    def report(self) -> int:
        """Print the summary and return the exit code: 0 unless nothing could be read, or something failed or was cancelled."""
        for complaint in self.complaints[:_MOST_REASONS]:
            click.echo(one_line(complaint), err=True)
        if len(self.complaints) > _MOST_REASONS:
            click.echo(
                f"… and {len(self.complaints) - _MOST_REASONS} more: `manage.py perceived --status skipped`", err=True
            )
        if self.ignored:
            click.echo(
                "left out: " + ", ".join(f"{reason} ({count})" for reason, count in self.ignored.most_common()),
                err=True,
            )
        read, unchanged = self.counts["captured"], self.counts["unchanged"]
        parts = [f"{_count(read, 'file')} read in {_count(self.chunks, 'chunk')}"]
        parts += [f"{unchanged} unchanged"] if unchanged else []
        parts += [f"{self.counts[name]} {name}" for name in ("skipped", "failed", "cancelled") if self.counts[name]]
        click.echo(", ".join(parts))
        if not read + unchanged and not self.complaints:
            click.echo("lotus: there is nothing to read there", err=True)
        return 0 if read + unchanged and not self.counts["failed"] + self.counts["cancelled"] else 1


def _cancel() -> int:
    """End what waits and what is under way. Work that is being committed just then may add to it, so it is looked at again."""
    sql = queries.load("perception")
    ended = 0
    deadline = time.monotonic() + _CANCEL_S
    with connect(load_runtime().database_url, autocommit=True) as conn:
        while True:
            ended += len(conn.execute(sql.cancel_readings).fetchall())
            row = conn.execute(sql.count_readings).fetchone()
            if row is None or not row["count"]:
                break
            if time.monotonic() > deadline:
                raise TimeoutError("a file is being committed; try again")
            time.sleep(0.2)
    click.echo(f"{_count(ended, 'step')} of reading cancelled" if ended else "nothing is being read")
    return 0


def _follow(conn: Connection, reading: Reading, *, patience_s: float) -> None:
    """Until every command has ended, and what followed from it. Raises TimeoutError when nothing moves for ``patience_s``."""
    sql = queries.load("perception").ended_commands
    moved_at = said_at = time.monotonic()
    is_terminal = sys.stderr.isatty()
    while reading.open:
        rows = conn.execute(sql, {"ids": list(reading.open)[:_LOOKED_AT]}).fetchall()
        for row in rows:
            reading.take(row)
        now = time.monotonic()
        if rows:
            moved_at = now
        elif now - moved_at > patience_s:
            raise TimeoutError(
                f"{reading.progress}, and nothing moved for {patience_s:g} s; it goes on in the background"
            )
        if is_terminal and reading.open:
            waiting = "; a worker is busy or away (`manage.py status`)" if now - moved_at > _SLOW_S else ""
            show_progress(f"{reading.progress}{waiting}")
        elif now - said_at > _SLOW_S:
            said_at = now
            click.echo(reading.progress, err=True)
        if reading.open and not rows:
            for _ in conn.notifies(timeout=0.3, stop_after=max(1, len(reading.open) // 10)):
                pass
    if is_terminal:
        show_progress()


def _asked(path: str) -> Ingest:
    if path == "-":
        content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise Permanent(f"stdin holds more than {_MOST_BYTES // 1_000_000} MB; split it")
        return Ingest(
            source=f"stdin:{hashlib.sha256(content).hexdigest()[:12]}",
            content=base64.b64encode(content).decode("ascii"),
        )
    if path.startswith(("http://", "https://")):
        raise InvalidInput(f"{path}: reading web pages is not supported yet; save the page as text and ingest the file")
    return Ingest(path=_absolute(path))


def _absolute(path: str) -> str:
    """The path as a worker in another folder finds it. Raises NotFound or another Permanent where it can't be used."""
    if not path:
        raise InvalidInput("the path is empty")
    found = Path(path)
    try:
        if path.startswith("~") and not found.exists():
            found = found.expanduser()
        found.stat()
        str(found).encode()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"{path} does not exist") from error
    except UnicodeEncodeError as error:
        raise Permanent(f"{os.fsencode(path)!r}: the name is not UTF-8; rename it") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise Permanent(f"{path} can't be opened: {getattr(error, 'strerror', None) or error}") from error
    return os.path.abspath(found)  # noqa: PTH100 - resolve() would follow links: the name given is the one the user knows


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _short(source: str) -> str:
    home = os.path.expanduser("~")  # noqa: PTH111 - a text stays a text
    return f"~{source[len(home) :]}" if home != "/" and source.startswith(f"{home}/") else source


__all__: Sequence[str] = ["ingest", "perceived"]
