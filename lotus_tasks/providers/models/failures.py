"""The ways a model call can fail. They keep to the axis of ``lotus_tasks.errors``:

Transient ── ModelUnavailable    the same call may work later: too many requests, a fault, a time limit, a cut stream
             └── LimitReached    LOTUS's own bound on calls or tokens: not asked
Permanent ── ModelRefusal        the same call fails the same way: a wrong key, an unknown model, a prompt too long
             └── BudgetSpent     LOTUS's own bound on money: not asked
"""

from __future__ import annotations

from enum import StrEnum

from lotus_tasks.errors import Permanent, Transient


class FailureKind(StrEnum):
    """What went wrong with one call, as every adapter names it."""

    RATE_LIMITED = "rate_limited"
    SERVER_FAULT = "server_fault"
    REFUSED = "refused"
    UNRESOLVED = "unresolved"
    NO_FIRST_TOKEN = "no_first_token"  # noqa: S105 - a model's token
    STALLED = "stalled"
    TOO_LONG = "too_long"
    CUT = "cut"
    REDIRECTED = "redirected"
    GARBAGE = "garbage"
    EMPTY = "empty"
    WRONG_KEY = "wrong_key"
    UNKNOWN_MODEL = "unknown_model"
    CONTEXT_EXCEEDED = "context_exceeded"
    BAD_REQUEST = "bad_request"
    NOT_CAPABLE = "not_capable"
    FILTERED = "filtered"
    OVER_LIMIT = "over_limit"
    OVER_BUDGET = "over_budget"
    INTERRUPTED = "interrupted"


class ModelUnavailable(Transient):
    """The provider failed in a way that may pass. ``summary`` is a few words for ``degraded``: ``503``, ``cut mid-stream``."""

    def __init__(self, kind: FailureKind, summary: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.kind = kind
        self.summary = summary


class ModelRefusal(Permanent):
    """The provider will not do this call, however often it is asked.

    Of a prompt too long, as far as the server told: the model's ``context_tokens``, and the ``prompt_tokens`` it counted.
    """

    def __init__(
        self,
        kind: FailureKind,
        summary: str,
        message: str,
        *,
        context_tokens: int | None = None,
        prompt_tokens: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.summary = summary
        self.context_tokens = context_tokens
        self.prompt_tokens = prompt_tokens


class LimitReached(ModelUnavailable):
    """A limit that LOTUS itself keeps is reached for now: the provider wasn't asked."""

    def __init__(self, summary: str, message: str, *, retry_after_s: float) -> None:
        super().__init__(FailureKind.OVER_LIMIT, summary, message, retry_after_s=retry_after_s)


class BudgetSpent(ModelRefusal):
    """The provider's money for today is spent: it wasn't asked."""

    def __init__(self, summary: str, message: str) -> None:
        super().__init__(FailureKind.OVER_BUDGET, summary, message)
