"""`inbox`: answers to questions that nobody typed just now, those of schedules and subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from lotus_tasks.cli.ask import answer_document, find_one
from lotus_tasks.cli.documents import print_json
from lotus_tasks.cli.terminal import say_row
from lotus_tasks.errors import InvalidInput
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, connect
from lotus_tasks.values import RunId

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_LINE = 70


@click.group(invoke_without_command=True)
@click.pass_context
def inbox(ctx: click.Context) -> None:
    """Unread answers of schedules and subscriptions, and what waits for your yes; without a command, their list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_inbox)


@inbox.command("list")
@click.option("-n", "limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@click.option("--all", "everything", is_flag=True, help="Those already read, too.")
@_JSON
def list_inbox(limit: int = 50, everything: bool = False, as_json: bool = False) -> None:
    """Unread answers, newest first, and runs that wait for your yes."""
    sql = queries.load("inbox")
    with connect(load_runtime().database_url) as conn:
        rows = conn.execute(sql.list_inbox, {"all": everything, "limit": limit}).fetchall()
        under_way = conn.execute(sql.count_under_way).fetchone()
    if as_json:
        print_json([_document(row) for row in rows])
        return
    if not rows:
        click.echo("the inbox is empty", err=True)
    for row in rows:
        when = (row["finished_at"] or row["created_at"]).astimezone()
        say_row(str(row["id"])[:8], f"{when:%Y-%m-%d %H:%M}", row["name"], _gist(row))
    if under_way and under_way["open"]:
        click.echo(f"{under_way['open']} more being answered", err=True)


@inbox.command()
@click.argument("run_id", metavar="ID")
@_JSON
def show(run_id: str, as_json: bool) -> None:
    """An answer, which then counts as read. ID may be the beginning of one."""
    sql = queries.load("inbox")
    with connect(load_runtime().database_url) as conn:
        found = _find(conn, run_id)
        run = conn.execute(queries.load("reasoning").show_run, {"id": found}).fetchone()
        occasion = conn.execute(sql.occasion, {"id": found}).fetchone()
        if run is None or occasion is None:
            raise InvalidInput(f"run {run_id} is gone")
        if run["status"] in {"succeeded", "failed", "cancelled"}:
            conn.execute(sql.mark_read, {"id": found})
    if as_json:
        print_json({**answer_document(run), "question": run["question"], **occasion})
        return
    click.echo(f"{occasion['name']} · {occasion['reason']}", err=True)
    click.echo(f"{run['question']}\n", err=True)
    if run["answer"] is not None:
        click.echo(run["answer"])
    else:
        click.echo(_gist(run), err=True)


@inbox.command()
@click.argument("run_ids", nargs=-1, metavar="[ID]...")
@_JSON
def clear(run_ids: tuple[str, ...], as_json: bool) -> None:
    """Count these answers as read, or all of them. They stay in `runs` and `inbox list --all`."""
    sql = queries.load("inbox")
    with connect(load_runtime().database_url) as conn:
        if run_ids:
            cleared = sum(conn.execute(sql.mark_read, {"id": _find(conn, run_id)}).rowcount for run_id in run_ids)
        else:
            cleared = conn.execute(sql.clear_inbox).rowcount
    if as_json:
        print_json({"cleared": cleared})
    else:
        click.echo(f"{cleared} {'answer' if cleared == 1 else 'answers'} cleared")


def _find(conn: Connection, wanted: str) -> RunId:
    return RunId(find_one(conn, queries.load("inbox").find_inbox, "answer", wanted))


def _gist(row: Mapping[str, Any]) -> str:
    match row["status"]:
        case "succeeded":
            text = " ".join(row["answer"].split())
        case "failed":
            text = f"failed: {' '.join(str(row['error']).split())}"
        case "waiting":
            return f"waits for your yes: manage.py runs approve {str(row['id'])[:8]}"
        case status:
            return f"{status}: there is no answer"
    return text if len(text) <= _LINE else text[: _LINE - 1] + "…"


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"run_id": row["id"], **{name: value for name, value in row.items() if name != "id"}}
