"""What is Ollama's alone; what it shares with the others stands in tests/contract/providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lotus_tasks.origins import USER
from lotus_tasks.providers.adapters.ollama import OllamaChatModel
from lotus_tasks.providers.models import CompletionRequest, Message, ModelRefusal, ModelUnavailable, Role, TimeLimits
from lotus_tasks.providers.service.payloads import progress_lines
from lotus_tasks.providers.service.watching import CallWatch
from tests.modelserver import ModelServerHandle, model_server_thread
from tests.unit.providers.service.doubles import row

ASK = CompletionRequest(messages=(Message(origin=USER, role=Role.USER, content="Hello?"),), question="Hello?")


def patient() -> CallWatch:
    return CallWatch(provider="ollama", limits=TimeLimits(), interrupt=lambda: None)


@pytest.fixture
def server() -> Iterator[ModelServerHandle]:
    with model_server_thread() as handle:
        yield handle


@pytest.fixture
def make(server: ModelServerHandle) -> Iterator[Callable[..., OllamaChatModel]]:
    made: list[OllamaChatModel] = []

    def make(*, asked_for: bool = True, **details: object) -> OllamaChatModel:
        made.append(OllamaChatModel(row("ollama", **{"base_url": server.ollama_url, **details}), asked_for=asked_for))
        return made[-1]

    yield make
    for model in made:
        model.close()


def sent(server: ModelServerHandle, model: OllamaChatModel) -> dict:
    list(model.stream(ASK, model="m", watch=patient()))
    return server.calls[-1]["body"]


def test_the_context_size_goes_with_every_call_since_ollamas_default_cuts_prompts_silently(server, make):
    assert sent(server, make(context_tokens=8192))["options"]["num_ctx"] == 8192


def test_a_small_model_is_not_asked_for_more_context_than_it_has(server, make):
    server.script(context_tokens=2048)
    assert sent(server, make(context_tokens=8192))["options"]["num_ctx"] == 2048


@pytest.mark.parametrize(("kept", "sent_as"), [("30m", "30m"), ("-1", -1), ("", None)])
def test_how_long_the_model_stays_in_memory_is_passed_on(server, make, kept, sent_as):
    assert sent(server, make(keep_alive=kept)).get("keep_alive") == sent_as


def test_an_embedding_model_is_never_the_default(server, make):
    server.script(models=["nomic-embed-text:latest", "llama3.2:latest"])
    assert make(model="").default_model(patient()) == "llama3.2:latest"


def test_without_a_model_the_command_that_gets_one_is_named(server, make):
    server.script(models=["nomic-embed-text:latest"])
    with pytest.raises(ModelRefusal, match=r"ollama pull llama3\.2"):
        make(model="").default_model(patient())


def test_one_that_nobody_asked_for_and_that_is_not_there_counts_as_not_configured(make):
    absent = make(asked_for=False, base_url="http://127.0.0.1:9")
    status = absent.check()
    assert not absent.is_present()
    assert (status.configured, status.reachable) == (False, None)


def test_one_that_was_asked_for_is_called_although_it_does_not_answer(make):
    absent = make(asked_for=True, base_url="http://127.0.0.1:9")
    assert absent.is_present()
    assert absent.check().reachable is False


def test_a_download_is_shown_in_per_cents(make):
    lines = list(progress_lines(make().pull("llama3.2", watch=patient())))
    assert lines[0] == "pulling manifest"
    assert lines[1].endswith(" 0% of 0.0 MB")
    assert lines[-1] == "success"
    assert len(lines) == len(set(lines))


def test_a_download_from_nowhere_fails_in_words(make):
    with pytest.raises(ModelUnavailable, match="connection refused"):
        list(make(base_url="http://127.0.0.1:9").pull("llama3.2", watch=patient()))
