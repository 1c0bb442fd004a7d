"""Where the breakers' state lives: in Redis for all workers, in this process while Redis is away."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lotus_tasks.providers.models import ProviderName
from lotus_tasks.providers.service.breaker import BreakerPolicy, BreakerState

if TYPE_CHECKING:
    import redis

_FRESH = BreakerState()


class LocalBreakers:
    """The BreakerStore of one process."""

    def __init__(self, policy: BreakerPolicy, *, clock: Callable[[], float] = time.time) -> None:
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[ProviderName, BreakerState] = {}

    def blocked_for_s(self, provider: ProviderName) -> float:
        """See ports.BreakerStore."""
        with self._lock:
            state, wait_s = self._policy.admit(self._states.get(provider, _FRESH), self._clock())
            self._states[provider] = state
            return wait_s

    def asked_rest_s(self, provider: ProviderName) -> float:
        """See ports.BreakerStore."""
        with self._lock:
            return max(0.0, self._states.get(provider, _FRESH).asked_until - self._clock())

    def record_success(self, provider: ProviderName) -> None:
        """See ports.BreakerStore."""
        with self._lock:
            self._states.pop(provider, None)

    def record_failure(self, provider: ProviderName, *, retry_after_s: float | None) -> None:
        """See ports.BreakerStore."""
        with self._lock:
            state = self._states.get(provider, _FRESH)
            self._states[provider] = self._policy.after_failure(state, self._clock(), retry_after_s=retry_after_s)


class RedisBreakers:
    """The BreakerStore all workers share: one key ``lotus:breaker:<provider>`` for each provider that failed lately.

    Losing the keys only means that a sick provider is tried once more.
    """

    def __init__(self, client: redis.Redis, policy: BreakerPolicy, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._policy = policy
        self._clock = clock
        self._local = LocalBreakers(policy, clock=clock)

    def blocked_for_s(self, provider: ProviderName) -> float:
        """See ports.BreakerStore. One GET while nothing is wrong."""
        import redis

        try:
            if self._client.get(self._key(provider)) is None:
                return 0.0
            return self._change(provider, self._policy.admit)
        except redis.RedisError:
            return self._local.blocked_for_s(provider)

    def asked_rest_s(self, provider: ProviderName) -> float:
        """See ports.BreakerStore."""
        import redis

        try:
            return max(0.0, _load(self._client.get(self._key(provider))).asked_until - self._clock())
        except redis.RedisError:
            return self._local.asked_rest_s(provider)

    def record_success(self, provider: ProviderName) -> None:
        """See ports.BreakerStore."""
        import redis

        self._local.record_success(provider)
        try:
            self._client.delete(self._key(provider))
        except redis.RedisError:
            return

    def record_failure(self, provider: ProviderName, *, retry_after_s: float | None) -> None:
        """See ports.BreakerStore."""
        import redis

        def fail(state: BreakerState, now: float) -> tuple[BreakerState, float]:
            return self._policy.after_failure(state, now, retry_after_s=retry_after_s), 0.0

        try:
            self._change(provider, fail)
        except redis.RedisError:
            self._local.record_failure(provider, retry_after_s=retry_after_s)

    def _change(
        self, provider: ProviderName, decide: Callable[[BreakerState, float], tuple[BreakerState, float]]
    ) -> float:
        """Read, decide and write as one: optimistic, since two workers rarely see the same provider fail at once."""
        key = self._key(provider)

        def step(pipeline: Any) -> float:
            before = _load(pipeline.get(key))
            after, answer = decide(before, self._clock())
            pipeline.multi()
            if after != before:
                pipeline.set(key, json.dumps(dataclasses.asdict(after)), ex=int(self._policy.memory_s))
            return answer

        client: Any = self._client
        return float(client.transaction(step, key, value_from_callable=True))

    @staticmethod
    def _key(provider: ProviderName) -> str:
        return f"lotus:breaker:{provider}"


def _load(text: Any) -> BreakerState:
    if not text:
        return _FRESH
    try:
        return BreakerState(**json.loads(text))
    except (ValueError, TypeError):  # written by another version
        return _FRESH
