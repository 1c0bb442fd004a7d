"""Which providers to ask for a request, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lotus_tasks.errors import InvalidInput
from lotus_tasks.providers.models import (
    OFFLINE,
    Among,
    CompletionRequest,
    FailureKind,
    ModelName,
    ModelRefusal,
    ProviderName,
    ProviderRow,
)
from lotus_tasks.providers.service.locality import is_here

Rows = Mapping[ProviderName, ProviderRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A provider to ask. ``model`` "" means the provider's own default."""

    provider: ProviderName
    model: ModelName


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whom to ask, best first, and who was passed over although the user asked for it, with the reason."""

    candidates: tuple[Candidate, ...]
    passed_over: tuple[str, ...] = ()


def choose(request: CompletionRequest, rows: Rows, order: Sequence[ProviderName]) -> Choice:
    """The candidates for ``request``.

    An asked-for provider is the only one that may see the prompt: it may be private, so nothing but the offline provider
    stands in for it. An asked-for model goes first to the providers that list it, else to the first one; the ones after it
    use their own. ``request.among`` leaves out the offline provider, or every provider that is not on this machine; nothing
    stands in for those that are left. A provider that isn't configured, or has no eyes for the request's images, is left out;
    one whose key can't be one is named, for somebody meant to use it. To one that can't call tools they are described (see
    describing.py).
    Raises InvalidInput for a provider that doesn't exist.
    """
    if request.provider is not None and request.provider not in rows:
        raise InvalidInput(f"there is no provider {request.provider!r}; there are: {', '.join(rows)}")
    passed_over: list[str] = []
    usable: list[ProviderName] = []
    for name in _wanted(request, order):
        reason = _unfit(rows[name], request)
        if reason is None:
            usable.append(name)
        elif rows[name].configured or rows[name].api_key or name == request.provider:
            passed_over.append(f"{name}: {reason}")
    if request.model is not None and request.provider is None:
        usable.sort(key=lambda name: request.model not in rows[name].models)
    return Choice(
        candidates=tuple(
            Candidate(provider=name, model=_model(rows[name], request, first=index == 0))
            for index, name in enumerate(usable)
        ),
        passed_over=tuple(passed_over),
    )


def with_model(
    choice: Choice, request: CompletionRequest, offers: Mapping[ProviderName, bool | None], rows: Rows
) -> Choice:
    """The choice with the asked-for model at the providers that have it, which go first; else at the first that doesn't tell.

    ``offers``: whether a provider that is there has the model, None where it doesn't tell. Raises ModelRefusal where all say that
    they haven't, or where none is there; the offline provider has no model but when it was asked for itself.
    """
    wanted = request.model
    asked = [candidate.provider for candidate in choice.candidates if candidate.provider in offers]
    if wanted is None or request.provider == OFFLINE or (not asked and choice.passed_over):
        return choice
    having = [name for name in asked if offers[name]] or [name for name in asked if offers[name] is None][:1]
    if not having:
        raise unknown_model(wanted, request.provider)
    others = [candidate for candidate in choice.candidates if candidate.provider not in having]
    return replace(
        choice,
        candidates=(
            *(Candidate(provider=name, model=wanted) for name in having),
            *(replace(one, model=rows[one.provider].model) for one in others),
        ),
    )


def unknown_model(wanted: ModelName, provider: ProviderName | None) -> ModelRefusal:
    """What is said of an asked-for model that ``provider``, or none at all, has."""
    said = f"{provider or 'no provider'} has {'no' if provider else 'a'} model {wanted}"
    hint = f"`manage.py providers models{f' {provider}' if provider else ''}` lists what there is"
    return ModelRefusal(FailureKind.UNKNOWN_MODEL, f"unknown model {wanted}", f"{said}; {hint}")


def _wanted(request: CompletionRequest, order: Sequence[ProviderName]) -> list[ProviderName]:
    if request.provider is None:
        return list(order)
    return [request.provider] + [name for name in order if name == OFFLINE and name != request.provider]


def _unfit(row: ProviderRow, request: CompletionRequest) -> str | None:
    if not row.configured:
        return f"not configured ({row.missing})"
    if request.among is Among.LOCAL and not is_here(row):
        return "not on this machine"
    if row.name == OFFLINE:
        return None if request.among is Among.ALL else "no model"
    if request.needs_images and not row.takes_images:
        return "takes no images"
    return None


def _model(row: ProviderRow, request: CompletionRequest, *, first: bool) -> ModelName:
    if row.name != OFFLINE and request.model is not None and (first or request.model in row.models):
        return request.model
    return row.model
