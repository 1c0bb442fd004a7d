"""A redirect carries neither key nor question to another server, from any client that has one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lotus_tasks.providers.models import FailureKind, ModelUnavailable, TimeLimits
from lotus_tasks.providers.service.watching import CallWatch
from tests.contract.providers.conftest import ask
from tests.modelserver import ModelServerHandle, model_server_thread


@pytest.fixture
def elsewhere() -> Iterator[ModelServerHandle]:
    with model_server_thread() as handle:
        yield handle


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_question_follows_no_redirect_to_another_server(make_model, model_server, elsewhere, read, vendor, status):
    model_server.script(redirect_to=elsewhere.url, redirect_status=status)
    with pytest.raises(ModelUnavailable) as caught:
        read(make_model(), ask("Where is the spare key?"))
    assert caught.value.kind is FailureKind.REDIRECTED
    assert elsewhere.url in str(caught.value)
    assert vendor.name in str(caught.value)
    assert elsewhere.requests == []


def test_listing_the_models_follows_no_redirect_to_another_server(make_model, model_server, elsewhere):
    model_server.script(redirect_to=elsewhere.url)
    with pytest.raises(ModelUnavailable) as caught:
        make_model().list_models()
    assert caught.value.kind is FailureKind.REDIRECTED
    assert elsewhere.requests == []


def test_a_check_follows_no_redirect_to_another_server_and_says_where_it_led(make_model, model_server, elsewhere):
    model_server.script(redirect_to=elsewhere.url)
    status = make_model().check()
    assert status.reachable is False
    assert elsewhere.url in status.detail
    assert elsewhere.requests == []


def test_downloading_a_model_follows_no_redirect_to_another_server(make_model, model_server, elsewhere, vendor):
    if vendor.name != "ollama":
        pytest.skip("only Ollama downloads models")
    model_server.script(redirect_to=elsewhere.url)
    watch = CallWatch(provider="ollama", limits=TimeLimits(), interrupt=lambda: None)
    with pytest.raises(ModelUnavailable) as caught:
        list(make_model().pull("llama3.2", watch=watch))
    assert caught.value.kind is FailureKind.REDIRECTED
    assert elsewhere.requests == []


def test_a_redirect_within_the_server_is_followed(make_model, model_server):
    model = make_model()
    model_server.script(redirect_to=f"{model_server.url}/moved")
    assert model.list_models()
