"""`status`: what runs where, and how it is. Exit code 0: ok or degraded; 1: down; 3: LOTUS is not running."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lotus_tasks import bootstrap
from lotus_tasks.cli.documents import print_json
from lotus_tasks.cli.terminal import bare, columns_of, one_line, printable, say_row, text_width
from lotus_tasks.health.status import collect_status
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.stack.secret_files import FLOWER_USER
from lotus_tasks.values import counted, utc_now

if TYPE_CHECKING:
    from rich.console import Console

Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Title, column heads, rows."""

_TITLES = {"process": "processes", "state": "", "set aside": "set aside, as it could not be opened"}
_TIERS = {"L1": "working", "L2": "short-term", "L3": "long-term", "L4": "persistent"}
_COLOURS = {"ok": "green", "RUNNING": "green", "degraded": "yellow", "STARTING": "yellow", "down": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> int:
    """What runs where, and how it is."""
    runtime = load_runtime()
    document = collect_status(runtime, bootstrap.manifests())
    if as_json:
        print_json(document)
    elif sys.stdout.isatty():
        _show(document, runtime.home)
    else:
        click.echo(f"overall: {document['overall']}")
        for title, _, rows in tables(document, runtime.home):
            for row in rows:
                say_row(f"{title}: {'  '.join(cell for cell in row if cell)}")
    return 1 if document["overall"] == "down" else 0


def tables(document: Mapping[str, Any], home: Path) -> Iterator[Table]:
    """The document as tables of texts."""
    yield "process", ("name", "state", "pid", "up", "restarts"), [_process(row) for row in document["processes"]]
    yield (
        "service",
        ("name", "state", "address", ""),
        [
            (name, "ok" if row["ok"] else "down", row["url"], _about_service(name, row, home))
            for name, row in document["services"].items()
        ],
    )
    modules = [_module(row) for row in document["modules"]]
    yield "module", ("name", "state", "detail"), modules
    yield "queue", ("name", "waiting", "oldest", "workers", ""), [_queue(row) for row in document["queues"]]
    yield "provider", ("name", "state", "model", "detail"), [_provider(row) for row in document["providers"]]
    yield "state", ("of", "is"), _state(document)
    aside = [
        (row["store"], row["at"][:19].replace("T", " ") + " UTC", row["reason"], row["path"])
        for row in document["set_aside"]
    ]
    yield "set aside", ("store", "at", "reason", "files"), aside


def _about_service(name: str, row: Mapping[str, Any], home: Path) -> str:
    if not row["embedded"]:
        return "yours"
    if row["trouble"]:
        return str(row["trouble"])
    if name == "flower":
        return f"user {FLOWER_USER}, password in secrets/flower"
    outside = row["data"] is not None and not Path(row["data"]).is_relative_to(home)
    return f"data outside LOTUS_HOME, in {row['data']}" if outside else ""


def _process(row: Mapping[str, Any]) -> tuple[str, ...]:
    pid = str(row["pid"] or "–")
    return row["name"], row["state"], pid, duration(row["uptime_s"]), _some(row["restarts"], "restarts")


def _module(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What the module counts; where something is wrong with it, when that was found."""
    detail = row["detail"]
    if row["checked_at"] and row["status"] != "ok":
        age_s = (utc_now() - datetime.fromisoformat(row["checked_at"])).total_seconds()
        detail += f" ({duration(max(age_s, 0.0))} ago)"
    return row["name"], row["status"], detail


def _queue(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["name"],
        f"{row['depth']} waiting",
        f"oldest {duration(row['oldest_s'])}" if row["oldest_s"] else "",
        _some(row["consumers"], "workers") or "no worker",
        "saturated" if row["saturated"] else "",
    )


def _provider(row: Mapping[str, Any]) -> tuple[str, ...]:
    state = "ok" if row.get("reachable") else "down" if row.get("configured") else "not configured"
    return row["name"], state, str(row.get("model") or ""), str(row.get("detail") or "")


def _state(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    memory = dict(document["memory"])
    lag = memory.pop("index_lag")
    total = sum(memory.values())
    parts = ", ".join(
        f"{count} {_TIERS.get(tier, '')} ({tier})".replace("  ", " ") for tier, count in memory.items() if count
    )
    counts = f"{counted(total, 'memory')}{': ' if parts else ''}{parts}"
    last_tick_s = document["beat"]["last_tick_s"]
    return [
        ("memory", f"{counts}; {lag} waiting for their vector" if lag else counts),
        ("beat", "has not ticked yet" if last_tick_s is None else f"last tick {duration(last_tick_s)} ago"),
    ]


def duration(seconds: float) -> str:
    """A length of time in its two largest units: "45 s", "3 min", "2 h 5 min", "4 d 1 h"."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def _some(number: int, noun: str) -> str:
    return "" if not number else f"{number} {noun[:-1] if number == 1 else noun}"


def _show(document: Mapping[str, Any], home: Path) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=bare(sys.stdout), width=columns_of(sys.stdout), highlight=False)
    overall = document["overall"]
    console.print(Text.assemble("LOTUS is ", (overall, f"bold {_COLOURS[overall]}")))
    for title, heads, rows in tables(document, home):
        if rows:
            clean = [[printable(one_line(cell)) for cell in row] for row in rows]
            console.print()
            _show_table(console, _TITLES.get(title, f"{title}s"), heads, clean)


def _show_table(console: Console, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; where no column of it could hold its longest word, a name and below it what there is about it."""
    from rich.padding import Padding
    from rich.table import Table as RichTable
    from rich.text import Text

    columns = zip(heads, *rows, strict=True)
    longest = [max(text_width(word) for cell in column for word in (cell.split() or [""])) for column in columns]
    if sum(longest) + 2 * len(longest) > console.width:
        console.print(Text(title, style="italic"))
        for name, *cells in rows:
            console.print(Text(name, style="bold"))
            about = [Text(cell, style=_COLOURS.get(cell, "")) for cell in cells if cell]
            console.print(Padding(Text(" · ").join(about), (0, 0, 0, 2)))
        return
    table = RichTable(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left")
    for head, width in zip(heads, longest, strict=True):
        style = "bold" if head == heads[0] else None
        table.add_column(head, style=style, header_style="dim", overflow="fold", min_width=width)
    for row in rows:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    console.print(table)
