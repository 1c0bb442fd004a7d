"""`runs`: what was asked, how it went, step by step."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from lotus_tasks.cli.approving import describe_call, send_answer, waiting_calls
from lotus_tasks.cli.ask import answer_document, cancel_run, find_one, show_run
from lotus_tasks.cli.documents import print_json
from lotus_tasks.cli.terminal import say_row
from lotus_tasks.commands.reasoning import Retry
from lotus_tasks.errors import NotFound, Permanent
from lotus_tasks.local.runtime import load_runtime
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection, connect
from lotus_tasks.spine.submission import ask
from lotus_tasks.values import RunId, counted, short

STATUSES = ("queued", "running", "waiting", "succeeded", "failed", "cancelled")


@click.group()
def runs() -> None:
    """Look at runs, follow, approve, cancel and retry them."""


@runs.command("list")
@click.option("-n", "limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_runs(limit: int, status: str | None, as_json: bool) -> None:
    """The latest runs, newest first."""
    with connect(load_runtime().database_url) as conn:
        rows = conn.execute(queries.load("reasoning").list_runs, {"limit": limit, "status": status}).fetchall()
    if as_json:
        print_json([{**row, "run_id": row.pop("id")} for row in map(dict, rows)])
        return
    if not rows:
        none = f"no run is {status}" if status else 'nothing was asked yet; try: manage.py ask "…"'
        click.echo(none, err=True)
    for row in rows:
        question = " ".join(row["question"].split())
        short = question if len(question) <= 60 else question[:59] + "…"
        say_row(str(row["id"])[:8], f"{row['created_at'].astimezone():%Y-%m-%d %H:%M}", f"{row['status']:<9}", short)


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(run_id: str, as_json: bool) -> None:
    """A run with its steps. ID may be the beginning of one."""
    sql = queries.load("reasoning")
    with connect(load_runtime().database_url) as conn:
        found = _find(conn, run_id)
        row = conn.execute(sql.show_run, {"id": found}).fetchone()
        steps = conn.execute(sql.show_steps, {"id": found}).fetchall()
    if row is None:
        raise NotFound(f"run {run_id} is gone")
    document = run_document(row, steps)
    if as_json:
        print_json(document)
        return
    click.echo(f"run       {document['run_id']}  ({document['status']}, attempt {document['attempt']})")
    click.echo(f"question  {document['question']}")
    if document["resumed"]:
        click.echo(
            f"resumed   {counted(document['resumed'], 'time')}: a worker died or stopped, and another went on from its step"
        )
    for step in document["steps"]:
        at = f"+{(step['started_at'] - document['created_at']).total_seconds():.2f} s"
        what = f"{step['kind']:<8} {step['status']:<9} {_took(step):>8}"
        say_row(f"  {step['seq']:>2}", f"{at:>9}", what, _detail(step))
    if spent := _spent(document["steps"]):
        click.echo(f"spent     {spent}")
    if document["status"] == "waiting":
        click.echo(f"waits     for your yes: `manage.py runs approve {short(document['run_id'])}`, or `runs deny`")
    if document["error"]:
        click.echo(f"error     {document['error']}")
    if document["answer"]:
        click.echo(f"\n{document['answer']}")


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Wait this many seconds at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def follow(run_id: str, timeout: float | None, as_json: bool) -> None:
    """Show a run's answer as it comes, from its beginning. Ctrl-C cancels the run."""
    runtime = load_runtime()
    with connect(runtime.database_url) as conn:
        found = _find(conn, run_id)
    show_run(runtime, found, as_json=as_json, stream=True, timeout_s=timeout)


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def cancel(run_id: str, as_json: bool) -> None:
    """Cancel a run; a model that is answering is cut off within a second."""
    runtime = load_runtime()
    with connect(runtime.database_url) as conn:
        found = _find(conn, run_id)
    if not cancel_run(runtime, found):
        raise Permanent(f"run {str(found)[:8]} has already ended")
    if as_json:
        print_json({"run_id": found, "status": "cancelled"})
    else:
        click.echo(f"cancelled {found}")


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option("--step", type=int, metavar="N", help="Only this step, as `runs show` numbers it.")
@click.option(
    "--always", is_flag=True, help="Never ask again for the host or server that it sends to; see `tools trust`."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def approve(run_id: str, step: int | None, always: bool, as_json: bool) -> None:
    """Say yes to the tools a run asks for."""
    _answer(run_id, step, approved=True, always=always, as_json=as_json)


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option("--step", type=int, metavar="N", help="Only this step, as `runs show` numbers it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def deny(run_id: str, step: int | None, as_json: bool) -> None:
    """Say no to the tools a run asks for; the model is told and goes on without them."""
    _answer(run_id, step, approved=False, as_json=as_json)


def _answer(run_id: str, step: int | None, *, approved: bool, as_json: bool, always: bool = False) -> None:
    runtime = load_runtime()
    with connect(runtime.database_url) as conn:
        found = _find(conn, run_id)
        calls = [call for call in waiting_calls(conn, found) if step in {None, call.seq}]
    if always and calls and not any(call.destination for call in calls):
        raise Permanent(f"run {str(found)[:8]} asks for nothing that can be allowed for good; leave out --always")
    if not calls or not send_answer(runtime, found, [call.seq for call in calls], approved=approved, always=always):
        raise Permanent(f"run {str(found)[:8]} asks for nothing{'' if step is None else f' at step {step}'}")
    if as_json:
        print_json({"run_id": found, "approved": approved, "steps": [call.seq for call in calls]})
        return
    for call in calls:
        click.echo(f"{'allowed' if approved else 'refused'} {call.call}")
        if always and call.destination:
            click.echo(
                f"  from now on {call.destination} is trusted; `tools trust revoke {call.destination}` takes it back"
            )


@runs.command()
@click.argument("run_id", metavar="ID")
@click.option("--detach", is_flag=True, help="Return at once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def retry(run_id: str, detach: bool, as_json: bool) -> None:
    """Start a failed or cancelled run again, from the step it had reached."""
    runtime = load_runtime()
    with connect(runtime.database_url) as conn:
        found = _find(conn, run_id)
    ask(runtime.database_url, Retry(run_id=found))
    if detach:
        if as_json:
            print_json({"run_id": found, "status": "queued"})
        else:
            click.echo(str(found))
        return
    show_run(runtime, found, as_json=as_json, stream=True, timeout_s=None)


def run_document(row: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `runs show --json` prints."""
    return {
        **answer_document(row),
        "question": row["question"],
        "attempt": row["attempt"],
        "resumed": int(row["resumed"]),
        "error": row["error"],
        "created_at": row["created_at"],
        "finished_at": row["finished_at"],
        "steps": [
            {
                "seq": step["seq"],
                "kind": step["kind"],
                "status": step["status"],
                "attempt": step["attempt"],
                "started_at": step["started_at"],
                "finished_at": step["finished_at"],
                "detail": {
                    **step["detail"],
                    **({"cost_usd": step["cost_usd"]} if step["cost_usd"] else {}),
                    **({"last_error": step["error"]} if step["error"] else {}),
                },
            }
            for step in steps
        ],
    }


def _find(conn: Connection, wanted: str) -> RunId:
    return RunId(find_one(conn, queries.load("reasoning").find_run, "run", wanted))


def _took(step: Mapping[str, Any]) -> str:
    if step["finished_at"] is None:
        return "…"
    return f"{(step['finished_at'] - step['started_at']).total_seconds():.2f} s"


def _detail(step: Mapping[str, Any]) -> str:
    parts = [f"attempt {step['attempt']}"] if step["attempt"] > 1 else []
    detail = step["detail"]
    if step["kind"] == "recall" and "memories" in detail:
        parts.append(counted(detail["memories"], "memory"))
    if step["kind"] == "act":
        # Whole where the user has to decide on it, in short where it is history.
        most = sys.maxsize if step["status"] == "waiting" else 80
        parts.append(describe_call(detail, most=most))
    parts += [str(detail[name]) for name in ("provider", "model", "reason") if detail.get(name)]
    if step["kind"] == "act" and "characters" in detail:
        parts.append(f"{detail['characters']} characters")
    if spent := _spent([step]):
        parts.append(spent)
    if "rejected" in detail:
        parts.append(f"not what was asked for: {detail['rejected']}")
    parts += [f"degraded: {trouble}" for trouble in detail.get("degraded", ())]
    return " · ".join(parts)


def _spent(steps: Sequence[Mapping[str, Any]]) -> str:
    """Tokens read and written, and what they cost where the price is known."""
    usages = [usage for step in steps if (usage := step["detail"].get("usage"))]
    if not usages:
        return ""
    read, written = (sum(int(usage.get(name) or 0) for usage in usages) for name in ("input_tokens", "output_tokens"))
    about = "about " if any(usage.get("estimated") for usage in usages) else ""
    cost = sum(step["detail"].get("cost_usd") or 0.0 for step in steps)
    return f"{about}{read} → {written} tokens" + (f" · ${cost:.4f}" if cost else "")
