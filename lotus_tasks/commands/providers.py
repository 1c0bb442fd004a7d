"""What is asked of the providers: how they are, and what models there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lotus_tasks.commands.codec import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCheck:
    """Whether a provider would serve. ``reachable`` None: it wasn't asked."""

    name: str
    kind: str
    configured: bool
    reachable: bool | None
    detail: str
    model: str | None
    latency_ms: float | None
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderChecks:
    """Each provider that was asked."""

    providers: tuple[ProviderCheck, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckProviders(Command[ProviderChecks]):
    """Ask every provider, or the one of this name, whether it would serve."""

    verb: ClassVar[str] = "providers.check"
    provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedModel:
    """A model that a provider offers."""

    name: str
    context_tokens: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsOffered:
    """The models of one provider, or why it doesn't tell."""

    provider: str
    models: tuple[OfferedModel, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedModels:
    """The models of each provider that was asked."""

    providers: tuple[ModelsOffered, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListModels(Command[OfferedModels]):
    """The models that each provider offers, or the one of this name."""

    verb: ClassVar[str] = "providers.models"
    provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What was downloaded."""

    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull(Command[Pulled]):
    """Download a model into Ollama."""

    verb: ClassVar[str] = "providers.pull"
    model: str
