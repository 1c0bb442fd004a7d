"""`events`: what happens inside LOTUS. `tail` shows events as they are published, `emit` publishes one."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

import click
import psycopg

from lotus_tasks import bootstrap
from lotus_tasks.cli.documents import print_json
from lotus_tasks.cli.terminal import say_row
from lotus_tasks.errors import InvalidInput, ServiceDown
from lotus_tasks.events import EVENTS, Event
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, connect, one_line
from lotus_tasks.spine.outbox import OutboxTransaction

_LOOK_EVERY_S = 0.5
_READ_AGAIN = 200
_EXAMPLE = "manage.py events emit memory.stored source=notes count=1"


@click.group()
def events() -> None:
    """What happens inside: events as modules publish them."""


@events.command()
@click.option(
    "-n", "count", type=click.IntRange(0, 10_000), default=10, show_default=True, help="Begin with the latest so many."
)
@click.option("--name", help="Only events of this name, such as percept.captured.")
@click.option("--no-follow", is_flag=True, help="Show those and end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def tail(count: int, name: str | None, no_follow: bool, as_json: bool) -> None:
    """Show the latest events, then those to come until Ctrl-C."""
    if name is not None:
        _event_class(name)
    runtime = load_runtime()
    try:
        with connect(runtime.database_url, autocommit=True) as conn:
            for row in _rows(conn, count=count, name=name, follow=not no_follow):
                _print(row, as_json=as_json)
    except psycopg.OperationalError as error:
        raise ServiceDown(f"PostgreSQL went away: {one_line(error)}") from error


@events.command()
@click.argument("name")
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
def emit(name: str, fields: tuple[str, ...]) -> None:
    """Publish an event with its FIELDs; its subscribers run as if a module had published it."""
    event = make_event(name, fields)
    with connect(load_runtime().database_url) as conn:
        tx = OutboxTransaction(
            conn=conn, subscribers=bootstrap.subscribed, cause=f"cli/{uuid.uuid4()}", sends_itself=False
        )
        tx.publish(event)
        conn.execute(queries.load("outbox").wake_relay)
    started = ", ".join(bootstrap.subscribed(name))
    click.echo(f"published {name}" + (f"; it starts {started}" if started else "; nobody subscribes to it"), err=True)


def make_event(name: str, fields: tuple[str, ...]) -> Event:
    """The event of this name with ``FIELD=VALUE`` texts as its fields. Raises InvalidInput saying what it should have been."""
    event_class = _event_class(name)
    given = dict(field.partition("=")[::2] for field in fields)
    known = {field.name: str(field.type) for field in dataclasses.fields(event_class)}
    if set(given) != set(known) or any("=" not in field for field in fields):
        wanted = " ".join(f"{field}=…" for field in known)
        raise InvalidInput(f"{name} has the fields {wanted}, each once; for example: {_EXAMPLE}")
    return event_class(**{field: _value(field, text, known[field]) for field, text in given.items()})


def _event_class(name: str) -> type[Event]:
    if name not in EVENTS:
        raise InvalidInput(f"nobody declares an event {name!r}; there are: {', '.join(EVENTS)}")
    return EVENTS[name]


def _value(field: str, text: str, kind: str) -> Any:
    try:
        if kind.endswith("Id"):
            return uuid.UUID(text)
        return int(text) if kind == "int" else text
    except ValueError as error:
        raise InvalidInput(
            f"{field}={text}: this is no {'id (a UUID)' if kind.endswith('Id') else 'whole number'}"
        ) from error


def _rows(conn: Connection, *, count: int, name: str | None, follow: bool) -> Iterator[dict[str, Any]]:
    """The latest, then the new ones. Of two at once the later id may be committed first: the last ids are read again."""
    sql = queries.load("events")
    newest = conn.execute(sql.newest_event).fetchone()
    last_id = newest["id"] if newest else 0
    seen = {row["id"] for row in conn.execute(sql.events_after, {"id": last_id - _READ_AGAIN, "name": None}).fetchall()}
    rows = conn.execute(sql.latest_events, {"count": count, "name": name}).fetchall()
    seen.update(row["id"] for row in rows)
    yield from reversed(rows)
    while follow:
        conn.execute("SELECT pg_sleep(%s)", (_LOOK_EVERY_S,))
        for row in conn.execute(sql.events_after, {"id": last_id - _READ_AGAIN, "name": name}).fetchall():
            last_id = max(last_id, row["id"])
            if row["id"] not in seen:
                seen.add(row["id"])
                yield row
        seen = {known for known in seen if known > last_id - _READ_AGAIN}


def _print(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        line = {
            "id": row["id"],
            "name": row["name"],
            "created_at": row["created_at"].isoformat(),
            "payload": row["payload"],
        }
        print_json(line, indent=None)
        return
    fields = " ".join(f"{name}={value}" for name, value in row["payload"].items())
    say_row(f"{row['created_at'].astimezone():%H:%M:%S}", f"{row['name']:<18} {fields}")
