"""`conversations`: what was talked about, one conversation at a time."""

from __future__ import annotations

from typing import Any

import click

from lotus_tasks.cli.ask import find_one
from lotus_tasks.cli.documents import print_json
from lotus_tasks.cli.memory_view import shown
from lotus_tasks.cli.terminal import say_row
from lotus_tasks.errors import NotFound
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.reasoning.adapters.conversations import PostgresConversations
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, connect
from lotus_tasks.values import ConversationId

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def conversations() -> None:
    """Look at conversations and delete them. An ID may be the beginning of one."""


@conversations.command("list")
@click.option("-n", "limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@_json_option
def list_conversations(limit: int, as_json: bool) -> None:
    """The conversations used last, newest first."""
    with connect(load_runtime().database_url) as conn:
        rows = conn.execute(queries.load("conversations").list_conversations, {"limit": limit}).fetchall()
    if as_json:
        print_json([_identified(row) for row in rows])
        return
    if not rows:
        click.echo('nothing was asked yet; try: manage.py ask "…"', err=True)
    for row in rows:
        when = f"{row['updated_at'].astimezone():%Y-%m-%d %H:%M}"
        say_row(str(row["id"])[:8], when, f"{row['questions']:>3}", shown(row["title"], 80))


@conversations.command()
@click.argument("conversation_id", metavar="ID")
@_json_option
def show(conversation_id: str, as_json: bool) -> None:
    """A conversation: what was asked and answered, and the summary of its earlier part where there is one."""
    sql = queries.load("conversations")
    with connect(load_runtime().database_url) as conn:
        found = _find(conn, conversation_id)
        row = conn.execute(sql.show_conversation, {"id": found}).fetchone()
        turns = conn.execute(sql.show_turns, {"id": found}).fetchall()
    if row is None:
        raise NotFound(f"conversation {conversation_id} is gone")
    if as_json:
        runs = [{"run_id": turn.pop("id"), **turn} for turn in map(dict, turns)]
        print_json({**_identified(row), "runs": runs})
        return
    click.echo(f"conversation  {row['id']}\ntitle         {row['title']}")
    if row["summary"]:
        until = f"{row['summary_until'].astimezone():%Y-%m-%d %H:%M}"
        click.echo(f"summary       of what was said until {until}\n{row['summary']}")
    for turn in turns:
        click.echo(f"\n{turn['created_at'].astimezone():%Y-%m-%d %H:%M}  run {str(turn['id'])[:8]}")
        click.echo(f"> {turn['question']}")
        click.echo(turn["answer"] or turn["error"] or f"({turn['status']})")


@conversations.command()
@click.argument("conversation_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Don't ask.")
@_json_option
def delete(conversation_id: str, yes: bool, as_json: bool) -> None:
    """Delete a conversation with its questions and answers. What memory learnt from it stays: `memory forget` removes that."""
    sql = queries.load("conversations")
    url = load_runtime().database_url
    with connect(url) as conn:
        found = _find(conn, conversation_id)
        row = conn.execute(sql.show_conversation, {"id": found}).fetchone()
        count = len(conn.execute(sql.show_turns, {"id": found}).fetchall())
    title = shown(row["title"], 60) if row is not None else ""
    if not yes:
        click.confirm(f'Delete "{title}" with {count} question{"" if count == 1 else "s"}?', abort=True, err=True)
    with connect(url) as conn:
        deleted = PostgresConversations().delete(conn, found)
    if not deleted:
        raise NotFound(f"conversation {conversation_id} is gone")
    if as_json:
        print_json({"conversation_id": found, "deleted": True})
    else:
        click.echo(f"deleted {found}")


def _find(conn: Connection, wanted: str) -> ConversationId:
    return ConversationId(find_one(conn, queries.load("reasoning").find_conversation, "conversation", wanted))


def _identified(row: dict[str, Any]) -> dict[str, Any]:
    return {"conversation_id": row["id"], **{name: value for name, value in row.items() if name != "id"}}
