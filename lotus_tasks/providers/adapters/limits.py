"""The limits on calls, tokens and money, kept in Redis and PostgreSQL for all workers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lotus_tasks.errors import ServiceDown
from lotus_tasks.providers.models import BudgetSpent, LimitReached, ProviderName, ProviderRow, Usage
from lotus_tasks.providers.ports import Admission

if TYPE_CHECKING:
    import redis

_PLACE_S = 30.0
"""How long a place is held for a worker that says nothing."""
_KEEP_EVERY_S = 10.0
_LOOK_AGAIN_S = 0.1
_MINUTE_S = 60

SpentSince = Callable[[ProviderName, datetime], float]
"""US dollars that a provider's calls have cost since a moment."""


class SharedMeter:
    """Calls at once and tokens by the clock's minute in Redis, money by the day (UTC) from the calls in PostgreSQL.

    Money is known when a call has ended, so calls under way at the same moment may pass the budget by their own cost.
    """

    def __init__(self, client: redis.Redis, spent_since: SpentSince, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._spent_since = spent_since
        self._clock = clock

    def admit(self, row: ProviderRow, *, expected_tokens: int) -> Admission:
        """See ports.Meter."""
        import redis

        self._check_budget(row)
        place = _Place(self._client, row, expected_tokens, self._clock)
        try:
            place.take()
        except redis.RedisError:
            return _Unmetered()
        return place

    def _check_budget(self, row: ProviderRow) -> None:
        daily_usd = row.limits.daily_usd
        if daily_usd is None:
            return
        midnight = datetime.fromtimestamp(self._clock(), UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        try:
            spent_usd = self._spent_since(row.name, midnight)
        except ServiceDown:
            return
        if spent_usd >= daily_usd:
            raise BudgetSpent(
                f"daily budget of ${daily_usd:g} is spent",
                f"{row.name}: ${spent_usd:.4f} of its ${daily_usd:g} for today are spent; a new day begins at 00:00 UTC, and "
                "providers.toml sets the limit",
            )


class _Unmetered:
    """A place nobody counts: Redis is away."""

    def keep(self) -> None:
        """Nothing to keep."""

    def leave(self, usage: Usage) -> None:
        """Nothing to give back."""


class _Place:
    """One call's place: a member of the set of calls, and its share of the minute's tokens."""

    def __init__(self, client: redis.Redis, row: ProviderRow, expected_tokens: int, clock: Callable[[], float]) -> None:
        self._client = client
        self._row = row
        self._tokens = expected_tokens
        self._clock = clock
        self._member = uuid.uuid4().hex
        self._calls_key = f"lotus:calls:{row.name}"
        self._tokens_key = f"lotus:tokens:{row.name}:{int(clock()) // _MINUTE_S}"
        self._kept_at = clock()

    def take(self) -> None:
        """Raises LimitReached; then nothing is held. Raises redis.RedisError."""
        self._take_call()
        try:
            self._take_tokens()
        except LimitReached:
            self._drop_call()
            raise

    def keep(self) -> None:
        """See ports.Admission."""
        import redis

        now = self._clock()
        if self._row.limits.concurrent_calls is None or now - self._kept_at < _KEEP_EVERY_S:
            return
        self._kept_at = now
        try:
            self._client.zadd(self._calls_key, {self._member: now + _PLACE_S}, xx=True)
        except redis.RedisError:
            return

    def leave(self, usage: Usage) -> None:
        """See ports.Admission."""
        import redis

        try:
            self._drop_call()
            used = usage.input_tokens + usage.output_tokens
            if self._row.limits.tokens_per_minute is not None:
                self._client.incrby(self._tokens_key, used - self._tokens)
        except redis.RedisError:
            return

    def _take_call(self) -> None:
        most = self._row.limits.concurrent_calls
        if most is None:
            return
        now = self._clock()
        pipeline = self._client.pipeline(transaction=True)
        pipeline.zremrangebyscore(self._calls_key, 0, now)
        pipeline.zadd(self._calls_key, {self._member: now + _PLACE_S})
        pipeline.zcard(self._calls_key)
        pipeline.expire(self._calls_key, int(_PLACE_S) + 1)
        results: list[Any] = pipeline.execute()
        if results[2] > most:
            self._drop_call()
            raise LimitReached(
                f"all {most} calls at once are taken",
                f"{self._row.name}: its {most} calls at once are taken",
                retry_after_s=_LOOK_AGAIN_S,
            )

    def _take_tokens(self) -> None:
        most = self._row.limits.tokens_per_minute
        if most is None:
            return
        pipeline = self._client.pipeline(transaction=True)
        pipeline.incrby(self._tokens_key, self._tokens)
        pipeline.expire(self._tokens_key, 2 * _MINUTE_S)
        taken = int(pipeline.execute()[0])
        # A call that is larger than the limit by itself goes through in a minute of its own.
        if taken > most and taken > self._tokens:
            self._client.decrby(self._tokens_key, self._tokens)
            raise LimitReached(
                f"{most} tokens a minute are used up",
                f"{self._row.name}: its {most} tokens a minute are used up",
                retry_after_s=_MINUTE_S - self._clock() % _MINUTE_S,
            )

    def _drop_call(self) -> None:
        if self._row.limits.concurrent_calls is not None:
            self._client.zrem(self._calls_key, self._member)
