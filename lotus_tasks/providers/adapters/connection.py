"""What every networked adapter shares: one client per process, a bounded health check, and remembering for a while."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Collection
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from lotus_tasks.providers.adapters.failures import scrub
from lotus_tasks.providers.adapters.interruption import watched
from lotus_tasks.providers.models import (
    ModelName,
    ModelRefusal,
    ModelUnavailable,
    ProviderRow,
    ProviderStatus,
    TimeLimits,
)
from lotus_tasks.providers.service.guarding import failure_of
from lotus_tasks.providers.service.watching import CallWatch

CHECK_S = 5.0
"""How long a provider may take to answer a health check or to list its models."""

_LIST_S = 30.0

T = TypeVar("T")


class PerProcess(Generic[T]):
    """A value made at first use in each process, by one thread: an HTTP client must not cross a fork."""

    def __init__(self, make: Callable[[], T], *, close: Callable[[T], None]) -> None:
        self._make = make
        self._close = close
        self._lock = threading.Lock()
        self._value: T | None = None
        self._pid = 0

    def get(self) -> T:
        """This process's value."""
        with self._lock:
            if self._value is None or self._pid != os.getpid():
                self._value = self._make()
                self._pid = os.getpid()
            return self._value

    def close(self) -> None:
        """Close this process's value, if it was made."""
        with self._lock:
            if self._value is not None and self._pid == os.getpid():
                self._close(self._value)
            self._value = None


class Remembered(Generic[T]):
    """Answers kept for ``keep_s``, by key. An exception is not kept."""

    def __init__(self, ask: Callable[[str], T], *, keep_s: float) -> None:
        self._ask = ask
        self._keep_s = keep_s
        self._answers: dict[str, tuple[float, T]] = {}

    def get(self, key: str = "") -> T:
        """The answer for ``key``, asked for again when it is older than ``keep_s``."""
        kept = self._answers.get(key)
        if kept is not None and time.monotonic() - kept[0] < self._keep_s:
            return kept[1]
        answer = self._ask(key)
        self._answers[key] = (time.monotonic(), answer)
        return answer


class ModelList:
    """What a provider lists, remembered for a while; a model that isn't among it is looked for afresh: it may be new."""

    def __init__(self, names: Callable[[], Collection[ModelName]]) -> None:
        self._names = names
        self._known: tuple[float, frozenset[str]] = (0.0, frozenset())

    def has(self, model: ModelName) -> bool | None:
        """Whether the provider lists ``model``; None where it gives no list."""
        wanted = {model.lower(), f"{model.lower()}:latest"}
        asked_at, known = self._known
        if known & wanted and time.monotonic() - asked_at < _LIST_S:
            return True
        try:
            known = frozenset(name.lower() for name in self._names())
        except (ModelUnavailable, ModelRefusal):
            return None
        self._known = (time.monotonic(), known)
        return bool(known & wanted) if known else None


def short_watch(row: ProviderRow) -> CallWatch:
    """A Watch that ends a question about the provider after CHECK_S."""
    limits = TimeLimits(connect_s=CHECK_S, first_token_s=CHECK_S, between_tokens_s=CHECK_S, overall_s=CHECK_S)
    return CallWatch(provider=row.name, limits=limits, interrupt=lambda: None)


def listens(base_url: str, *, timeout_s: float = 0.3) -> bool:
    """Whether something accepts connections at ``base_url``."""
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=timeout_s):
            return True
    except OSError:
        return False


def check_by_listing(
    row: ProviderRow, warm: Callable[[], None], list_names: Callable[[], tuple[ModelName, ...]]
) -> ProviderStatus:
    """The status that listing the provider's models shows. Spends no tokens.

    ``warm`` makes the client, which takes time that is not the provider's.
    """
    if not row.configured:
        return ProviderStatus(
            name=row.name, kind=row.kind, configured=False, reachable=None, detail=row.missing, model=row.model
        )
    try:
        warm()
        started = time.monotonic()
        with watched(short_watch(row)):
            names = list_names()
    except Exception as error:  # noqa: BLE001 - whatever fails is the answer
        detail = scrub(str(failure_of(row.name, error)), row.api_key)
        return ProviderStatus(
            name=row.name, kind=row.kind, configured=True, reachable=False, detail=detail, model=row.model
        )
    latency_ms = (time.monotonic() - started) * 1000
    model = row.model or (names[0] if names else ModelName(""))
    detail = f"{len(names)} model{'' if len(names) == 1 else 's'}"
    if not model:
        detail = "answers, but has no model"
    elif names and not any(name in {model, f"{model}:latest"} for name in names):
        detail = f"answers, but doesn't list {model}"
    return ProviderStatus(
        name=row.name,
        kind=row.kind,
        configured=True,
        reachable=True,
        detail=detail,
        model=model,
        latency_ms=latency_ms,
        models=names,
    )
