"""What to say when every provider failed."""

from __future__ import annotations

from collections.abc import Sequence

from lotus_tasks.providers.models import FailureKind, ModelRefusal, ModelUnavailable

Failure = ModelUnavailable | ModelRefusal


def exhausted(degraded: Sequence[str], failures: Sequence[Failure]) -> Failure:
    """The error of a completion that nobody gave; it passes when one of the failures may."""
    reasons = "; ".join(degraded) or "none is configured"
    message = (
        f"no provider answered ({reasons}). See `manage.py providers check`, or add `offline` to LOTUS_PROVIDERS to have "
        "memory quoted instead"
    )
    passing = [failure for failure in failures if isinstance(failure, ModelUnavailable)]
    if passing:
        waits = [failure.retry_after_s for failure in passing if failure.retry_after_s is not None]
        return ModelUnavailable(passing[0].kind, passing[0].summary, message, retry_after_s=min(waits, default=None))
    if len(failures) == 1:
        message = f"{message}. {failures[0]}"
    kind = failures[0].kind if failures else FailureKind.NOT_CAPABLE
    return ModelRefusal(kind, reasons, message)
