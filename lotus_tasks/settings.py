"""Every setting of LOTUS: its name, default, and what is allowed; checked as a whole at start.

A value comes from the environment, else from LOTUS_HOME/.env, else from the project's .env, else it is the default. A
variable that the environment sets to nothing counts as not set, whatever the files say.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from lotus_tasks.dotenv import DotenvValue, parse_dotenv
from lotus_tasks.errors import ConfigurationError
from lotus_tasks.setting_types import (
    HTTP,
    ITEMS,
    PORT,
    SECONDS,
    SLOTS,
    Hours,
    HttpUrl,
    Items,
    Minutes,
    Port,
    ProviderNames,
    Seconds,
    Slots,
    ollama_url,
    split,
    url_of,
)

PROJECT = Path(__file__).resolve().parents[1]
"""The folder that holds manage.py and .env."""

INTERNAL = frozenset({"LOTUS_PROCESS", "LOTUS_TEST_LOOPBACK_ONLY", "LOTUS_TEST_CRASH_AT"})
"""Variables LOTUS and its tests set for its own processes; no settings."""

_SECRET_IN_URL = re.compile(r"(?<=://)([^:@]*):.*(?=@)", re.DOTALL)
_PLAIN_ADDRESS = re.compile(r"[\w.:/\[\]+-]*")


def setting(default: Any, meaning: str, allowed: str, **limits: Any) -> Any:
    """A field whose meaning and allowed values can be shown to a person."""
    return Field(default, description=meaning, json_schema_extra={"allowed": allowed}, **limits)


class Settings(BaseSettings):
    """The settings. A field's name is the variable's name in lower case."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=False)

    lotus_home: str = setting("~/.lotus", "Where LOTUS keeps its data, logs and secrets.", "a folder you may write")
    lotus_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "INFO", "How much the logs say.", "DEBUG, INFO, WARNING or ERROR"
    )

    lotus_database_url: Annotated[str, url_of("postgresql", "postgres")] | None = setting(
        None,
        "A PostgreSQL of yours; without it LOTUS runs its own.",
        "a URL: postgresql://user:password@host:5432/database",
    )
    lotus_redis_url: Annotated[str, url_of("redis", "rediss", "unix")] | None = setting(
        None,
        "A Redis or Valkey of yours; without it LOTUS runs its own.",
        "a URL: redis://host:6379/0, rediss://… or unix:///path",
    )
    lotus_broker_url: Annotated[str, url_of("amqp", "amqps", "redis", "rediss", "redis+socket")] | None = setting(
        None,
        "Another broker for Celery, such as RabbitMQ; without it the Redis.",
        "a URL: amqp://user:password@host:5672//, redis://…",
    )
    lotus_chroma_url: Annotated[str, url_of("http", "https", "http+unix")] | None = setting(
        None,
        "A Chroma server of yours; without it LOTUS runs its own.",
        "a URL: http://host:port, https://… or http+unix://%2Fpath%2Fto%2Fsocket",
    )
    lotus_chroma_token: SecretStr | None = setting(
        None, "The token that your Chroma, or the proxy in front of it, asks for.", "a token"
    )

    lotus_providers: ProviderNames = setting(
        ("openai", "anthropic", "google", "ollama", "offline"),
        "Which models are asked, in this order.",
        "names of providers (docs/providers.md) with commas",
    )
    openai_base_url: HttpUrl = setting("https://api.openai.com/v1", "Any OpenAI-compatible server.", HTTP)
    openai_api_key: SecretStr | None = setting(None, "Its key; a server of your own may need none.", "a key")
    lotus_openai_model: str = setting("gpt-5.4-mini", "Its model.", "a model's name", min_length=1)
    anthropic_api_key: SecretStr | None = setting(None, "The key for Claude.", "a key")
    anthropic_base_url: HttpUrl = setting("https://api.anthropic.com", "Where Claude answers.", HTTP)
    lotus_anthropic_model: str = setting("claude-haiku-5-5", "Its model.", "a model's name", min_length=1)
    gemini_api_key: SecretStr | None = setting(None, "The key for Gemini.", "a key")
    gemini_base_url: HttpUrl = setting("https://generativelanguage.googleapis.com", "Where Gemini answers.", HTTP)
    lotus_google_model: str = setting("gemini-3.8-flash", "Its model.", "a model's name", min_length=1)
    ollama_host: Annotated[str, AfterValidator(ollama_url)] = setting(
        "http://127.0.0.1:11434", "Where Ollama answers.", "host, host:port or a URL"
    )
    lotus_ollama_model: str | None = setting(
        None, "Its model; without it Ollama's first.", "a model's name", min_length=1
    )
    lotus_first_token_timeout_s: Seconds = setting(60.0, "How long a model may take to begin its answer.", SECONDS)
    lotus_token_timeout_s: Seconds = setting(30.0, "How long a model may pause within its answer.", SECONDS)
    lotus_total_timeout_s: Seconds = setting(600.0, "How long one answer of a model may take.", SECONDS)
    lotus_outage_patience_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = setting(
        25.0,
        "How long models that don't answer for now are asked again before memory is quoted in their place.",
        "seconds, from 0 to 3600",
    )

    lotus_embedder: Literal["minilm", "none"] = setting(
        "minilm", "What turns text into vectors; without one, recall goes by words.", "minilm or none"
    )
    lotus_working_minutes: Minutes = setting(
        10, "How long what was said stays in L1, the working memory of a conversation.", "whole minutes, from 1 to 1440"
    )
    lotus_working_items: Items = setting(100, "How many of a conversation's turns L1 holds.", ITEMS)
    lotus_short_term_hours: Hours = setting(
        24, "How long what was stored stays in L2, the short-term memory.", "whole hours, from 1 to 8760"
    )
    lotus_short_term_items: Items = setting(1000, "How many memories L2 holds.", ITEMS)
    lotus_consolidation_model: Literal["local", "any", "none"] = setting(
        "local",
        "Which model reads facts and tells summaries and the profile: one on this machine, the first that answers, or none.",
        "local, any or none",
    )

    lotus_flower_port: Port = setting(None, "Flower's port; 5555 or the next free one.", PORT)
    lotus_gateway_port: Port = setting(None, "The health endpoint's port; 8086 or the next free one.", PORT)

    lotus_lease_s: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] = setting(
        8.0, "How long work stays a silent worker's own before another takes it over.", "seconds, from 1 to 3600"
    )
    lotus_tool_folders: Annotated[tuple[str, ...], BeforeValidator(split)] = setting(
        (), "Folders the model's tools may read, and write after you said yes.", "folders, with commas"
    )
    lotus_approval_timeout_s: Seconds = setting(
        86_400.0, "How long a tool waits for your yes before it counts as no.", SECONDS
    )
    lotus_max_steps: Annotated[int, Field(ge=1, le=100)] = setting(
        8, "How many steps a run may take.", "a whole number from 1 to 100"
    )
    lotus_max_tokens: Annotated[int, Field(ge=1)] = setting(
        200_000, "How many tokens a run may read and write in all.", "a whole number from 1"
    )
    lotus_max_run_s: Seconds = setting(
        900.0, "How long the steps of a run may take, without the waiting for your yes.", SECONDS
    )
    lotus_max_run_usd: Annotated[float, Field(gt=0, allow_inf_nan=False)] = setting(
        1.0, "What a run may cost, where the models' prices are known.", "US dollars, more than 0"
    )
    lotus_workers: Literal["shared", "separate"] | None = setting(
        None,
        "One worker process for all queues, or one a queue; without it shared on a small machine (one core or less than 8 GB).",
        "shared or separate",
    )
    lotus_memory_concurrency: Slots = setting(
        None, "Slots of worker-memory; without it, what workers/memory.py says.", SLOTS
    )
    lotus_providers_concurrency: Slots = setting(None, "Slots of worker-providers.", SLOTS)
    lotus_perception_concurrency: Slots = setting(None, "Slots of worker-perception.", SLOTS)
    lotus_reasoning_concurrency: Slots = setting(None, "Slots of worker-reasoning.", SLOTS)
    lotus_system_concurrency: Slots = setting(None, "Slots of worker-system.", SLOTS)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the names are pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what :func:`load_configuration` gathered: it knows where each value came from."""
        return (init_settings,)

    def public(self) -> dict[str, Any]:
        """Every setting that is no secret, by its variable's name, as JSON."""
        document = self.model_dump(mode="json")
        return {
            name.upper(): document[name]
            for name in type(self).model_fields
            if not isinstance(getattr(self, name), SecretStr) and name not in SECRETS
        }


