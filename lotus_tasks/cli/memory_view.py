"""How `remember`, `recall` and `memory` reach the memory worker, and how they show what it says."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, TypeVar

import click

from lotus_tasks.cli.terminal import say_row
from lotus_tasks.commands import codec
from lotus_tasks.commands.codec import Command
from lotus_tasks.commands.memory import ExplainedMemory, Fact, MemoryHistory, Profile, ShownMemory
from lotus_tasks.commands.recall import RecalledMemory
from lotus_tasks.commands.upkeep import Consolidated
from lotus_tasks.errors import InvalidInput
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.spine.submission import ask
from lotus_tasks.values import counted, source_title

R = TypeVar("R")
_TIMEOUT_S = 60.0
_WAIT_NOTICE_S = 2.0


def run_command(command: Command[R], *, timeout_s: float = _TIMEOUT_S) -> R:
    """Submit a command to the memory worker and wait for its result."""
    return ask(load_runtime().database_url, command, timeout_s=timeout_s, waiting=_say_that_it_waits())


def _say_that_it_waits() -> Any:
    said: list[float] = []

    def waiting(elapsed_s: float) -> None:
        if elapsed_s > _WAIT_NOTICE_S and not said:
            said.append(elapsed_s)
            click.echo("waiting for the memory worker …", err=True)

    return waiting


def print_memory(result: ShownMemory | ExplainedMemory) -> None:
    """A memory for a person."""
    one = result.memory
    click.echo(one.text)
    fields = (
        "memory_id",
        "kind",
        "tier",
        "importance",
        "source",
        "origin",
        "conversation",
        "speaker",
        "happened_at",
        "valid_from",
        "valid_to",
        "created_at",
    )
    for name in fields:
        if getattr(one, name) is not None:
            say_row(f"  {name:<12}", str(getattr(one, name)))
    for name, value in one.provenance.items():
        if value:
            say_row(f"  {name:<12}", str(value))
    say_row(f"  {'indexed':<12}", "yes" if result.indexed else "not yet: found by its words only")
    for place in result.sources:
        say_row(f"  {'also met in':<12}", place.source)
    for near in result.neighbours:
        say_row(f"  {'beside':<12}", shown(near.text, 80))


def print_changes(result: MemoryHistory | ExplainedMemory) -> None:
    """What is known through a memory, and what happened to it."""
    if isinstance(result, ExplainedMemory):
        click.echo(f"  {result.tier_rule}")
    if not result.changes:
        click.echo("  nothing has changed since it was stored")
    for fact in result.facts:
        say_row(f"  {fact_line(fact)}")
    for change in result.changes:
        say_row(f"  {_minute(change.at)}", f"{change.action}: {change.reason}")
        for name, old in (change.before or {}).items():
            click.echo(f"      {name}: {shown(str(old), 60)} → {shown(str((change.after or {}).get(name)), 60)}")


def fact_line(fact: Fact) -> str:
    """A fact with the time it holds."""
    until = f"until {local_day(fact.valid_to)}" if fact.valid_to else "and holds"
    said = f"{fact.subject} · {fact.predicate} · {fact.value}"
    read = "" if fact.told_by == "rules" else f", read by {fact.told_by}"
    return f"{said}  (from {local_day(fact.valid_from)} {until}; {fact.memory_id[:8]}{read})"


def print_consolidation(result: Consolidated, *, dry_run: bool) -> None:
    """What a round did, or would do."""
    for trouble in result.degraded:
        click.echo(f"degraded: {trouble}", err=True)
    for change in result.planned:
        say_row(f"  {change.action:<8} {(change.memory_id or '')[:8]:<8}", change.reason)
    if dry_run:
        profile = "would be made anew" if result.profile else "would stay as it is"
        click.echo(f"  {counted(result.to_read or 0, 'memory')} would be given to a model to read; your profile {profile}")
        click.echo(f"dry run: nothing was changed; {counted(result.moved, 'memory')} would change tier")
        return
    done = ", ".join(
        f"{value} {name}" for name, value in codec.write(result).items() if isinstance(value, int) and value
    )
    click.echo(done or "nothing to do")


def print_profile(profile: Profile | None) -> None:
    """What is known of the user."""
    if profile is None:
        click.echo('nothing is known of you yet; `manage.py remember "I live in …"` tells LOTUS', err=True)
        return
    click.echo(profile.text)
    by = "by rules" if profile.told_by == "rules" else f"in the words of {profile.told_by}"
    later = "" if profile.current else "; what is known has changed since"
    click.echo(f"{by}, {_minute(profile.built_at)}: {profile.reason}{later}", err=True)


def origin(one: RecalledMemory) -> str:
    """Where a recalled memory comes from."""
    heading = f" › {one.heading}" if one.heading else ""
    moment = str(one.happened_at or one.stored_at)
    source = source_title(one.source, datetime.fromisoformat(moment), speaker=one.speaker)
    when = "" if source != one.source else f" · {local_day(moment)}"
    ended = f" · held until {local_day(one.valid_to)}" if one.valid_to else ""
    return f"{source}{heading}{when}{ended} · {one.tier} · {one.memory_id[:8]}"


def local_day(moment: str) -> str:
    """The local day of an ISO 8601 moment: memory tells them in UTC."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d}"


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"


def shown(text: str, width: int = 200) -> str:
    """A text on one line of at most ``width`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def parsed_line(line: str, number: int) -> Any:
    """The object in a line of JSON Lines. Raises InvalidInput naming the line."""
    if any("\udc80" <= char <= "\udcff" for char in line):
        raise InvalidInput(f"line {number} is not in UTF-8")
    try:
        read = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"line {number} is no JSON: {error}") from error
    if not isinstance(read, dict):
        raise InvalidInput(f"line {number} is no memory; `memory export` writes one object a line")
    return read


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
