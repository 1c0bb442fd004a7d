"""Reads provider rows from the document of providers.toml. Pure; every wrong value is named with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.providers.models import OFFLINE, Limits, ModelName, Price, ProviderKind, ProviderName, ProviderRow

_KINDS = tuple(kind.value for kind in ProviderKind if kind is not ProviderKind.OFFLINE)

_PRICES = ("input_usd", "output_usd")
_COUNTS = ("concurrent_calls", "tokens_per_minute")
_LIMITS = (*_COUNTS, "daily_usd")


def _is_text(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.match(pattern, value) is not None


def _is_whole(value: Any, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _are_numbers(value: Any, names: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and all(
        name in names and isinstance(number, int | float) and not isinstance(number, bool) and number >= 0
        for name, number in value.items()
    )


_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (
        lambda value: _is_text(r"[a-z][a-z0-9_-]{0,30}$")(value) and value != OFFLINE,
        f"a short name in lower case, not {OFFLINE}",
    ),
    "kind": (lambda value: value in _KINDS, f"one of {', '.join(_KINDS)}"),
    "base_url": (_is_text(r"https?://[^\s/]+"), "a URL: http://host:port or https://…"),
    "key_variable": (
        _is_text(r"[A-Z][A-Z0-9_]*$"),
        "the name of a variable in the environment or .env, never the key itself",
    ),
    "model": (_is_text(r"\S"), "a model's name"),
    "models": (
        lambda value: isinstance(value, list) and all(map(_is_text(r"\S"), value)),
        "a list of models' names",
    ),
    "context_tokens": (lambda value: _is_whole(value, least=256), "a whole number above 255"),
    "keep_alive": (
        _is_text(r"-?\d+(?:s|m|h)?$"),
        "a time such as 30m or 24h; -1 keeps the model for good (Ollama only)",
    ),
    "takes_tools": (lambda value: isinstance(value, bool), "true or false"),
    "takes_images": (lambda value: isinstance(value, bool), "true or false"),
    "price": (
        lambda value: _are_numbers(value, _PRICES),
        "{ input_usd = …, output_usd = … }, in US dollars for a million tokens",
    ),
    "prices": (
        lambda value: isinstance(value, dict) and all(_are_numbers(price, _PRICES) for price in value.values()),
        '{ "a model" = { input_usd = …, output_usd = … } }, where a model costs something else than price',
    ),
    "limits": (
        lambda value: (
            _are_numbers(value, _LIMITS) and all(_is_whole(value[name], least=1) for name in _COUNTS if name in value)
        ),
        "{ concurrent_calls = …, tokens_per_minute = …, daily_usd = … }",
    ),
}
"""Each field, whether a value is right, and what is allowed."""


def read_rows(
    document: Mapping[str, Any], known: Iterable[ProviderRow], *, place: str = "providers.toml"
) -> tuple[ProviderRow, ...]:
    """``known`` with the rows of ``document`` laid over them by name; new names come after them.

    Raises ConfigurationError, a line for every wrong value.
    """
    complaints: list[str] = [
        f"{place}: {name} isn't known; rows are written as [[provider]]" for name in document if name != "provider"
    ]
    rows = {row.name: row for row in known}
    entries = document.get("provider", [])
    if not isinstance(entries, list):
        raise ConfigurationError(f"{place}: rows are written as [[provider]], with two brackets")
    for number, entry in enumerate(entries, start=1):
        where = f"{place}: provider {number}" + (f" ({entry['name']})" if "name" in entry else "")
        wrong = _complaints(entry, rows)
        complaints += [f"{where}: {complaint}" for complaint in wrong]
        if not wrong:
            name = ProviderName(entry["name"])
            row = rows[name] = _lay_over(rows.get(name), entry)
            if row.limits.daily_usd is not None and row.price == Price() and not row.prices:
                complaints.append(f"{where}: limits has daily_usd, but without a price nothing costs anything")
    if complaints:
        raise ConfigurationError("\n".join(complaints))
    return tuple(rows.values())


def _complaints(entry: Mapping[str, Any], rows: Mapping[ProviderName, ProviderRow]) -> list[str]:
    found = [f"{name} isn't known; there are: {', '.join(_FIELDS)}" for name in entry if name not in _FIELDS]
    for name, (is_right, allowed) in _FIELDS.items():
        if name in entry and not is_right(entry[name]):
            shown = "******" if name == "key_variable" else repr(entry[name])
            found.append(f"{name} = {shown} is wrong; allowed: {allowed}")
    if "name" not in entry:
        found.append("name is missing")
    elif entry["name"] not in rows:
        found += [f"{name} is missing" for name in ("kind", "base_url") if name not in entry]
    return found


def _lay_over(row: ProviderRow | None, entry: Mapping[str, Any]) -> ProviderRow:
    base = row or ProviderRow(name=ProviderName(entry["name"]), kind=ProviderKind(entry["kind"]))
    changes: dict[str, Any] = {name: value for name, value in entry.items() if name != "name"}
    if "kind" in changes:
        changes["kind"] = ProviderKind(changes["kind"])
    if "models" in changes:
        changes["models"] = tuple(map(ModelName, changes["models"]))
    if "price" in changes:
        changes["price"] = Price(**changes["price"])
    if "prices" in changes:
        changes["prices"] = {ModelName(model): Price(**price) for model, price in changes["prices"].items()}
    if "limits" in changes:
        changes["limits"] = Limits(**changes["limits"])
    return replace(base, **changes)
