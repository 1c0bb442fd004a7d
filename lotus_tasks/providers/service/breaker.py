"""The circuit breaker: leaves a failing provider alone for a while, then lets one call try it. Pure; times are epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerState:
    """What is known of one provider. ``opened``: how often in a row it was opened, which doubles the pause.

    ``asked_until``: when the rest ends that the provider itself asked for.
    """

    failures: int = 0
    opened: int = 0
    open_until: float = 0.0
    trial_until: float = 0.0
    asked_until: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """Open after ``failures`` in a row, for ``pause_s`` doubling up to ``longest_pause_s``.

    A trial that hasn't ended within ``trial_s`` (its worker died) gives way to another. A Retry-After of at least
    ``obey_s`` opens at once and for as long as it says, at most ``longest_obeyed_s``.
    """

    failures: int = 5
    pause_s: float = 5.0
    longest_pause_s: float = 120.0
    trial_s: float = 30.0
    obey_s: float = 10.0
    longest_obeyed_s: float = 900.0

    def admit(self, state: BreakerState, now: float) -> tuple[BreakerState, float]:
        """The state after someone asked to call, and for how many seconds the call is refused (0: go)."""
        if not state.open_until:
            return state, 0.0
        if now < state.open_until:
            return state, state.open_until - now
        if now < state.trial_until:
            return state, state.trial_until - now
        return replace(state, trial_until=now + self.trial_s), 0.0

    def after_failure(self, state: BreakerState, now: float, *, retry_after_s: float | None) -> BreakerState:
        """The state after a failed call."""
        failures = state.failures + 1
        is_open = now < state.open_until
        failed_trial = bool(state.open_until) and not is_open
        pause_s = 0.0
        # Calls that were under way when it opened fail, too: they don't push the end further away.
        if failed_trial or (failures >= self.failures and not is_open):
            pause_s = min(self.longest_pause_s, self.pause_s * 2 ** min(state.opened, 16))
        asked_until = state.asked_until
        if retry_after_s is not None and retry_after_s >= self.obey_s:
            asked_until = max(asked_until, now + min(retry_after_s, self.longest_obeyed_s))
            pause_s = max(pause_s, asked_until - now)
        if now + pause_s <= state.open_until or not pause_s:
            return replace(state, failures=failures, asked_until=asked_until)
        return BreakerState(
            failures=failures,
            opened=state.opened + (not is_open),
            open_until=now + pause_s,
            asked_until=asked_until,
        )

    @property
    def memory_s(self) -> float:
        """How long a state is worth keeping after its last change."""
        return max(self.longest_pause_s, self.longest_obeyed_s) + self.trial_s
