"""Which failures are an outage worth outlasting, and when to ask again. A value, not a loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lotus_tasks.providers.models import FailureKind, LimitReached, ModelUnavailable
from lotus_tasks.providers.service.exhaustion import Failure

_PASSING = frozenset(
    {
        FailureKind.RATE_LIMITED,
        FailureKind.SERVER_FAULT,
        FailureKind.REFUSED,
        FailureKind.UNRESOLVED,
        FailureKind.NO_FIRST_TOKEN,
        FailureKind.STALLED,
        FailureKind.CUT,
    }
)
"""What a server does that is being restarted, or away. A wrong key, an unknown model or an empty reply stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutagePolicy:
    """Before memory is quoted for want of a model, the models that are out are asked again for ``patience_s`` (0: not at all).

    Pauses double from ``base_s`` to ``cap_s``, each between half of that and the whole; a Retry-After is kept.
    """

    patience_s: float = 25.0
    base_s: float = 0.5
    cap_s: float = 2.0

    def outlasts(self, failure: Failure, *, asked_s: float, left_s: float) -> bool:
        """Whether a provider that failed so, and asked for a rest of ``asked_s``, may be back within ``left_s``."""
        if isinstance(failure, LimitReached) or not isinstance(failure, ModelUnavailable):
            return False
        return failure.kind in _PASSING and left_s > 0 and asked_s <= left_s

    def pause_s(self, *, asked_s: float, done: int, random: Callable[[], float]) -> float:
        """Seconds before the ``done`` + 1st try; ``random`` gives a number in [0, 1)."""
        return max(asked_s, min(self.cap_s, self.base_s * 2.0 ** min(done, 16)) * (0.5 + random() / 2))
