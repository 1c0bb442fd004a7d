"""What a call used, for its record."""

from __future__ import annotations

from dataclasses import replace

from lotus_tasks.providers.models import CallRecord, FailureKind, Usage
from lotus_tasks.providers.service.assembly import Reply
from lotus_tasks.providers.service.prompt import estimate_tokens
from lotus_tasks.providers.service.watching import CallWatch


def usage_of(reply: Reply, prompt_tokens: int) -> Usage:
    """As the provider counted, else as it is estimated."""
    if reply.usage is not None:
        return reply.usage
    return Usage(input_tokens=prompt_tokens, output_tokens=estimate_tokens(reply.written), estimated=True)


def closed(record: CallRecord, watch: CallWatch, *, usage: Usage, failure: FailureKind | None = None) -> CallRecord:
    """The record of a call that has ended."""
    return replace(record, usage=usage, failure=failure, first_token_ms=watch.first_token_ms, total_ms=watch.elapsed_ms)
