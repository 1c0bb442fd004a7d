"""Which providers there are, from the settings: rows first, then an adapter for each row's kind."""

from __future__ import annotations

from lotus_tasks.providers.adapters.offline import OfflineChatModel
from lotus_tasks.providers.models import OFFLINE, ModelName, ProviderKind, ProviderName, ProviderRow, TimeLimits
from lotus_tasks.providers.ports import ChatModel
from lotus_tasks.settings import Settings


def time_limits(settings: Settings) -> TimeLimits:
    """How long a call may take."""
    return TimeLimits(
        first_token_s=settings.lotus_first_token_timeout_s,
        between_tokens_s=settings.lotus_token_timeout_s,
        overall_s=settings.lotus_total_timeout_s,
    )


def order(settings: Settings) -> tuple[ProviderName, ...]:
    """The order of preference."""
    return tuple(map(ProviderName, settings.lotus_providers))


def rows(settings: Settings) -> tuple[ProviderRow, ...]:
    """Every provider but the offline one, configured or not."""
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    has_server = "openai_base_url" in settings.model_fields_set
    return (
        ProviderRow(
            name=ProviderName("openai"),
            kind=ProviderKind.OPENAI,
            base_url=settings.openai_base_url,
            api_key=key,
            key_variable="OPENAI_API_KEY",
            # A server of one's own has models of its own: the first it lists, unless one is named.
            model=ModelName(
                ""
                if has_server and "lotus_openai_model" not in settings.model_fields_set
                else settings.lotus_openai_model
            ),
            context_tokens=128_000,
            missing="" if key or has_server else "OPENAI_API_KEY or OPENAI_BASE_URL isn't set",
        ),
        ProviderRow(
            name=ProviderName("ollama"),
            kind=ProviderKind.OLLAMA,
            base_url=settings.ollama_host,
            model=ModelName(settings.lotus_ollama_model or ""),
            context_tokens=8192,
        ),
    )


def chat_models(settings: Settings) -> dict[ProviderName, ChatModel]:
    """An adapter for every provider, those of the order of preference first.

    One that isn't in the order can still be asked for by name. No vendor's SDK is imported before its first call.
    """
    limits = time_limits(settings)
    wanted = order(settings)
    found = rows(settings)
    models = {row.name: _adapter(row, settings, limits) for row in found}
    configured = any(row.configured and row.name in wanted and _asked_for(row, settings) for row in found)
    models[OFFLINE] = OfflineChatModel(others_configured=configured)
    return {name: models[name] for name in (*wanted, *(name for name in models if name not in wanted))}


def _asked_for(row: ProviderRow, settings: Settings) -> bool:
    if row.kind is not ProviderKind.OLLAMA:
        return True
    return bool({"ollama_host", "lotus_ollama_model"} & settings.model_fields_set)


def _adapter(row: ProviderRow, settings: Settings, limits: TimeLimits) -> ChatModel:
    match row.kind:
        case ProviderKind.OLLAMA:
            from lotus_tasks.providers.adapters.ollama import OllamaChatModel

            return OllamaChatModel(row, asked_for=_asked_for(row, settings), connect_s=limits.connect_s)
        case ProviderKind.OPENAI:
            from lotus_tasks.providers.adapters.openai import OpenAIChatModel

            return OpenAIChatModel(row, connect_s=limits.connect_s)
        case _:
            raise ValueError(f"no adapter for {row.kind}")
