"""An adapter's own fault is that provider's fault: the next one answers."""

from __future__ import annotations

import structlog

from lotus_tasks.errors import LotusError
from lotus_tasks.providers.models import FailureKind, ModelUnavailable, ProviderName
from lotus_tasks.providers.ports import ChatModel

log = structlog.get_logger("lotus.providers")


def failure_of(provider: ProviderName, error: Exception) -> LotusError:
    """``error`` as what a completion knows; one that nobody foresaw is logged with its traceback, and may pass."""
    if isinstance(error, LotusError):
        return error
    summary = f"unexpected {type(error).__name__}"
    log.warning("a provider's adapter failed", provider=provider, exc_info=error)
    return ModelUnavailable(FailureKind.SERVER_FAULT, summary, f"{provider}: {summary}: {error}")


def is_present(model: ChatModel) -> bool:
    """Whether the provider is there. One that can't even tell is asked, and says why."""
    try:
        return model.is_present()
    except Exception as error:  # noqa: BLE001 - whatever an adapter does, the run goes on
        failure_of(model.row.name, error)
        return True


def resting(provider: ProviderName, blocked_s: float) -> ModelUnavailable:
    """What its breaker says of a provider that isn't asked."""
    summary = f"resting {blocked_s:.0f} s after repeated failures"
    return ModelUnavailable(FailureKind.SERVER_FAULT, summary, f"{provider}: {summary}", retry_after_s=blocked_s)
