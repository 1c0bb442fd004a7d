"""When a call has to end before the model is done: an interruption from outside, or a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable

from lotus_tasks.errors import LotusError
from lotus_tasks.providers.models import FailureKind, ModelUnavailable, ProviderName, TimeLimits

Interrupt = Callable[[], None]
"""Returns while the work may go on; raises Cancelled, HandBack or StaleLease when it may not."""


class CallWatch:
    """The Watch of one call. What it raised once it raises again, so an SDK that swallows an exception changes nothing."""

    def __init__(
        self,
        *,
        provider: ProviderName,
        limits: TimeLimits,
        interrupt: Interrupt,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._limits = limits
        self._interrupt = interrupt
        self._clock = clock
        self._started = clock()
        self._last_token: float | None = None
        self._verdict: LotusError | None = None
        self.first_token_ms: float | None = None

    @property
    def elapsed_ms(self) -> float:
        """Since the call began."""
        return (self._clock() - self._started) * 1000

    def check(self) -> None:
        """See ports.Watch."""
        if self._verdict is None:
            try:
                self._interrupt()
                self._check_time()
            except LotusError as verdict:
                self._verdict = verdict
        if self._verdict is not None:
            raise self._verdict

    def saw_token(self) -> None:
        """The model gave a sign of life."""
        self._last_token = self._clock()
        if self.first_token_ms is None:
            self.first_token_ms = (self._last_token - self._started) * 1000

    def _check_time(self) -> None:
        now = self._clock()
        limits = self._limits
        if now - self._started > limits.overall_s:
            raise self._late(FailureKind.TOO_LONG, f"not done after {limits.overall_s:g} s")
        if self._last_token is None:
            if now - self._started > limits.first_token_s:
                raise self._late(FailureKind.NO_FIRST_TOKEN, f"no first token within {limits.first_token_s:g} s")
        elif now - self._last_token > limits.between_tokens_s:
            raise self._late(FailureKind.STALLED, f"silent for {limits.between_tokens_s:g} s mid-stream")

    def _late(self, kind: FailureKind, summary: str) -> ModelUnavailable:
        return ModelUnavailable(kind, summary, f"{self._provider}: {summary}")
