"""`on`: questions that LOTUS asks itself when something happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from lotus_tasks.cli.documents import print_json
from lotus_tasks.cli.inputs import read_question
from lotus_tasks.cli.schedules import chosen_model
from lotus_tasks.cli.terminal import say_row
from lotus_tasks.errors import InvalidInput
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.reasoning.adapters.subscriptions import PostgresSubscriptions
from lotus_tasks.reasoning.service.limiting import limits_of
from lotus_tasks.spine.database import connect

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class EventGroup(click.Group):
    """`on EVENT …` is `on add EVENT …`: an event's name has a dot, a command's has none."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of this name, else `add`."""
        if args and args[0] not in self.commands:
            return "add", self.commands["add"], args
        return super().resolve_command(ctx, args)


@click.group(
    cls=EventGroup,
    context_settings={"ignore_unknown_options": True},  # those of `add`, given before the event
    subcommand_metavar="EVENT [FIELD=GLOB]... ask TEXT | COMMAND [ARGS]...",
)
def on() -> None:
    """Ask questions when something happens; `inbox` shows the answers.

    For example: manage.py on percept.captured 'source=~/notes/**' ask "what is new in {source}?"
    """


@on.command()
@click.argument("event")
@click.argument("words", nargs=-1, required=True, metavar="[FIELD=GLOB]... ask TEXT")
@click.option(
    "--per-hour",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Start so many runs an hour at most.",
)
@click.option("--name", metavar="N", help="What to call it. Without it, made from the question.")
@click.option("--provider", metavar="P", help="Ask this provider only.")
@click.option("--model", metavar="M", help="Ask this model.")
@_JSON
def add(
    event: str,
    words: tuple[str, ...],
    per_hour: int,
    name: str | None,
    provider: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Ask TEXT after each EVENT whose FIELDs match their GLOBs. {FIELD} in TEXT stands for the event's value."""
    patterns, text = split_words(words)
    question = read_question(text)
    with _subscriptions() as subscriptions:
        row = subscriptions.add(
            event, patterns, question, per_hour=per_hour, name=name, options=chosen_model(provider, model)
        )
    _say(row, f"{row['name']}: {_what(row)}, {per_hour} an hour at most", as_json=as_json)


@on.command("list")
@_JSON
def list_subscriptions(as_json: bool) -> None:
    """Every subscription, and how often it was followed."""
    with _subscriptions() as subscriptions:
        rows = subscriptions.all()
    if as_json:
        print_json([_document(row) for row in rows])
        return
    if not rows:
        click.echo(
            'there is no subscription; try: manage.py on percept.captured ask "what is new in {source}?"', err=True
        )
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        held = f", {row['held_back']} held back ({row['last_note']})" if row["held_back"] else ""
        state = "paused, " if row["paused_at"] else ""
        say_row(f"{row['name']:<{width}}", f"{_what(row)}  ·  {state}{row['started']} started{held}")


@on.command()
@click.argument("name")
@_JSON
def pause(name: str, as_json: bool) -> None:
    """Follow no event until it is resumed."""
    with _subscriptions() as subscriptions:
        subscriptions.pause(subscriptions.find(name))
        row = subscriptions.find(name)
    _say(row, f"{row['name']} is paused; `on resume {row['name']}` ends that", as_json=as_json)


@on.command()
@click.argument("name")
@_JSON
def resume(name: str, as_json: bool) -> None:
    """Follow events again, from now on."""
    with _subscriptions() as subscriptions:
        subscriptions.resume(subscriptions.find(name))
        row = subscriptions.find(name)
    _say(row, f"{row['name']}: {_what(row)}", as_json=as_json)


@on.command()
@click.argument("name")
@_JSON
def remove(name: str, as_json: bool) -> None:
    """Forget it. What it asked so far is kept."""
    with _subscriptions() as subscriptions:
        row = subscriptions.find(name)
        subscriptions.remove(row)
    _say(row, f"removed {row['name']}", as_json=as_json)


def split_words(words: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The patterns before `ask`, and the words of the question after it. ``~`` is the user's home. Raises InvalidInput."""
    if "ask" not in words:
        raise InvalidInput('say what to ask, as in: on percept.captured ask "what is new in {source}?"')
    at = words.index("ask")
    patterns: dict[str, str] = {}
    for word in words[:at]:
        field, equals, glob = word.partition("=")
        if not equals or not field or field in patterns:
            raise InvalidInput(f"{word!r}: a pattern is FIELD=GLOB, each field once, as in 'source=~/notes/**'")
        patterns[field] = str(Path.home()) + glob[1:] if glob == "~" or glob.startswith("~/") else glob
    return patterns, words[at + 1 :]


@contextmanager
def _subscriptions() -> Iterator[PostgresSubscriptions]:
    """The subscriptions, in one transaction."""
    runtime = load_runtime()
    with connect(runtime.database_url) as conn:
        yield PostgresSubscriptions(conn, limits=limits_of(runtime.setting))


def _what(row: Mapping[str, Any]) -> str:
    patterns = "".join(f" {field}={glob}" for field, glob in row["patterns"].items())
    question = " ".join(row["question"].split())
    return f"on {row['event']}{patterns} ask “{question if len(question) <= 50 else question[:49] + '…'}”"


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "event", "patterns", "question", "per_hour", "created_at")
    counted = {name: row[name] for name in ("started", "held_back", "last_at", "last_note") if name in row}
    state = {"subscription_id": row["id"], "state": "paused" if row["paused_at"] else "active"}
    return {**state, **{name: row[name] for name in kept}, **row["options"], **counted}


def _say(row: Mapping[str, Any], line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(row))
    else:
        click.echo(line)
