"""`providers`: the models LOTUS can ask, and how they are."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import click

from lotus_tasks.infra import queries
from lotus_tasks.infra.outbox import submit_and_wait
from lotus_tasks.infra.postgres import connect
from lotus_tasks.infra.runtime import load_runtime
from lotus_tasks.work import CommandSpec

CHECK_S = 30.0


@click.group()
def providers() -> None:
    """The models LOTUS can ask."""


@providers.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def list_providers(as_json: bool) -> None:
    """The providers in the order in which they are asked, as the last health check found them."""
    runtime = load_runtime()
    with connect(runtime.database_url) as conn:
        row = conn.execute(queries.load("providers").last_health).fetchone()
    found = row["providers"] if row is not None and row["providers"] else _check(None)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    _print(found)
    if row is not None and row["providers"]:
        click.echo(f"checked {row['age_s']:.0f} s ago; `manage.py providers check` asks them now", err=True)


@providers.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def check(name: str | None, as_json: bool) -> int:
    """Ask every provider, or the one of this NAME, whether it would serve. Spends no tokens."""
    found = _check(name)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print(found)
    return 1 if any(_is_broken(provider, wanted=name) for provider in found) else 0


def _check(name: str | None) -> Sequence[Mapping[str, Any]]:
    spec = CommandSpec(name="providers.check", key=f"providers.check/{uuid.uuid4()}", payload={"provider": name})
    found: Sequence[Mapping[str, Any]] = submit_and_wait(load_runtime().database_url, spec, timeout_s=CHECK_S)["providers"]
    return found


def _is_broken(provider: Mapping[str, Any], *, wanted: str | None) -> bool:
    return provider["reachable"] is False or (provider["name"] == wanted and not provider["configured"])


def _print(found: Sequence[Mapping[str, Any]]) -> None:
    width = max((len(provider["name"]) for provider in found), default=0)
    for provider in found:
        mark = "✓" if provider["reachable"] else "·" if provider["reachable"] is None else "✗"
        speed = "" if not provider["latency_ms"] else f"  {provider['latency_ms']:.0f} ms"
        model = f"  {provider['model']}" if provider["model"] else ""
        click.echo(f"{mark} {provider['name']:<{width}}{model}  {provider['detail']}{speed}")
