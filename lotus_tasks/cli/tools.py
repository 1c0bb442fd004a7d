"""`tools`: what the model's tools may do without asking."""

from __future__ import annotations

import click

from lotus_tasks.cli.documents import print_json
from lotus_tasks.cli.terminal import say_row
from lotus_tasks.destinations import read_destination
from lotus_tasks.errors import NotFound
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.reasoning.adapters.trust import PostgresTrust
from lotus_tasks.spine.database import connect

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def tools() -> None:
    """What the model's tools may do without asking you."""


@tools.group()
def trust() -> None:
    """Where text may be carried to without a further yes.

    DESTINATION is host:example.org (with :PORT where it isn't the usual one), server:NAME of mcp.toml, or a web address.
    """


@trust.command("list")
@_JSON
def list_trusted(as_json: bool) -> None:
    """Every destination that you said yes to for good."""
    with connect(load_runtime().database_url) as conn:
        rows = PostgresTrust(conn).list()
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo(
            "nothing is trusted: whatever carries text out asks, once others' or private text was read", err=True
        )
    for row in rows:
        by = f"at run {str(row['run_id'])[:8]}" if row["run_id"] else "by hand"
        say_row(row["destination"], f"{row['granted_at'].astimezone():%Y-%m-%d %H:%M}", by)


@trust.command()
@click.argument("destination")
@_JSON
def grant(destination: str, as_json: bool) -> None:
    """Ask no more before text is carried to DESTINATION."""
    wanted = read_destination(destination)
    with connect(load_runtime().database_url) as conn:
        PostgresTrust(conn).keep([wanted], [])
    _say(wanted, "trusted", as_json=as_json)


@trust.command()
@click.argument("destination")
@_JSON
def revoke(destination: str, as_json: bool) -> None:
    """Ask again before text is carried to DESTINATION."""
    wanted = read_destination(destination)
    with connect(load_runtime().database_url) as conn:
        if not PostgresTrust(conn).revoke(wanted):
            raise NotFound(f"{wanted} is not trusted; `tools trust list` shows what is")
    _say(wanted, "revoked", as_json=as_json)


def _say(destination: str, status: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"destination": destination, "status": status})
    else:
        click.echo(f"{status} {destination}")
