"""`remember`, `recall` and `memory`: each submits a command to the memory worker and shows its result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from lotus_tasks.cli.documents import json_text, print_json, written_whole
from lotus_tasks.cli.inputs import is_piped, read_told
from lotus_tasks.cli.memory_view import (
    fact_line,
    local_day,
    origin,
    parsed_line,
    print_changes,
    print_consolidation,
    print_memory,
    print_profile,
    run_command,
    shown,
)
from lotus_tasks.cli.terminal import say_row
from lotus_tasks.commands import codec
from lotus_tasks.commands.memory import (
    CountMemories,
    Edit,
    ExplainMemory,
    Forget,
    ListFacts,
    ListMemories,
    MemoryStats,
    Remember,
    ShowMemory,
    TellHistory,
    TellProfile,
    Told,
)
from lotus_tasks.commands.recall import Recall, RecallFilters
from lotus_tasks.commands.upkeep import Consolidate, Export, Import, Reindex
from lotus_tasks.errors import InvalidInput
from lotus_tasks.origins import OUTSIDE, USER
from lotus_tasks.values import counted, short

KINDS = ("note", "preference", "fact", "turn", "question", "answer", "chunk", "summary")
_TOLD_KINDS = ("note", "preference", "fact")
_IMPORT_BATCH = 200
_PROGRESS_S = 0.5
_STUCK_S = 60.0

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("text", metavar="TEXT|-")
@click.option("--kind", type=click.Choice(_TOLD_KINDS), default="note", show_default=True, help="What it is.")
@click.option("--when", "happened_at", metavar="DATE", help="When it happened, like 2026-11-23; without it, now.")
@click.option("--insist", is_flag=True, help="Keep it although it seems to hold a secret.")
@_json_option
def remember(text: str, kind: str, happened_at: str | None, insist: bool, as_json: bool) -> None:
    """Tell LOTUS something to keep."""
    # Who wrote what comes through a pipe isn't known.
    by = OUTSIDE if text == "-" and is_piped() else USER
    told = Told(text=read_told(text), kind=kind, happened_at=happened_at, origin=by)
    result = run_command(Remember(items=(told,), insist=insist))
    if as_json:
        print_json(codec.write(result))
        return
    memory_id = (result.memory_ids or ("",))[0][:8]
    click.echo(f"remembered {memory_id}" if result.new else f"known already as {memory_id}")


@click.command()
@click.argument("query")
@click.option("-n", "-k", "count", type=click.IntRange(1, 200), default=10, show_default=True, help="How many at most.")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only of this kind; may be given again.")
@click.option("--source", help="Only from this source: a path, `user`, …")
@click.option("--conversation", metavar="ID", help="Only from this conversation.")
@click.option("--since", metavar="DATE", help="Only what happened at or after it.")
@click.option("--until", metavar="DATE", help="Only what happened before it.")
@click.option("--explain", is_flag=True, help="Show what each signal contributed to a score.")
@_json_option
def recall(
    query: str,
    count: int,
    kinds: Sequence[str],
    source: str | None,
    conversation: str | None,
    since: str | None,
    until: str | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Search LOTUS's memory."""
    if not query.strip():
        raise InvalidInput('there is nothing to recall: the query is empty; try: manage.py recall "spare key"')
    filters = RecallFilters(kinds=tuple(kinds), source=source, conversation=conversation, since=since, until=until)
    result = run_command(Recall(query=query, k=count, filters=filters, explain=explain))
    for trouble in result.degraded:
        click.echo(f"degraded: {trouble}", err=True)
    if as_json:
        print_json(codec.write(result)["memories"])
        return
    if not result.memories:
        click.echo("nothing in memory answers that", err=True)
    elif result.support is not None and result.support < 0:
        click.echo("nothing in memory seems to answer that; the nearest is:", err=True)
    for number, memory in enumerate(result.memories, 1):
        click.echo(f"{number:>2}. {shown(memory.text)}")
        say_row(f"    {origin(memory)}")
        if explain:
            click.echo(
                f"    {memory.score:.3f} = "
                + " + ".join(f"{name} {share:.3f}" for name, share in (memory.shares or {}).items())
            )
    if explain:
        spent = ", ".join(f"{name} {value:.1f}" for name, value in result.timings_ms.items())
        click.echo(f"terms: {' '.join(result.terms or ())} · milliseconds: {spent}", err=True)


