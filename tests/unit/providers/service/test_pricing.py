from __future__ import annotations

import pytest

from lotus_tasks.providers.models import CallRecord, Price, Usage
from lotus_tasks.providers.service.pricing import cost_usd
from lotus_tasks.values import utc_now


def test_tokens_are_paid_by_the_million():
    usage = Usage(input_tokens=2000, output_tokens=500)
    call = CallRecord(provider="p", model="m", started_at=utc_now(), usage=usage)
    assert cost_usd(call, Price(input_usd=3.0, output_usd=15.0)) == pytest.approx(0.0135)


def test_without_a_price_a_call_is_free():
    call = CallRecord(provider="p", model="m", started_at=utc_now(), usage=Usage(input_tokens=1, output_tokens=1))
    assert cost_usd(call, Price()) == 0
