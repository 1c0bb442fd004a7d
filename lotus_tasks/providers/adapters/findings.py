"""Where is kept what was learned of servers' models: in PostgreSQL for all workers, in this process while it is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

import structlog

from lotus_tasks.errors import ServiceDown
from lotus_tasks.providers.models import ModelName, ProviderRow
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import Connection

log = structlog.get_logger("lotus.providers")

REFUSED_KEPT_S = 7 * 86400.0
"""How long a model is asked without what it refused: its server may have been brought up to date."""
CONTEXT_KEPT_S = 3600.0
"""How long a model is thought to hold no more: its server may have been started anew with more."""
_READ_S = 10.0
"""How old another worker's finding may be before this one knows it."""

_Key = tuple[str, str]
Connect = Callable[[], AbstractContextManager[Connection]]
"""A connection for one statement. Raises ServiceDown."""


def server_of(row: ProviderRow) -> str:
    """The server's address as findings name it, without a password."""
    parts = urlsplit(row.base_url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() or row.name


class LocalFindings:
    """The Findings of one process. ``clock``: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: dict[_Key, tuple[float, frozenset[str]]] = {}
        self._contexts: dict[_Key, tuple[float, int]] = {}

    def refused(self, row: ProviderRow, model: ModelName) -> frozenset[str]:
        """See ports.Findings."""
        at, fields = self._refused.get((server_of(row), model), (0.0, frozenset()))
        return fields if self._clock() - at < REFUSED_KEPT_S else frozenset()

    def note_refused(self, row: ProviderRow, model: ModelName, fields: Iterable[str]) -> None:
        """See ports.Findings."""
        with self._lock:
            known = self.refused(row, model)
            self._refused[server_of(row), model] = (self._clock(), known | frozenset(fields))

    def context_tokens(self, row: ProviderRow, model: ModelName) -> int | None:
        """See ports.Findings."""
        at, tokens = self._contexts.get((server_of(row), model), (0.0, None))
        return tokens if self._clock() - at < CONTEXT_KEPT_S else None

    def note_context(self, row: ProviderRow, model: ModelName, context_tokens: int) -> None:
        """See ports.Findings."""
        self._contexts[server_of(row), model] = (self._clock(), context_tokens)


class StoredFindings:
    """The Findings that all workers share, over restarts, too. PostgreSQL is read at most every ``read_s`` seconds."""

    def __init__(
        self, connect: Connect, *, read_s: float = _READ_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connect = connect
        self._read_s = read_s
        self._clock = clock
        self._lock = threading.Lock()
        self._own = LocalFindings(clock)
        self._read_at: float | None = None
        self._shared: dict[_Key, tuple[frozenset[str], int | None]] = {}

    def refused(self, row: ProviderRow, model: ModelName) -> frozenset[str]:
        """See ports.Findings."""
        return self._found(row, model)[0] | self._own.refused(row, model)

    def note_refused(self, row: ProviderRow, model: ModelName, fields: Iterable[str]) -> None:
        """See ports.Findings."""
        new = sorted(set(fields) - self.refused(row, model))
        if new:
            self._own.note_refused(row, model, new)
            self._write("note_refused", row, model, refused=new, refused_s=REFUSED_KEPT_S)

    def context_tokens(self, row: ProviderRow, model: ModelName) -> int | None:
        """See ports.Findings."""
        return self._own.context_tokens(row, model) or self._found(row, model)[1]

    def note_context(self, row: ProviderRow, model: ModelName, context_tokens: int) -> None:
        """See ports.Findings."""
        self._own.note_context(row, model, context_tokens)
        self._write("note_context", row, model, context_tokens=context_tokens)

    def _found(self, row: ProviderRow, model: ModelName) -> tuple[frozenset[str], int | None]:
        with self._lock:
            if self._read_at is None or self._clock() - self._read_at >= self._read_s:
                self._read_at = self._clock()
                self._read()
        return self._shared.get((server_of(row), model), (frozenset(), None))

    def _read(self) -> None:
        ages = {"refused_s": REFUSED_KEPT_S, "context_s": CONTEXT_KEPT_S}
        try:
            with self._connect() as conn:
                found = conn.execute(queries.load("providers").findings, ages).fetchall()
        except ServiceDown as error:
            log.warning("what is known of models was not read", reason=str(error))
            return
        self._shared = {
            (one["server"], one["model"]): (frozenset(one["refused"]), one["context_tokens"]) for one in found
        }

    def _write(self, query: str, row: ProviderRow, model: ModelName, **found: Any) -> None:
        try:
            with self._connect() as conn:
                details = {"server": server_of(row), "model": model, **found}
                conn.execute(getattr(queries.load("providers"), query), details)
        except ServiceDown as error:
            log.warning("what was learned of a model stays in this process", reason=str(error), model=model)
