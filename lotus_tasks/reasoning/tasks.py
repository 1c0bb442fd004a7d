"""When reasoning runs: each time something happened to a run, and when the user says something about one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lotus_tasks import bootstrap
from lotus_tasks.commands.codec import Nothing
from lotus_tasks.commands.reasoning import (
    Advance,
    Answer,
    FollowUp,
    GiveUpWaiting,
    Retry,
    RunsStarted,
    StartDue,
    StepsAnswered,
    Summarise,
)
from lotus_tasks.errors import InvalidInput, ServiceDown
from lotus_tasks.events import CommandFailed
from lotus_tasks.manifest import HealthReport, ToolCard
from lotus_tasks.reasoning.adapters.conversations import PostgresConversations
from lotus_tasks.reasoning.adapters.postgres import PostgresRunStore
from lotus_tasks.reasoning.adapters.schedules import PostgresSchedules
from lotus_tasks.reasoning.adapters.schema_check import read_answer_apart
from lotus_tasks.reasoning.adapters.subscriptions import PostgresSubscriptions
from lotus_tasks.reasoning.models import Decision, Reply, StepEnded, StepFailed
from lotus_tasks.reasoning.service import decide
from lotus_tasks.reasoning.service.limiting import limits_of
from lotus_tasks.reasoning.tools import mcp_troubles
from lotus_tasks.spine import queries
from lotus_tasks.spine.streams import TokenWriter
from lotus_tasks.values import CommandId, RunId, utc_now
from lotus_tasks.work import Outcome, Transaction, Work
from lotus_tasks.worker.task import command_task


@command_task(Advance)
def advance(ended: Advance, work: Work) -> Outcome[Nothing]:
    """Carry a run on after one of its commands ended. The run is locked for one short transaction; no network is used."""
    news: list[tuple[str, str]] = []
    tools = _tools_for(ended.command_id)

    def write(tx: Transaction) -> None:
        store = PostgresRunStore()
        run = store.lock(tx, ended.run_id, tools)
        step = next((step for step in run.steps if step.command_id == ended.command_id), None) if run else None
        if run is None or step is None:
            PostgresConversations().take_summary(tx, ended.command_id)
            return
        if ended.event == CommandFailed.name:
            decision = decide(run, StepFailed(step=step, reason=ended.reason, unknown=ended.unknown))
        else:
            decision = decide(run, StepEnded(step=step, result=step.result), reader=read_answer_apart)
        store.save(tx, run, decision)
        news.append(("step", step.kind))
        news.extend(_news(decision))

    return Outcome(write=write, after=lambda: _announce(ended.run_id, work, news))


def _tools_for(command_id: CommandId) -> tuple[ToolCard, ...]:
    """The tools there are. A server whose tool was offered and is called is waited for: this worker may have just begun."""
    tools = bootstrap.tool_cards()
    with bootstrap.database().statement() as conn:
        called = conn.execute(queries.load("reasoning").called_tools, {"command_id": command_id}).fetchall()
    missing = {row["name"] for row in called} - {card.name for card in tools}
    if not missing:
        return tools
    return bootstrap.tool_cards(wanted=sorted(missing))


@command_task(Answer)
def answer(said: Answer, work: Work) -> Outcome[StepsAnswered]:
    """The user's yes or no to what a run asks: to the ``steps`` they were shown, and to nothing that came since."""
    news: list[tuple[str, str]] = []
    tools = bootstrap.tool_cards()

    def write(tx: Transaction) -> StepsAnswered:
        reply = Reply(approved=said.approved, always=said.always, steps=frozenset(said.steps))
        decisions = PostgresRunStore().answer(tx, said.run_id, tools, reply)
        for decision in decisions:
            news.extend(_news(decision))
        return StepsAnswered(answered=len(decisions))

    return Outcome(write=write, after=lambda: _announce(said.run_id, work, news))


