"""An adapter's own fault is that provider's fault: the next one answers."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from lotus_tasks.errors import LotusError
from lotus_tasks.providers.models import OFFLINE, FailureKind, ModelName, ModelRefusal, ModelUnavailable, ProviderName
from lotus_tasks.providers.ports import ChatModel, Watch
from lotus_tasks.providers.service.choice import Choice

log = structlog.get_logger("lotus.providers")

UNEXPECTED = "unexpected fault, which `manage.py logs worker-providers` tells"
"""A fault of the program's, for a person: the log has its traceback."""


def failure_of(provider: ProviderName, error: Exception) -> LotusError:
    """``error`` as what a completion knows; one that nobody foresaw is logged with its traceback, and may pass."""
    if isinstance(error, LotusError):
        return error
    log.warning("a provider's adapter failed", provider=provider, exc_info=error)
    return ModelUnavailable(FailureKind.SERVER_FAULT, UNEXPECTED, f"{provider}: {UNEXPECTED}")


def is_present(model: ChatModel) -> bool:
    """Whether the provider is there. One that can't even tell is asked, and says why."""
    try:
        return model.is_present()
    except Exception as error:  # noqa: BLE001 - whatever an adapter does, the run goes on
        failure_of(model.row.name, error)
        return True


def who_has(
    name: ModelName, choice: Choice, models: Mapping[ProviderName, ChatModel], watch: Watch
) -> dict[ProviderName, bool | None]:
    """Which of the candidates that are there have the model ``name``; None for one that doesn't tell.

    Raises what ``watch`` raises of an interruption.
    """
    there = [models[one.provider] for one in choice.candidates if one.provider != OFFLINE]
    return {one.row.name: _has(one, name, watch) for one in there if is_present(one)}


def _has(model: ChatModel, name: ModelName, watch: Watch) -> bool | None:
    if name in {model.row.model, *model.row.models}:
        return True
    try:
        return model.offers(name, watch)
    except (ModelUnavailable, ModelRefusal):
        return None
    except LotusError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever an adapter does, the run goes on
        failure_of(model.row.name, error)
        return None


def resting(provider: ProviderName, blocked_s: float) -> ModelUnavailable:
    """What its breaker says of a provider that isn't asked."""
    summary = f"resting {blocked_s:.0f} s after repeated failures"
    return ModelUnavailable(FailureKind.SERVER_FAULT, summary, f"{provider}: {summary}", retry_after_s=blocked_s)