SECRETS = frozenset(name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))
"""The fields that are never written or shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The settings, and what a person should hear about them, a line each.

    ``complaints``: what is wrong. The settings have the default in its place, so that all that depends on them can be looked at,
    too; nothing may be started with them.
    """

    settings: Settings
    complaints: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings alone. Raises ConfigurationError."""
    return load_configuration(environ).settings


def find_variable(name: str, environ: Mapping[str, str] | None = None, project: Path = PROJECT) -> str:
    """A variable's value, from where settings come from; "" where it isn't set.

    For names that are settings themselves, such as the key variables of providers.toml.
    """
    environ = os.environ if environ is None else environ
    if name in environ:
        return environ[name]
    files, _ = _dotenv_files(environ, project)
    return files[name].value if name in files else ""


def load_configuration(environ: Mapping[str, str] | None = None, project: Path = PROJECT) -> Configuration:
    """The settings of this environment and its .env files.

    Raises ConfigurationError, its message one line for every wrong value (name, value, where from, what is allowed), every line
    that is no assignment, and every name that is no setting.
    """
    found = examine_configuration(environ, project)
    if found.complaints:
        raise ConfigurationError("\n".join((*found.complaints, *found.notices)))
    return found


def examine_configuration(environ: Mapping[str, str] | None = None, project: Path = PROJECT) -> Configuration:
    """The same with its complaints, raising nothing."""
    environ = os.environ if environ is None else environ
    files, complaints = _dotenv_files(environ, project)
    given = {name: found.value for name, found in files.items() if name not in environ and found.value}
    given |= {name: value for name, value in environ.items() if value}
    fields: dict[str, Any] = {field: given[field.upper()] for field in Settings.model_fields if field.upper() in given}
    try:
        settings = Settings(**fields)
    except ValidationError as error:
        # A union reports a fault for each of its types: one line a setting is enough.
        wrong = dict.fromkeys(str(fault["loc"][0]) for fault in error.errors())
        complaints += [_complaint(name, given, files, environ) for name in wrong]
        settings = Settings(**{field: value for field, value in fields.items() if field not in wrong})
    return Configuration(settings=settings, complaints=tuple(complaints), notices=tuple(_unknown(files, environ)))


def _dotenv_files(environ: Mapping[str, str], project: Path) -> tuple[dict[str, DotenvValue], list[str]]:
    """What the .env files say, and what is wrong with them."""
    found, complaints = parse_dotenv(project / ".env")
    files = dict(found)
    named_home = environ.get("LOTUS_HOME") or (files["LOTUS_HOME"].value if "LOTUS_HOME" in files else "") or "~/.lotus"
    own, more = parse_dotenv(Path(named_home).expanduser() / ".env")
    files |= {name: value for name, value in own.items() if name != "LOTUS_HOME"}
    return files, list(dict.fromkeys([*complaints, *more]))


def _hide_secret(field: str, value: str) -> str:
    """The value as it may be shown. Of an address that can't be taken apart, a part that may be a password isn't known."""
    if field in SECRETS:
        return "******"
    if not (field.endswith("_url") or field == "ollama_host") or _PLAIN_ADDRESS.fullmatch(value):
        return value
    scheme, separator, rest = value.partition("://")
    try:
        parts = urlsplit(value)
        whole = bool(separator) and (parts.port or 0) >= 0 and "@" not in parts.path
    except ValueError:
        whole = False
    if not whole or re.search(r"\s", rest):
        return f"{scheme}://******" if separator and scheme.isalnum() else "******"
    return re.sub(r"=[^&#]*", "=******", _SECRET_IN_URL.sub(r"\1:******", value))


def _complaint(
    field: str, given: Mapping[str, str], files: Mapping[str, DotenvValue], environ: Mapping[str, str]
) -> str:
    name = field.upper()
    value = _hide_secret(field, given[name])
    shown = value if len(value) <= 80 else f"{value[:77]}…"
    place = "the environment" if environ.get(name) else files[name].place
    extra = Settings.model_fields[field].json_schema_extra
    allowed = extra["allowed"] if isinstance(extra, dict) else ""
    return f"{name}={shown!r} (from {place}) is wrong; allowed: {allowed}"


def _unknown(files: Mapping[str, DotenvValue], environ: Mapping[str, str]) -> list[str]:
    known = [field.upper() for field in Settings.model_fields]
    lines = []
    for name in sorted({*files, *environ}):
        if not name.startswith("LOTUS_") or name in known or name in INTERNAL:
            continue
        place = "the environment" if name in environ else files[name].place
        # Without the prefix: it makes every name look like every other.
        endings = [other.removeprefix("LOTUS_") for other in known if other.startswith("LOTUS_")]
        nearest = difflib.get_close_matches(name.removeprefix("LOTUS_"), endings, n=1, cutoff=0.6)
        hint = f"did you mean LOTUS_{nearest[0]}?" if nearest else "settings are listed in .env.example"
        lines.append(f"{name} (from {place}) is no setting of LOTUS; {hint}")
    return lines
