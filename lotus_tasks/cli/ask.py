"""`ask`: submit a question, show the answer as it comes."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import click

from lotus_tasks.cli.documents import escape_json, print_json
from lotus_tasks.cli.following import Follower
from lotus_tasks.cli.inputs import decode_argument, is_piped, read_attachments, read_piped, read_question, read_schema
from lotus_tasks.cli.screen import Screen, is_live
from lotus_tasks.cli.terminal import bare, one_line
from lotus_tasks.errors import InvalidInput, LotusError, NotFound
from lotus_tasks.local.runtime import Runtime, load_runtime
from lotus_tasks.origins import OUTSIDE, OWN_FILE, USER
from lotus_tasks.reasoning.adapters.postgres import PostgresRunStore, submit_run
from lotus_tasks.reasoning.models import Run, RunOptions
from lotus_tasks.reasoning.service.limiting import limits_of
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, connect
from lotus_tasks.values import ConversationId, RunId, day_of, short, source_title

if TYPE_CHECKING:
    import uuid


CITATION_KEYS = ("memory_id", "text", "source", "score")
TIMINGS = ("queued", "recall", "first_token", "total")

_ID_PREFIX = re.compile(r"[0-9a-f-]{1,36}")


@click.command()
@click.argument("text", nargs=-1, required=True)
@click.option("-c", "--continue", "resume", is_flag=True, help="Go on with the latest conversation.")
@click.option("--conversation", metavar="ID", help="Go on with this conversation.")
@click.option("-f", "--file", "files", metavar="FILE", multiple=True, help="Give the model this text file. Repeatable.")
@click.option("--provider", metavar="P", help="Ask this provider only.")
@click.option("--model", metavar="M", help="Ask this model.")
@click.option("--schema", "schema_file", metavar="FILE", help="Answer with JSON that fits this JSON Schema.")
@click.option("--as-question", is_flag=True, help="What stands on standard input are your own words.")
@click.option("--show-thinking", is_flag=True, help="Show on stderr what the model thinks, dimmed on a terminal.")
@click.option("--no-stream", is_flag=True, help="Print the answer when it is complete.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--detach", is_flag=True, help="Print the run's id and return; `runs follow ID` shows the answer.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Wait this many seconds at most."
)
def ask(
    text: tuple[str, ...],
    resume: bool,
    conversation: str | None,
    files: tuple[str, ...],
    provider: str | None,
    model: str | None,
    schema_file: str | None,
    as_question: bool,
    show_thinking: bool,
    no_stream: bool,
    as_json: bool,
    detach: bool,
    timeout: float | None,
) -> None:
    """Ask TEXT, or what stands on standard input when TEXT is "-".

    After "-" a question may follow: then standard input is what it is about. What comes through a pipe counts as text that
    others wrote: it isn't remembered as your words, and tools that could do harm ask first.
    """
    if resume and conversation is not None:
        raise InvalidInput("--continue and --conversation exclude each other")
    about = read_piped() if text[0] == "-" and len(text) > 1 else []
    question = read_question(text[1:] if about else text)
    attachments = [*about, *read_attachments(files)]
    schema = None if schema_file is None else read_schema(schema_file)
    runtime = load_runtime()
    options = RunOptions(
        provider=None if provider is None else decode_argument(provider),
        model=None if model is None else decode_argument(model),
        **limits_of(runtime.setting),
        attachments=attachments,
        origin=OUTSIDE if text == ("-",) and is_piped() and not as_question else USER,
        schema=schema,
        schema_origin=OWN_FILE,
    )
    with connect(runtime.database_url) as conn:
        conversation_id = find_conversation(conn, conversation, resume=resume)
        run = submit_run(conn, question, options, conversation_id=conversation_id)
    if detach:
        _name(run, as_json=as_json)
        return
    stream = not no_stream and schema is None
    show_run(runtime, run.run_id, as_json=as_json, stream=stream, timeout_s=timeout, show_thinking=show_thinking)


def _name(run: Run, *, as_json: bool) -> None:
    if as_json:
        print_json(_identity(run), indent=None)
    else:
        click.echo(str(run.run_id))


def show_run(
    runtime: Runtime,
    run_id: RunId,
    *,
    as_json: bool,
    stream: bool,
    timeout_s: float | None,
    show_thinking: bool = False,
) -> None:
    """Follow the run to its end and print the answer; exit with its code. The first Ctrl-C cancels it."""
    screen = make_screen(live=stream and not as_json)
    follower = Follower(runtime=runtime, run_id=run_id, screen=screen, quiet=as_json, show_thinking=show_thinking)
    try:
        row = follower.follow(timeout_s=timeout_s)
    except KeyboardInterrupt:
        screen.break_off()
        _cancel(runtime, run_id)
        raise click.exceptions.Exit(130) from None
    except (LotusError, TimeoutError):
        screen.break_off()
        raise
    if as_json:
        print_json(answer_document(row))
    elif row["status"] == "succeeded":
        _show_answer(screen, row)
        _print_sources(row)
    else:
        screen.break_off()
    if row["status"] == "failed":
        if not as_json:
            click.echo(f"error: {row['error']}", err=True)
        raise click.exceptions.Exit(1)
    if row["status"] == "cancelled":
        if not as_json:
            click.echo(f"run {run_id} was cancelled", err=True)
        raise click.exceptions.Exit(130)


def _show_answer(screen: Screen, row: Mapping[str, Any]) -> None:
    if row["options"].get("schema"):  # JSON is no Markdown, and its lines end where JSON's do
        screen.restart()
        Screen(out=bare(sys.stdout), live=False).finish(escape_json(row["answer"]))
    elif screen.live:
        screen.finish(row["answer"])
    else:
        make_screen(live=True).finish(row["answer"])


def make_screen(*, live: bool) -> Screen:
    """Where an answer goes on stdout: rendered as it comes where that is ``live`` and a terminal, else as it is."""
    if not (live and is_live(sys.stdout)):
        return Screen(out=sys.stdout, live=False)
    from lotus_tasks.cli.markdown import MarkdownScreen

    return MarkdownScreen(out=sys.stdout, live=True)


def answer_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """What `ask --json` prints of a run's row: always the same keys, ``data`` where a JSON Schema was given, ``error`` where
    there is one.
    """
    result = row["result"]
    usage = result.get("usage") or {}
    timings = result.get("timings_ms") or {}
    return {
        "run_id": str(row["id"]),
        "conversation_id": str(row["conversation_id"]),
        "status": row["status"],
        "answer": row["answer"],
        "citations": [{key: citation[key] for key in CITATION_KEYS} for citation in result.get("citations", [])],
        "provider": result.get("provider"),
        "model": result.get("model"),
        "stop_reason": result.get("stop_reason"),
        "usage": {key: usage.get(key) for key in ("input_tokens", "output_tokens")},
        "steps": row["step_count"],
        "degraded": result.get("degraded", []),
        "timings_ms": {key: timings.get(key) for key in TIMINGS},
        **({"data": json.loads(row["answer"])} if row["answer"] and row["options"].get("schema") else {}),
        **({"error": row["error"]} if row["error"] else {}),
    }


def find_conversation(conn: Connection, wanted: str | None, *, resume: bool) -> ConversationId | None:
    """The conversation to go on with; None for a new one. Raises NotFound, InvalidInput."""
    sql = queries.load("reasoning")
    if wanted is not None:
        return ConversationId(find_one(conn, sql.find_conversation, "conversation", wanted))
    if resume:
        row = conn.execute(sql.latest_conversation).fetchone()
        if row is None:
            raise NotFound("there is no conversation to go on with yet")
        return ConversationId(row["id"])
    return None


def find_one(conn: Connection, query: LiteralString, what: str, wanted: str) -> uuid.UUID:
    """The id that begins with ``wanted``. Raises NotFound, InvalidInput where it names several."""
    if not wanted.strip():
        raise InvalidInput(f"the id of the {what} is empty")
    prefix = wanted.lower()
    rows = conn.execute(query, {"prefix": prefix}).fetchall() if _ID_PREFIX.fullmatch(prefix) else []
    if not rows:
        raise NotFound(f"there is no {what} {wanted}")
    if len(rows) > 1:
        raise InvalidInput(f"{wanted} names more than one {what}; give more of its id")
    found: uuid.UUID = rows[0]["id"]
    return found


def cancel_run(runtime: Runtime, run_id: RunId) -> bool:
    """Cancel an open run; False where it had ended. Raises ServiceDown."""
    with connect(runtime.database_url) as conn:
        return PostgresRunStore().cancel(conn, run_id)


def _cancel(runtime: Runtime, run_id: RunId) -> None:
    cancelled = cancel_run(runtime, run_id)
    said = "cancelled" if cancelled else "had already ended"
    again = (
        f"`manage.py runs retry {short(run_id)}` starts it again"
        if cancelled
        else f"`manage.py runs show {short(run_id)}` has the answer"
    )
    click.echo(f"run {said}; the question is kept, {again}", err=True)


def _identity(run: Run) -> dict[str, str]:
    return {"run_id": str(run.run_id), "conversation_id": str(run.conversation_id), "status": "queued"}


def _print_sources(row: Mapping[str, Any]) -> None:
    result = row["result"]
    citations = result.get("citations", [])
    if citations:
        click.echo()
    for citation in citations:
        click.echo(f"[{citation['number']}] {one_line(_source(citation))}")
    for trouble in result.get("degraded", []):
        click.echo(f"· degraded: {one_line(trouble)}", err=True)
    provider = (
        "offline provider"
        if result.get("provider") == "offline"
        else f"{result.get('provider')} {result.get('model') or ''}".strip()
    )
    seconds = (result.get("timings_ms", {}).get("total") or 0) / 1000
    click.echo(f"{provider} · {seconds:.1f} s", err=True)


def _source(citation: Mapping[str, Any]) -> str:
    moment = datetime.fromisoformat(citation["date"]) if citation.get("date") else None
    named = str(citation["source"] or "told to LOTUS")
    source = source_title(named, moment)
    if source != named:
        return source
    home = str(Path.home())
    if source.startswith(home + os.sep):
        source = "~" + source[len(home) :]
    if citation.get("heading"):
        source += f" › {citation['heading']}"
    if moment is not None:
        source += f", {day_of(moment)}"
    return source