@click.group()
def memory() -> None:
    """Look after LOTUS's memory. An ID may be the beginning of one."""


@memory.command("list")
@click.option("-n", "limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
@click.option("--kind", type=click.Choice(KINDS), help="Only of this kind.")
@click.option("--source", help="Only from this source.")
@click.option("--conversation", metavar="ID", help="Only from this conversation.")
@click.option("--tier", type=click.IntRange(1, 4), help="Only of this tier.")
@click.option("--since", metavar="DATE", help="Only what happened at or after it.")
@click.option("--until", metavar="DATE", help="Only what happened before it.")
@_json_option
def list_memories(as_json: bool, **wanted: Any) -> None:
    """The newest memories."""
    found = run_command(ListMemories(**wanted))
    if as_json:
        print_json(codec.write(found)["memories"])
        return
    if not found.memories:
        click.echo('there is nothing here; `manage.py remember "…"` keeps something', err=True)
    for one in found.memories:
        say_row(one.memory_id[:8], one.tier, f"{one.kind:<10}", shown(one.text, 80))


@memory.command()
@click.argument("memory_id", metavar="ID")
@_json_option
def show(memory_id: str, as_json: bool) -> None:
    """One memory: its text, where it came from, what stands beside it."""
    result = run_command(ShowMemory(id=memory_id))
    if as_json:
        print_json(codec.write(result))
        return
    print_memory(result)


@memory.command()
@click.argument("memory_id", metavar="ID")
@click.option("--text", help="Its new text.")
@click.option("--kind", type=click.Choice(_TOLD_KINDS), help="Its new kind.")
@click.option("--importance", type=click.FloatRange(0, 1), help="Its new importance.")
@click.option("--insist", is_flag=True, help="Keep the text although it seems to hold a secret.")
def edit(memory_id: str, text: str | None, kind: str | None, importance: float | None, insist: bool) -> None:
    """Change a memory; what it was stays in its history."""
    result = run_command(
        Edit(
            id=memory_id,
            text=None if text is None else read_told(text),
            kind=kind,
            importance=importance,
            insist=insist,
        )
    )
    click.echo(f"changed {', '.join(result.changed)}" if result.changed else "nothing changed: it was so already")


@memory.command()
@click.argument("memory_ids", metavar="ID...", nargs=-1)
@click.option("--source", help="Everything from this source.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@_json_option
def forget(memory_ids: Sequence[str], source: str | None, yes: bool, as_json: bool) -> None:
    """Remove memories for good, with every copy of their text."""
    if not memory_ids and not source:
        raise InvalidInput("name what to forget: the ids of memories, or --source")
    if source and not yes:
        click.confirm(f"Forget everything from {source}?", abort=True, err=True)
    result = codec.write(run_command(Forget(ids=tuple(memory_ids), source=source)))
    if as_json:
        print_json(result)
        return
    counted = {name: value for name, value in result.items() if isinstance(value, int) and value}
    click.echo("removed " + ", ".join(f"{value} {name}" for name, value in counted.items()))


@memory.command()
@click.argument("memory_id", metavar="ID")
@_json_option
def history(memory_id: str, as_json: bool) -> None:
    """What a memory was before, and since when it holds."""
    result = run_command(TellHistory(id=memory_id))
    if as_json:
        print_json(codec.write(result))
        return
    print_changes(result)


@memory.command()
@click.argument("memory_id", metavar="ID")
@_json_option
def explain(memory_id: str, as_json: bool) -> None:
    """Why a memory is where it is."""
    result = run_command(ExplainMemory(id=memory_id))
    if as_json:
        print_json(codec.write(result))
        return
    print_memory(result)
    print_changes(result)


@memory.command()
@click.argument("subject", required=False)
@click.option("--all", "closed", is_flag=True, help="Also those that no longer hold.")
@_json_option
def facts(subject: str | None, closed: bool, as_json: bool) -> None:
    """What is known of SUBJECT, or of everyone; `user` is you."""
    found = run_command(ListFacts(subject=subject, closed=closed)).facts
    if as_json:
        print_json([codec.write(fact) for fact in found])
        return
    if not found:
        click.echo("nothing is known", err=True)
    for fact in found:
        say_row(fact_line(fact))


@memory.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@_json_option
def consolidate(dry_run: bool, as_json: bool) -> None:
    """Put memory in order now; beat does it every few minutes."""
    result = run_command(Consolidate(dry_run=dry_run), timeout_s=600.0)
    if as_json:
        print_json(codec.write(result))
        return
    print_consolidation(result, dry_run=dry_run)


@memory.command()
@_json_option
def profile(as_json: bool) -> None:
    """What is known of you, in one piece."""
    found = run_command(TellProfile())
    if as_json:
        print_json(codec.write(found)["profile"])
        return
    print_profile(found.profile)


@memory.command()
@click.option("--words", is_flag=True, help="Index the words anew as well.")
def reindex(words: bool) -> None:
    """Write the vector index anew, and wait until it is whole."""
    result = run_command(Reindex(words=words), timeout_s=600.0)
    total = result.waiting
    click.echo(f"{counted(total, 'memory')} to index anew", err=True)
    waiting, moved_at = total, time.monotonic()
    while waiting:
        time.sleep(_PROGRESS_S)
        now = run_command(CountMemories()).index_lag
        if now != waiting:
            waiting, moved_at = now, time.monotonic()
            click.echo(f"  {total - waiting}/{total}", err=True)
        elif time.monotonic() - moved_at > _STUCK_S:
            raise TimeoutError(f"{waiting} memories still wait and nothing moves; `manage.py status` says why")
    click.echo("the vector index is whole")


@memory.command("export")
@click.argument("path", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default="-", metavar="FILE|-")
def export_memories(path: Path) -> None:
    """Write every memory to FILE, or to stdout, as JSON Lines."""
    if path == Path():
        raise InvalidInput("the file's name is empty")
    after_no = count = 0
    with written_whole(path) as file:
        while page := (result := run_command(Export(after_no=after_no))).memories:
            for one in page:
                file.write(json_text(one, indent=None) + "\n")
            after_no = result.last_no
            count += len(page)
    click.echo(f"{counted(count, 'memory')} exported", err=True)


@memory.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path), metavar="FILE|-")
@click.option("--insist", is_flag=True, help="Keep also what seems to hold a secret.")
def import_memories(path: Path, insist: bool) -> None:
    """Read what `memory export` wrote. What is in memory already stays as it is."""
    new = known = 0
    with click.open_file(str(path), encoding="utf-8", errors="surrogateescape") as file:
        lines = ((number, line) for number, line in enumerate(file, 1) if line.strip())
        while batch := list(islice(lines, _IMPORT_BATCH)):
            told = Import(
                memories=tuple(parsed_line(line, number) for number, line in batch),
                lines=tuple(number for number, _ in batch),
                insist=insist,
            )
            result = run_command(told, timeout_s=300.0)
            new, known = new + result.new, known + result.known
    click.echo(f"{counted(new, 'memory')} imported, {known} known already")


@memory.command()
@_json_option
def stats(as_json: bool) -> None:
    """How much there is, and where."""
    result = run_command(CountMemories())
    if as_json:
        print_json(codec.write(result))
        return
    click.echo(f"{counted(result.memories, 'memory')}, {result.index_lag} waiting for their vector ({result.embedder})")
    counts = (("tiers", result.by_tier), ("kinds", result.by_kind), ("sources with the most", result.sources))
    for heading, found in counts:
        if found:
            click.echo(heading)
        rows = found.items()
        for key, count in rows if heading == "tiers" else sorted(rows, key=lambda row: -row[1]):
            say_row(f"  {count:>8}", _titled(key, result) if found is result.sources else key)


def _titled(source: str, result: MemoryStats) -> str:
    since = result.conversations.get(source)
    return f"conversation {short(source.partition(':')[2])}, begun {local_day(since)}" if since else source
