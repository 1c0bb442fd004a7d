"""Another program at the address: what came instead of an answer is said in a person's words, wherever it is told."""

from __future__ import annotations

import re

import pytest

from lotus_tasks.providers.adapters.breakers import LocalBreakers
from lotus_tasks.providers.adapters.findings import LocalFindings
from lotus_tasks.providers.adapters.offline import OfflineChatModel
from lotus_tasks.providers.models import OFFLINE, Completion, TimeLimits
from lotus_tasks.providers.service.breaker import BreakerPolicy
from lotus_tasks.providers.service.completion import CompletionService
from lotus_tasks.providers.service.outage import OutagePolicy
from lotus_tasks.providers.service.retry import RetryPolicy
from tests.contract.providers.conftest import ask
from tests.unit.providers.service.doubles import ScreenSink, Turnstile

PAGE = "<!doctype html><html><body>Please log in to the network.</body></html>"
PYTHON = re.compile(r"object|attribute|[A-Za-z]+Error\b|Exception|pydantic|codec|<|\(0\)|NoneType")
"""Words of a program."""
OTHERS = {
    "text": {"instead": "hello", "instead_type": "text/plain"},
    "another-json": {"instead": '{"ok": true}', "instead_type": "application/json"},
    "a-list": {"instead": "[1]", "instead_type": "application/json"},
    "a-page-called-json": {"instead": PAGE, "instead_type": "application/json"},
    "bad-gateway": {"instead": PAGE, "instead_status": 502},
    "key-refused-by-a-page": {"instead": PAGE, "instead_status": 401},
}


def answered(chat_model) -> Completion:
    models = {chat_model.row.name: chat_model, OFFLINE: OfflineChatModel()}
    service = CompletionService(
        findings=LocalFindings(),
        models=models,
        order=list(models),
        limits=TimeLimits(first_token_s=20.0, between_tokens_s=20.0, overall_s=60.0),
        retry=RetryPolicy(base_s=0.0),
        outage=OutagePolicy(patience_s=0.0),
        breakers=LocalBreakers(BreakerPolicy()),
        meter=Turnstile(),
    )
    return service.complete(ask("Where is the key?"), sink=ScreenSink(), interrupt=lambda: None)


@pytest.mark.parametrize("model", ["m", ""], ids=["named", "default"])
@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_web_page_is_called_one_with_its_address(make_model, model_server, vendor, model, status):
    model_server.script(instead=PAGE, instead_status=status)
    chat_model = make_model(model=model)
    completion = answered(chat_model)
    said = f"{vendor.name}: {chat_model.row.base_url} answered with a web page instead of JSON"
    assert completion.degraded[0].startswith(said)
    assert f"No model answered either ({said}" in completion.notice
    checked = chat_model.check()
    assert checked.reachable is False
    assert checked.detail.startswith(said)
    assert "check the address" in checked.detail


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_nothing_that_another_program_answers_is_told_in_a_programs_words(make_model, model_server, vendor, other):
    model_server.script(**other)
    for model in ("m", ""):
        chat_model = make_model(model=model)
        completion = answered(chat_model)
        assert completion.provider == OFFLINE
        assert completion.degraded[0].startswith(f"{vendor.name}: ")
        for told in (*completion.degraded, completion.notice, chat_model.check().detail):
            assert not PYTHON.search(told), told