@command_task(Summarise)
def summarise(asked: Summarise, _work: Work) -> Outcome[Nothing]:
    """Put a conversation's older turns into its summary: by rule at once, and by a model when it has answered."""

    def write(tx: Transaction) -> None:
        PostgresConversations().summarise(tx, asked)

    return Outcome(write=write)


@command_task(Retry)
def retry(asked: Retry, _work: Work) -> Outcome[Nothing]:
    """Start a failed or cancelled run again, from the step it had reached."""
    tools = bootstrap.tool_cards()

    def write(tx: Transaction) -> None:
        if not PostgresRunStore().restart(tx, asked.run_id, tools):
            raise InvalidInput(
                f"run {str(asked.run_id)[:8]} did not fail and was not cancelled; there is nothing to retry"
            )

    return Outcome(write=write)


@command_task(GiveUpWaiting)
def give_up_waiting(_asked: GiveUpWaiting, _work: Work) -> Outcome[Nothing]:
    """Say no to what the user has left unanswered for LOTUS_APPROVAL_TIMEOUT_S."""
    limit_s = float(bootstrap.runtime().setting("LOTUS_APPROVAL_TIMEOUT_S"))
    tools = bootstrap.tool_cards()

    def write(tx: Transaction) -> None:
        late = tx.conn.execute(queries.load("reasoning").waiting_too_long, {"limit_s": limit_s}).fetchall()
        reply = Reply(approved=False, reason=f"nobody answered within {limit_s:g} s")
        for row in late:
            PostgresRunStore().answer(tx, RunId(row["run_id"]), tools, reply)

    return Outcome(write=write)


@command_task(StartDue)
def start_due(_asked: StartDue, _work: Work) -> Outcome[RunsStarted]:
    """Start the runs that the user's schedules say."""

    def write(tx: Transaction) -> RunsStarted:
        return RunsStarted(started=len(PostgresSchedules(tx.conn, limits=_limits()).start_due(now=utc_now())))

    return Outcome(write=write)


@command_task(FollowUp)
def follow_up(published: FollowUp, _work: Work) -> Outcome[RunsStarted]:
    """Start the runs that the user's subscriptions ask for after an event."""

    def write(tx: Transaction) -> RunsStarted:
        subscriptions = PostgresSubscriptions(tx.conn, limits=_limits())
        return RunsStarted(started=len(subscriptions.follow_up(published.event_id, now=utc_now())))

    return Outcome(write=write)


def _limits() -> Mapping[str, Any]:
    return limits_of(bootstrap.runtime().setting)


def _news(decision: Decision) -> Sequence[tuple[str, str]]:
    news = [("notice", _use(step.detail)) for step in decision.steps if step.kind == "act" and step.status == "running"]
    news += [("notice", _use(release.command.payload)) for release in decision.releases]
    if decision.waits:
        news.append(("wait", ""))
    if decision.conclusion is not None:
        news.append(("end", ""))
    return news


def _use(call: Mapping[str, Any]) -> str:
    arguments = " ".join(" ".join(str(value).split()) for value in call["arguments"].values())
    return f"using {call['tool']} {arguments[:60]}".rstrip() + ("…" if len(arguments) > 60 else "")


def _announce(run_id: RunId, work: Work, news: Sequence[tuple[str, str]]) -> None:
    writer = TokenWriter(bootstrap.redis_client(), run_id, command_id=work.command_id, fence=work.fence)
    for kind, text in news:
        match kind:
            case "end":
                writer.end()
            case "wait":
                writer.wait()
            case "notice":
                writer.notice(text)
            case _:
                writer.step(text)


def check_health() -> HealthReport:
    """Whether runs can be read, and whether the MCP servers work."""
    try:
        with bootstrap.database().transaction() as conn:
            conn.execute(queries.load("reasoning").counted)
    except ServiceDown as error:
        return HealthReport(status="down", detail=str(error))
    troubles = mcp_troubles()
    return HealthReport(status="degraded" if troubles else "ok", detail="; ".join(troubles))
