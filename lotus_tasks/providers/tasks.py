"""The providers module's verbs, and how it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from lotus_tasks import bootstrap
from lotus_tasks.commands import codec
from lotus_tasks.commands.providers import (
    CheckProviders,
    ListModels,
    ModelsOffered,
    OfferedModels,
    ProviderChecks,
    Pull,
    Pulled,
)
from lotus_tasks.errors import (
    Cancelled,
    HandBack,
    InvalidInput,
    LotusError,
    Permanent,
    ServiceDown,
    StaleLease,
    Transient,
)
from lotus_tasks.events import Event, ProviderCompleted
from lotus_tasks.manifest import HealthReport
from lotus_tasks.providers.adapters import catalogue
from lotus_tasks.providers.adapters.breakers import RedisBreakers
from lotus_tasks.providers.adapters.findings import StoredFindings
from lotus_tasks.providers.adapters.ledger import record_calls, spent_usd
from lotus_tasks.providers.adapters.limits import SharedMeter
from lotus_tasks.providers.adapters.ollama import OllamaChatModel
from lotus_tasks.providers.models import (
    CallRecord,
    FailureKind,
    ModelName,
    ModelUnavailable,
    ProviderName,
    ProviderRow,
    TimeLimits,
)
from lotus_tasks.providers.ports import ChatModel, TokenSink
from lotus_tasks.providers.service.breaker import BreakerPolicy
from lotus_tasks.providers.service.checking import check_all, summarise
from lotus_tasks.providers.service.completion import CompletionService
from lotus_tasks.providers.service.generations import SilentSink
from lotus_tasks.providers.service.locality import is_here
from lotus_tasks.providers.service.payloads import (
    progress_lines,
    read_request,
    read_then,
    write_model,
    write_result,
    write_status,
)
from lotus_tasks.providers.service.pricing import cost_usd
from lotus_tasks.providers.service.retry import RetryPolicy
from lotus_tasks.providers.service.watching import CallWatch
from lotus_tasks.settings import Settings, load_settings
from lotus_tasks.spine.streams import TokenWriter
from lotus_tasks.values import RunId
from lotus_tasks.work import CommandSpec, Outcome, Work
from lotus_tasks.worker.task import command_task, plain_task

log = structlog.get_logger("lotus.providers")


@bootstrap.per_process
def settings() -> Settings:
    """The settings, with the keys: they stay in this process."""
    return load_settings()


@bootstrap.per_process
def findings() -> StoredFindings:
    """What all workers know of models."""
    return StoredFindings(lambda: bootstrap.database().statement())


@bootstrap.per_process
def models() -> dict[ProviderName, ChatModel]:
    """The providers of this process."""
    return catalogue.chat_models(settings(), findings())


def find_model(name: str) -> ChatModel:
    """The provider of this name. Raises InvalidInput."""
    if name not in models():
        raise InvalidInput(f"there is no provider {name!r}; there are: {', '.join(models())}")
    return models()[ProviderName(name)]


def preferred() -> list[ChatModel]:
    """The providers of the order of preference."""
    return [models()[name] for name in catalogue.order(settings())]


@bootstrap.per_process
def completions() -> CompletionService:
    """The service of this process."""
    return CompletionService(
        models=models(),
        order=catalogue.order(settings()),
        limits=catalogue.time_limits(settings()),
        retry=RetryPolicy(),
        outage=catalogue.outage_policy(settings()),
        breakers=RedisBreakers(bootstrap.redis_client(), BreakerPolicy()),
        findings=findings(),
        meter=SharedMeter(bootstrap.redis_client(), _spent_since),
    )


@plain_task("providers.complete")
def complete(work: Work) -> Outcome[Any]:
    """Complete a prompt; tokens go to the run's stream, the answer into the result.

    Whoever asks without a run names in ``then`` the task to be told: it gets ``command_id``, in the transaction that keeps the
    answer. A completion that fails tells nobody; its command says so to whoever looks.
    """
    request = read_request(work.payload)
    then = read_then(work.payload, bootstrap.served_tasks())
    calls: list[CallRecord] = []
    try:
        completion = completions().complete(
            request, sink=_sink(work), interrupt=interruption(work), record=calls.append
        )
    except LotusError:
        _record_lost(work, calls)
        raise
    events: list[Event] = []
    if work.run_id is not None:
        events.append(ProviderCompleted(run_id=work.run_id, command_id=work.command_id))
    cost = sum(cost_usd(call, rows()[call.provider].price_of(call.model)) for call in calls)
    return Outcome(
        result={**write_result(completion), "cost_usd": round(cost, 8)},
        events=events,
        commands=_follow_up(work, then),
        write=lambda tx: record_calls(tx.conn, work.command_id, calls, rows()),
    )


@command_task(CheckProviders)
def check(asked: CheckProviders, _work: Work) -> Outcome[ProviderChecks]:
    """Ask every provider, or the one named ``provider``, whether it would serve."""
    chosen = [find_model(asked.provider)] if asked.provider else preferred()
    return Outcome(result=ProviderChecks(providers=tuple(map(write_status, check_all(chosen)))))


@command_task(ListModels)
def list_models(asked: ListModels, _work: Work) -> Outcome[OfferedModels]:
    """The models that each provider offers, or the one named ``provider``; ``error`` where one doesn't tell."""
    chosen = [find_model(asked.provider)] if asked.provider else preferred()
    found = []
    for model in chosen:
        if not model.row.configured or not model.is_present():
            continue
        try:
            offered, error = model.list_models(), ""
        except (Transient, Permanent) as failure:
            offered, error = (), str(failure)
        found.append(ModelsOffered(provider=model.row.name, models=tuple(map(write_model, offered)), error=error))
    return Outcome(result=OfferedModels(providers=tuple(found)))


