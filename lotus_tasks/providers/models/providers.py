"""What a provider is: its row of settings, its limits, its health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

ProviderName = NewType("ProviderName", str)
ModelName = NewType("ModelName", str)

OFFLINE = ProviderName("offline")


class ProviderKind(StrEnum):
    """The wire format a provider speaks."""

    OLLAMA = "ollama"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens."""

    input_usd: float = 0.0
    output_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds kept across all workers; None means none."""

    concurrent_calls: int | None = None
    tokens_per_minute: int | None = None
    daily_usd: float | None = None

    @property
    def any(self) -> bool:
        """Whether there is one at all."""
        return any(limit is not None for limit in (self.concurrent_calls, self.tokens_per_minute, self.daily_usd))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRow:
    """One provider as data. A new OpenAI-compatible vendor is a new row, never a new class.

    ``keep_alive``: how long Ollama keeps the model in memory after a call, such as ``30m``; "" leaves it to Ollama.
    ``api_key`` never appears in ``repr``. ``missing`` says what has to be set before the provider can be used, or "".
    """

    name: ProviderName
    kind: ProviderKind
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    key_variable: str = ""
    model: ModelName = ModelName("")
    models: tuple[ModelName, ...] = ()
    context_tokens: int = 8192
    price: Price = Price()
    prices: Mapping[ModelName, Price] = field(default_factory=dict)
    limits: Limits = Limits()
    keep_alive: str = ""
    takes_tools: bool = True
    takes_images: bool = True
    missing: str = ""

    def price_of(self, model: ModelName) -> Price:
        """What ``model`` costs: its own price, else the provider's."""
        return self.prices.get(model, self.price)

    @property
    def configured(self) -> bool:
        """Whether everything the provider needs was given."""
        return not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """How long one call may take, in seconds."""

    connect_s: float = 5.0
    first_token_s: float = 60.0
    between_tokens_s: float = 30.0
    overall_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A model that a provider offers."""

    name: ModelName
    context_tokens: int | None = None
    size_bytes: int | None = None
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatus:
    """The health of one provider. ``reachable`` None: not asked, since it isn't configured."""

    name: ProviderName
    kind: ProviderKind
    configured: bool
    reachable: bool | None
    detail: str
    model: ModelName = ModelName("")
    latency_ms: float | None = None
    models: tuple[ModelName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProgress:
    """How far the download of a model is. ``total_bytes`` 0: this part has no size."""

    status: str
    completed_bytes: int = 0
    total_bytes: int = 0
