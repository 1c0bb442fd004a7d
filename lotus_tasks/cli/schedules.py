"""`schedule`: questions that LOTUS asks itself at times of your choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import click

from lotus_tasks.cli.ask import show_run
from lotus_tasks.cli.documents import print_json
from lotus_tasks.cli.inputs import read_question
from lotus_tasks.cli.terminal import say_row
from lotus_tasks.errors import InvalidInput
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.reasoning.adapters.schedules import PostgresSchedules
from lotus_tasks.reasoning.service.limiting import limits_of
from lotus_tasks.reasoning.service.missing import MissedPolicy
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import connect
from lotus_tasks.values import utc_now

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def schedule() -> None:
    """Ask questions at set times; `inbox` shows the answers."""


@schedule.command()
@click.argument("when")
@click.argument("verb", type=click.Choice(["ask"]), metavar="ask")
@click.argument("text", nargs=-1, required=True)
@click.option("--tz", "zone", metavar="ZONE", help="Time zone, as in Europe/Copenhagen. Without it, this machine's.")
@click.option(
    "--missed",
    type=click.Choice(["once", "skip", "all"]),
    default="once",
    show_default=True,
    help="What to do about times that passed while LOTUS was off: one run for all of them, none, or one each.",
)
@click.option("--name", metavar="N", help="What to call it. Without it, made from the question.")
@click.option("--provider", metavar="P", help="Ask this provider only.")
@click.option("--model", metavar="M", help="Ask this model.")
@_JSON
def add(
    when: str,
    verb: str,  # noqa: ARG001 - there is one
    text: tuple[str, ...],
    zone: str | None,
    missed: str,
    name: str | None,
    provider: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Ask TEXT when WHEN comes: "every weekday at 8:00", "every 30 minutes", "at 2027-01-31 9:00", or "0 8 * * 1-5" (cron)."""
    question = read_question(text)
    with _schedules() as schedules:
        row = schedules.add(
            when,
            question,
            zone=zone or _local_zone(),
            now=utc_now(),
            missed=cast("MissedPolicy", missed),
            name=name,
            options=chosen_model(provider, model),
        )
    if as_json:
        print_json(_document(row))
    else:
        click.echo(f"{row['name']}: {_when(row)}")


@schedule.command("list")
@_JSON
def list_schedules(as_json: bool) -> None:
    """Every schedule, the next due first."""
    with _schedules() as schedules:
        rows = schedules.all()
    if as_json:
        print_json([_document(row) for row in rows])
        return
    if not rows:
        click.echo('there is no schedule; try: manage.py schedule add "every weekday at 8:00" ask "…"', err=True)
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        note = f"  ·  the last time {row['last_note']}" if row["last_note"] else ""
        say_row(f"{row['name']:<{width}}", f"{row['timetable']}  ·  {_when(row)}{note}")


@schedule.command()
@click.argument("name")
@_JSON
def show(name: str, as_json: bool) -> None:
    """A schedule and its latest runs. NAME may be the beginning of its id."""
    with _schedules() as schedules:
        row = schedules.find(name)
        slots = schedules.latest_slots(row)
    if as_json:
        print_json({**_document(row), "slots": slots})
        return
    click.echo(f"name      {row['name']}  ({row['id']})")
    click.echo(f"when      {row['timetable']}  ({row['zone']}; missed: {row['missed']})")
    click.echo(f"next      {_when(row)}")
    click.echo(f"question  {row['question']}")
    for slot in slots:
        what = f"{slot['status']}  {slot['run_id']}" if slot["run_id"] else (slot["note"] or "its run is gone")
        say_row(f"  {_local(slot['slot'], row)}", what)


@schedule.command()
@click.argument("name")
@_JSON
def pause(name: str, as_json: bool) -> None:
    """Ask nothing until it is resumed."""
    with _schedules() as schedules:
        schedules.pause(schedules.find(name), now=utc_now())
        row = schedules.find(name)
    _say(row, f"{row['name']} is paused; `schedule resume {row['name']}` ends that", as_json=as_json)


@schedule.command()
@click.argument("name")
@_JSON
def resume(name: str, as_json: bool) -> None:
    """Ask again, from the next time on."""
    with _schedules() as schedules:
        schedules.resume(schedules.find(name), now=utc_now())
        row = schedules.find(name)
    _say(row, f"{row['name']}: {_when(row)}", as_json=as_json)


@schedule.command()
@click.argument("name")
@_JSON
def remove(name: str, as_json: bool) -> None:
    """Forget it. What it asked so far is kept."""
    with _schedules() as schedules:
        row = schedules.find(name)
        schedules.remove(row)
    _say(row, f"removed {row['name']}", as_json=as_json)


@schedule.command("run-now")
@click.argument("name")
@click.option("--detach", is_flag=True, help="Print the run's id and return; `inbox` shows the answer.")
@_JSON
def run_now(name: str, detach: bool, as_json: bool) -> None:
    """Ask its question now; its times stay what they are."""
    with _schedules() as schedules:
        run_id = schedules.run_now(schedules.find(name), now=utc_now())
    if detach:
        if as_json:
            print_json({"run_id": run_id}, indent=None)
        else:
            click.echo(str(run_id))
        return
    runtime = load_runtime()
    show_run(runtime, run_id, as_json=as_json, stream=True, timeout_s=None)
    with connect(runtime.database_url) as conn:
        conn.execute(queries.load("inbox").mark_read, {"id": run_id})


def chosen_model(provider: str | None, model: str | None) -> dict[str, str]:
    """The options of a run that were named."""
    return {name: value for name, value in (("provider", provider), ("model", model)) if value is not None}


@contextmanager
def _schedules() -> Iterator[PostgresSchedules]:
    """The schedules, in one transaction."""
    runtime = load_runtime()
    with connect(runtime.database_url) as conn:
        yield PostgresSchedules(conn, limits=limits_of(runtime.setting))


def _local_zone() -> str:
    import tzlocal

    name = tzlocal.get_localzone_name()
    if not name:
        raise InvalidInput("this machine's time zone has no name; give one, as in --tz Europe/Copenhagen")
    return str(name)


def _state(row: Mapping[str, Any]) -> str:
    if row["paused_at"] is not None:
        return "paused"
    return "active" if row["next_due"] is not None else "done"


def _when(row: Mapping[str, Any]) -> str:
    match _state(row):
        case "paused":
            return f"paused{': ' + row['trouble'] if row['trouble'] else ''}"
        case "done":
            return "done: nothing more to come"
        case _:
            return f"next {_local(row['next_due'], row)} {row['zone']}"


def _local(moment: datetime, row: Mapping[str, Any]) -> str:
    return f"{moment.astimezone(ZoneInfo(row['zone'])):%a %Y-%m-%d %H:%M}"


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "timetable", "zone", "missed", "question", "next_due", "trouble", "created_at")
    last = {name: row[name] for name in ("last_slot", "last_run_id", "last_status", "last_note") if name in row}
    state = {"schedule_id": row["id"], "state": _state(row)}
    return {**state, **{name: row[name] for name in kept}, **row["options"], **last}


def _say(row: Mapping[str, Any], line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(row))
    else:
        click.echo(line)
