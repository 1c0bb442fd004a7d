"""Which providers there are: the vendors' rows, the settings and providers.toml, then an adapter for each row's kind."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.providers.adapters.connection import listens
from lotus_tasks.providers.adapters.offline import OfflineChatModel
from lotus_tasks.providers.adapters.vendors import VENDORS
from lotus_tasks.providers.models import OFFLINE, ModelName, ProviderKind, ProviderName, ProviderRow, TimeLimits
from lotus_tasks.providers.ports import ChatModel, Findings
from lotus_tasks.providers.service.outage import OutagePolicy
from lotus_tasks.providers.service.rows import read_rows
from lotus_tasks.settings import Settings, find_variable

FindVariable = Callable[[str], str]
"""The value of a variable in the environment or a .env file, "" where it isn't set."""

_SHORTEST_KEY = 8


def time_limits(settings: Settings) -> TimeLimits:
    """How long a call may take."""
    return TimeLimits(
        first_token_s=settings.lotus_first_token_timeout_s,
        between_tokens_s=settings.lotus_token_timeout_s,
        overall_s=settings.lotus_total_timeout_s,
    )


def outage_policy(settings: Settings) -> OutagePolicy:
    """How long models that are out are waited for: at most half of what a run may take, so that it still ends well."""
    return OutagePolicy(patience_s=min(settings.lotus_outage_patience_s, settings.lotus_max_run_s / 2))


def order(settings: Settings) -> tuple[ProviderName, ...]:
    """The order of preference."""
    return tuple(map(ProviderName, settings.lotus_providers))


def rows(settings: Settings, find: FindVariable = find_variable) -> tuple[ProviderRow, ...]:
    """Every provider but the offline one, configured or not.

    Raises ConfigurationError for a providers.toml that is wrong and for a name in LOTUS_PROVIDERS that no provider has.
    """
    path = Path(settings.lotus_home).expanduser() / "providers.toml"
    known = read_rows(_read_toml(path), (_from_settings(row, settings) for row in VENDORS), place=str(path))
    names = {row.name for row in known}
    strangers = [name for name in order(settings) if name not in {*names, OFFLINE}]
    if strangers:
        raise ConfigurationError(
            f"LOTUS_PROVIDERS names {', '.join(strangers)}, which no provider has; there are: "
            f"{', '.join(sorted(names))}, {OFFLINE}; {path} may add more"
        )
    return tuple(_with_key(row, settings, find) for row in known)


def chat_models(settings: Settings, findings: Findings | None = None) -> dict[ProviderName, ChatModel]:
    """An adapter for every provider, those of the order of preference first.

    One that isn't in the order can still be asked for by name. ``findings``: what all workers know of models.
    No vendor's SDK is imported before its first call.
    """
    connect_s = time_limits(settings).connect_s
    wanted = order(settings)
    found = rows(settings)
    models = {row.name: _adapter(row, settings, connect_s, findings) for row in found}
    configured = any(row.configured and row.name in wanted and _asked_for(row, settings) for row in found)
    models[OFFLINE] = OfflineChatModel(remedy="" if configured else how_to_add(found, wanted))
    return {name: models[name] for name in (*wanted, *(name for name in models if name not in wanted))}


def serving(settings: Settings, find: FindVariable = find_variable) -> list[ProviderRow]:
    """The models' providers that will be asked, in order: what was set up, and an Ollama that answers at its usual port.

    What the start, `doctor` and the offline provider say of models is decided here. Raises ConfigurationError as ``rows``.
    """
    found = {row.name: row for row in rows(settings, find)}
    wanted = [found[name] for name in order(settings) if name in found]
    return [row for row in wanted if row.configured and (_asked_for(row, settings) or listens(row.base_url))]


def how_to_add(found: Sequence[ProviderRow], wanted: Sequence[ProviderName]) -> str:
    """How to get a model where none is configured, for those of the ``found`` providers that are ``wanted``."""
    rows_by_name = {row.name: row for row in found}
    known = [rows_by_name[name] for name in wanted if name in rows_by_name]
    spoilt = [row.missing for row in known if row.api_key and row.missing]
    if spoilt:
        return f"{'; '.join(spoilt)}."
    unasked = [row.name for row in found if row.api_key and row.configured and row.name not in wanted]
    if unasked:
        return f"{unasked[0]} has a key, but LOTUS_PROVIDERS doesn't name it."
    keys = [row.key_variable for row in known if row.missing]
    ways = ["`ollama pull llama3.2`"] if any(row.kind is ProviderKind.OLLAMA for row in known) else []
    if keys:
        ways.append(f"{', '.join(keys[:-1])}{' or ' if keys[1:] else ''}{keys[-1]} in .env")
    if not ways:
        ways = ["a provider in LOTUS_PROVIDERS (docs/providers.md)"]
    return f"Add one with {' or '.join(ways)}."


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}") from error


def _from_settings(row: ProviderRow, settings: Settings) -> ProviderRow:
    match row.name:
        case "openai":
            own = (
                "openai_base_url" in settings.model_fields_set and "lotus_openai_model" not in settings.model_fields_set
            )
            # A server of one's own has models of its own: the first it lists, unless one is named.
            return replace(
                row, base_url=settings.openai_base_url, model=ModelName("" if own else settings.lotus_openai_model)
            )
        case "anthropic":
            return replace(row, base_url=settings.anthropic_base_url, model=ModelName(settings.lotus_anthropic_model))
        case "google":
            return replace(row, base_url=settings.gemini_base_url, model=ModelName(settings.lotus_google_model))
        case "ollama":
            return replace(row, base_url=settings.ollama_host, model=ModelName(settings.lotus_ollama_model or ""))
    return row


def _with_key(row: ProviderRow, settings: Settings, find: FindVariable) -> ProviderRow:
    """The row with its key, and what is missing. A key is judged by its shape only; `providers check` tries it."""
    key = find(row.key_variable) if row.key_variable else ""
    own_server = row.name == "openai" and "openai_base_url" in settings.model_fields_set
    missing = ""
    if row.key_variable and not key and not own_server:
        missing = f"{row.key_variable} isn't set"
    elif key and (len(key) < _SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key):
        missing = f"{row.key_variable} doesn't look like a key: {_SHORTEST_KEY} or more characters without spaces"
    return replace(row, api_key=key, missing=missing)


def _asked_for(row: ProviderRow, settings: Settings) -> bool:
    """Whether the user set it up. Ollama is looked for on its usual port without having been mentioned."""
    if row.name != "ollama":
        return True
    return bool({"ollama_host", "lotus_ollama_model"} & settings.model_fields_set)


def _adapter(row: ProviderRow, settings: Settings, connect_s: float, findings: Findings | None) -> ChatModel:
    match row.kind:
        case ProviderKind.OLLAMA:
            from lotus_tasks.providers.adapters.ollama import OllamaChatModel

            return OllamaChatModel(row, asked_for=_asked_for(row, settings), connect_s=connect_s)
        case ProviderKind.OPENAI:
            from lotus_tasks.providers.adapters.openai import OpenAIChatModel

            return OpenAIChatModel(row, connect_s=connect_s, findings=findings)
        case ProviderKind.ANTHROPIC:
            from lotus_tasks.providers.adapters.anthropic import AnthropicChatModel

            return AnthropicChatModel(row, connect_s=connect_s)
        case ProviderKind.GOOGLE:
            from lotus_tasks.providers.adapters.google import GoogleChatModel

            return GoogleChatModel(row, connect_s=connect_s)
        case ProviderKind.OFFLINE:
            return OfflineChatModel()