@command_task(Pull)
def pull(asked: Pull, work: Work) -> Outcome[Pulled]:
    """Download ``model`` into Ollama; progress goes to the stream of this command's id as notices."""
    wanted = ModelName(asked.model)
    chosen = next((model for model in models().values() if isinstance(model, OllamaChatModel)), None)
    if chosen is None:
        raise InvalidInput("no provider of kind ollama is set up; only Ollama downloads models")
    limits = TimeLimits(first_token_s=60.0, between_tokens_s=120.0, overall_s=24 * 3600.0)
    watch = CallWatch(provider=chosen.row.name, limits=limits, interrupt=interruption(work))
    run_id = RunId(work.command_id)
    writer = TokenWriter(bootstrap.redis_client(), run_id, command_id=work.command_id, fence=work.fence)
    status = ""
    for line in progress_lines(chosen.pull(wanted, watch=watch)):
        writer.notice(line)
        status = line
    if status != "success":
        raise ModelUnavailable(
            FailureKind.CUT, "cut", f"the download of {wanted} ended too early ({status or 'no word'})"
        )
    return Outcome(result=Pulled(model=wanted))


def check_health() -> HealthReport:
    """How the module is: ok while the first provider that was set up answers; the offline provider alone is ok, too."""
    statuses = check_all(preferred())
    status, detail = summarise(statuses)
    listed = [codec.write(write_status(one)) | {"local": is_here(find_model(one.name).row)} for one in statuses]
    return HealthReport(status=status, detail=detail, facts={"providers": listed})


def rows() -> dict[ProviderName, ProviderRow]:
    """The providers' settings."""
    return {name: model.row for name, model in models().items()}


def interruption(work: Work) -> Callable[[], None]:
    """Raises when ``work`` must not go on."""

    def look() -> None:
        if work.cancelled():
            raise Cancelled("the run was cancelled")
        if not work.is_current():
            raise StaleLease("another worker took this completion over")
        if work.stopping():
            raise HandBack("the worker is stopping")

    return look


def _spent_since(provider: ProviderName, since: datetime) -> float:
    with bootstrap.database().transaction() as conn:
        return spent_usd(conn, provider, since=since)


def _record_lost(work: Work, calls: Sequence[CallRecord]) -> None:
    """The calls of a completion that gave no answer were made, and paid for, all the same."""
    if not calls:
        return
    try:
        with bootstrap.database().transaction() as conn:
            record_calls(conn, work.command_id, calls, rows())
    except ServiceDown as error:
        log.warning("calls not recorded", reason=str(error), calls=len(calls))


def _follow_up(work: Work, then: str | None) -> list[CommandSpec]:
    if then is None:
        return []
    told = {"command_id": str(work.command_id)}
    return [CommandSpec(name=then, key=f"{work.command_id}>{then}", payload=told)]


def _sink(work: Work) -> TokenSink:
    if work.run_id is None or not work.payload.get("stream", True):
        return SilentSink()
    return TokenWriter(bootstrap.redis_client(), work.run_id, command_id=work.command_id, fence=work.fence)
