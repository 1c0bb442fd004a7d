"""`status`: what runs where, and how it is. Exit code 0: ok or degraded; 1: down; 3: LOTUS is not running."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from lotus_tasks import bootstrap
from lotus_tasks.infra.runtime import load_runtime
from lotus_tasks.infra.status import collect_status

Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Title, column heads, rows."""

_TITLES = {"process": "processes", "state": ""}
_COLOURS = {"ok": "green", "RUNNING": "green", "degraded": "yellow", "STARTING": "yellow", "down": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> int:
    """What runs where, and how it is."""
    runtime = load_runtime()
    document = collect_status(runtime, bootstrap.manifests())
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    elif sys.stdout.isatty():
        _show(document)
    else:
        click.echo(f"overall: {document['overall']}")
        for title, _, rows in tables(document):
            for row in rows:
                click.echo(f"{title}: {'  '.join(cell for cell in row if cell)}")
    return 1 if document["overall"] == "down" else 0


def tables(document: Mapping[str, Any]) -> Iterator[Table]:
    """The document as tables of texts."""
    yield "process", ("name", "state", "pid", "up", "restarts"), [_process(row) for row in document["processes"]]
    yield (
        "service",
        ("name", "state", "address", ""),
        [
            (name, "ok" if row["ok"] else "down", row["url"], "" if row["embedded"] else "yours")
            for name, row in document["services"].items()
        ],
    )
    modules = [(row["name"], row["status"], row["detail"]) for row in document["modules"]]
    yield "module", ("name", "state", "detail"), modules
    yield "queue", ("name", "waiting", "oldest", "workers", ""), [_queue(row) for row in document["queues"]]
    yield "provider", ("name", "state", "model", "detail"), [_provider(row) for row in document["providers"]]
    yield "state", ("of", "is"), _state(document)


def _process(row: Mapping[str, Any]) -> tuple[str, ...]:
    pid = str(row["pid"] or "–")
    return row["name"], row["state"], pid, duration(row["uptime_s"]), _some(row["restarts"], "restarts")


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
    counts = ", ".join(f"{tier} {count}" for tier, count in memory.items())
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


def _show(document: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(highlight=False)
    overall = document["overall"]
    console.print(Text.assemble("LOTUS is ", (overall, f"bold {_COLOURS[overall]}")))
    for title, heads, rows in tables(document):
        if not rows:
            continue
        table = RichTable(box=None, padding=(0, 2, 0, 0), title=_TITLES.get(title, f"{title}s"), title_justify="left")
        for head in heads:
            table.add_column(head, style="bold" if head == heads[0] else None, header_style="dim", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
        console.print()
        console.print(table)
