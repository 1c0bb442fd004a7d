"""`providers`: the models LOTUS can ask, and how they are."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence

import click

from lotus_tasks.cli.documents import print_json
from lotus_tasks.cli.terminal import one_line, say_row, show_progress
from lotus_tasks.commands import codec
from lotus_tasks.commands.providers import CheckProviders, ListModels, ProviderCheck, Pull
from lotus_tasks.errors import InvalidInput
from lotus_tasks.local.runtime import Runtime, load_runtime
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import connect
from lotus_tasks.spine.streams import TokenReader, connect_redis
from lotus_tasks.spine.submission import ask, submit_and_wait
from lotus_tasks.values import RunId
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
    kept = row["providers"] if row is not None and row["providers"] else None
    if as_json:
        print_json(kept or [codec.write(provider) for provider in _check(None)])
        return
    _print(_check(None) if kept is None else [codec.read(ProviderCheck, provider) for provider in kept])
    if row is not None and row["providers"]:
        click.echo(f"checked {row['age_s']:.0f} s ago; `manage.py providers check` asks them now", err=True)


@providers.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def check(name: str | None, as_json: bool) -> int:
    """Ask every provider, or the one of this NAME, whether it would serve. Spends no tokens."""
    found = _check(name)
    if as_json:
        print_json([codec.write(provider) for provider in found])
    else:
        _print(found)
    return 1 if any(_is_broken(provider, wanted=name) for provider in found) else 0


@providers.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def models(name: str | None, as_json: bool) -> int:
    """The models that every provider, or the one of this NAME, offers."""
    found = ask(load_runtime().database_url, ListModels(provider=name), timeout_s=CHECK_S).providers
    if as_json:
        print_json([codec.write(provider) for provider in found])
    for provider in () if as_json else found:
        for model in provider.models:
            size = f"  {model.size_bytes / 1e9:.1f} GB" if model.size_bytes else ""
            say_row(provider.provider, f"{model.name}{size}")
        if provider.error:
            click.echo(f"lotus: {provider.error}", err=True)
    return 1 if any(provider.error for provider in found) else 0


@providers.command()
@click.argument("model")
def pull(model: str) -> None:
    """Download MODEL into Ollama, for instance llama3.2."""
    if not model.strip():
        raise InvalidInput("the model's name is empty")
    runtime = load_runtime()
    spec = CommandSpec.of(Pull(model=model), key=f"providers.pull/{uuid.uuid4()}")
    progress = _Progress(runtime, RunId(spec.id))
    try:
        submit_and_wait(runtime.database_url, spec, timeout_s=24 * 3600.0, waiting=lambda _: progress.show())
    except KeyboardInterrupt:
        click.echo("\nlotus: the download goes on in the background", err=True)
        raise
    progress.show()
    click.echo(
        f"{model} is here; LOTUS asks it with `--model {model}`, or always with LOTUS_OLLAMA_MODEL={model} in .env"
    )


@providers.command()
@click.option("--days", type=click.IntRange(1, 3650), default=7, show_default=True, help="So many days back.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def usage(days: int, as_json: bool) -> None:
    """Calls, failures, latency, tokens and cost by day and model."""
    with connect(load_runtime().database_url) as conn:
        rows = conn.execute(queries.load("providers").usage_by_day, {"days": days}).fetchall()
    if as_json:
        print_json([{**row, "day": row["day"].isoformat()} for row in rows])
        return
    if not rows:
        click.echo("no model was asked yet", err=True)
    for row in rows:
        failed = f", {row['error_rate']:.0%} failed ({', '.join(row['failures'])})" if row["failed"] else ""
        first = f", first token {row['first_token_ms_p50']:.0f} ms" if row["first_token_ms_p50"] is not None else ""
        tokens = f"{'about ' if row['estimated'] else ''}{row['input_tokens']} + {row['output_tokens']} tokens"
        cost = f", ${row['cost_usd']:.4f}" if row["cost_usd"] else ""
        say_row(
            str(row["day"]),
            f"{row['provider']} {row['model']}",
            f"{row['calls']} calls{failed}, {tokens}{first}{cost}",
        )


class _Progress:
    """Shows the notices of a command's stream on stderr: in one place on a terminal, line by line elsewhere."""

    def __init__(self, runtime: Runtime, stream: RunId) -> None:
        self._reader = TokenReader(connect_redis(runtime.redis_url), stream)
        self._live = sys.stderr.isatty()

    def show(self) -> None:
        """What came since the last call. Without Redis there is no show, and the download goes on."""
        import redis

        try:
            lines = [entry.text for entry in self._reader.read(block_s=0.001) if entry.kind == "notice"]
        except (redis.RedisError, OSError):
            return
        for line in lines[-1:] if self._live else lines:
            if self._live:
                show_progress(line)
            else:
                click.echo(one_line(line), err=True)


def _check(name: str | None) -> Sequence[ProviderCheck]:
    return ask(load_runtime().database_url, CheckProviders(provider=name), timeout_s=CHECK_S).providers


def _is_broken(provider: ProviderCheck, *, wanted: str | None) -> bool:
    return provider.reachable is False or (provider.name == wanted and not provider.configured)


def _print(found: Sequence[ProviderCheck]) -> None:
    width = max((len(provider.name) for provider in found), default=0)
    for provider in found:
        mark = "✓" if provider.reachable else "·" if provider.reachable is None else "✗"
        speed = "" if not provider.latency_ms else f"  {provider.latency_ms:.0f} ms"
        model = [provider.model] if provider.model else []
        say_row(f"{mark} {provider.name:<{width}}", *model, f"{provider.detail}{speed}")
