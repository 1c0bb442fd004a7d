"""Whether and when to ask the same provider again. A value, not a loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lotus_tasks.providers.models import FailureKind

_NEVER_AT_ONCE = frozenset({FailureKind.NO_FIRST_TOKEN, FailureKind.STALLED, FailureKind.TOO_LONG})
"""A time limit already cost its full length: another provider is asked before the same one is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """``tries`` calls to one provider, pauses doubling from ``base_s`` to ``cap_s`` with full jitter.

    A Retry-After up to ``patience_s`` is waited for; a longer one sends the request to the next provider. A place among a
    provider's calls at once is waited for up to ``place_patience_s``.
    """

    tries: int = 2
    base_s: float = 0.5
    cap_s: float = 8.0
    patience_s: float = 10.0
    place_patience_s: float = 60.0

    def pause_s(
        self,
        kind: FailureKind,
        *,
        done: int,
        retry_after_s: float | None,
        others_left: bool,
        random: Callable[[], float],
    ) -> float | None:
        """Seconds to wait before try ``done`` + 1 at the same provider, or None to leave it.

        ``random`` gives a number in [0, 1). Full jitter as in AWS's "Exponential Backoff And Jitter".
        """
        if done >= self.tries or (others_left and kind in _NEVER_AT_ONCE):
            return None
        if retry_after_s is not None:
            return retry_after_s if retry_after_s <= self.patience_s else None
        return random() * min(self.cap_s, self.base_s * 2.0 ** (done - 1))
