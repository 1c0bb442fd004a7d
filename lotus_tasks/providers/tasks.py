"""The providers module's verbs, and how it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from lotus_tasks import bootstrap
from lotus_tasks.celery import command_task
from lotus_tasks.errors import Cancelled, HandBack, InvalidInput, LotusError, ServiceDown, StaleLease
from lotus_tasks.events import Event, ProviderCompleted
from lotus_tasks.infra.streams import TokenWriter
from lotus_tasks.manifest import HealthReport
from lotus_tasks.providers.adapters import catalogue
from lotus_tasks.providers.adapters.breakers import RedisBreakers
from lotus_tasks.providers.adapters.ledger import record_calls
from lotus_tasks.providers.models import CallRecord, Price, ProviderName
from lotus_tasks.providers.ports import ChatModel, TokenSink
from lotus_tasks.providers.service.breaker import BreakerPolicy
from lotus_tasks.providers.service.checking import check_all, summarise
from lotus_tasks.providers.service.completion import CompletionService
from lotus_tasks.providers.service.generations import SilentSink
from lotus_tasks.providers.service.payloads import read_request, write_result, write_status
from lotus_tasks.providers.service.retry import RetryPolicy
from lotus_tasks.settings import Settings, load_settings
from lotus_tasks.work import Outcome, Work

log = structlog.get_logger("lotus.providers")


@bootstrap.per_process
def settings() -> Settings:
    """The settings, with the keys: they stay in this process."""
    return load_settings()


@bootstrap.per_process
def models() -> dict[ProviderName, ChatModel]:
    """The providers of this process."""
    return catalogue.chat_models(settings())


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
        breakers=RedisBreakers(bootstrap.redis_client(), BreakerPolicy()),
    )


@command_task("providers.complete")
def complete(work: Work) -> Outcome:
    """Complete a prompt; tokens go to the run's stream, the answer into the result."""
    request = read_request(work.payload)
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
    return Outcome(
        result=write_result(completion),
        events=events,
        write=lambda tx: record_calls(tx.conn, work.command_id, calls, prices()),
    )


@command_task("providers.check")
def check(work: Work) -> Outcome:
    """Ask every provider, or the one named ``provider``, whether it would serve."""
    wanted = work.payload.get("provider")
    if wanted is not None and wanted not in models():
        raise InvalidInput(f"there is no provider {wanted!r}; there are: {', '.join(models())}")
    chosen = [models()[wanted]] if wanted is not None else preferred()
    return Outcome(result={"providers": [write_status(status) for status in check_all(chosen)]})


def check_health() -> HealthReport:
    """How the module is: ok while the first provider that was set up answers; the offline provider alone is ok, too."""
    statuses = check_all(preferred())
    status, detail = summarise(statuses)
    return HealthReport(status=status, detail=detail, facts={"providers": [write_status(one) for one in statuses]})


def prices() -> dict[ProviderName, Price]:
    """What each provider's tokens cost."""
    return {name: model.row.price for name, model in models().items()}


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


def _record_lost(work: Work, calls: Sequence[CallRecord]) -> None:
    """The calls of a completion that gave no answer were made, and paid for, all the same."""
    if not calls:
        return
    try:
        with bootstrap.database().transaction() as conn:
            record_calls(conn, work.command_id, calls, prices())
    except ServiceDown as error:
        log.warning("calls not recorded", reason=str(error), calls=len(calls))


def _sink(work: Work) -> TokenSink:
    if work.run_id is None or not work.payload.get("stream", True):
        return SilentSink()
    return TokenWriter(bootstrap.redis_client(), work.run_id, fence=work.fence)
