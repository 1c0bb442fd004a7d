"""What a call cost."""

from __future__ import annotations

from lotus_tasks.providers.models import CallRecord, Price

_MILLION = 1_000_000


def cost_usd(call: CallRecord, price: Price) -> float:
    """US dollars, at ``price`` for a million tokens; 0 where the price isn't known, as for models of one's own."""
    return (call.usage.input_tokens * price.input_usd + call.usage.output_tokens * price.output_usd) / _MILLION
