"""What must stay on this machine is put to no other."""

from __future__ import annotations

import pytest

from lotus_tasks.errors import LotusError
from lotus_tasks.providers.adapters.offline import OfflineChatModel
from lotus_tasks.providers.models import Among, ModelName, ProviderKind
from lotus_tasks.providers.service.choice import choose
from lotus_tasks.providers.service.locality import is_here
from tests.unit.providers.service.doubles import ActingModel, question, row, speech, stage, unavailable

HERE = "http://127.0.0.1:8000/v1"
AWAY = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    "url",
    [
        HERE, "http://localhost:1234", "http://[::1]:11434", "http://127.8.8.8", "http://llm.localhost/v1",
        "http://ollama:11434", "http://host.docker.internal:11434", "http://LOCALHOST./v1",
    ],
)  # fmt: skip
def test_a_loopback_address_is_here(url):
    assert is_here(row("a", base_url=url))


@pytest.mark.parametrize(
    "url",
    [
        AWAY, "", "http://192.168.1.5:11434", "http://0.0.0.0", "http://localhost.evil.example", "http://127.0.0.1.example",
        "https://ollama.com", "http://localhost@evil.example/v1", "http://evil.example/localhost", "localhost:11434",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [ProviderKind.OPENAI, ProviderKind.OLLAMA])
def test_any_other_address_is_not_whatever_answers_there(url, kind):
    assert not is_here(row("a", base_url=url, kind=kind))


def chosen(among: Among, **more) -> list[str]:
    offline = OfflineChatModel().row
    found = {one.name: one for one in (row("away", base_url=AWAY), row("here", base_url=HERE), offline)}
    choice = choose(question(among=among, **more), found, ["away", "here", "offline"])
    return [candidate.provider for candidate in choice.candidates]


def test_among_decides_who_may_answer():
    assert chosen(Among.ALL) == ["away", "here", "offline"]
    assert chosen(Among.MODELS) == ["away", "here"]
    assert chosen(Among.LOCAL) == ["here"]
    assert chosen(Among.LOCAL, provider="away") == []


def test_no_other_provider_stands_in_for_a_local_one_that_fails():
    away = ActingModel(row("away", base_url=AWAY), [speech("gossip")])
    here = ActingModel(row("here", base_url=HERE), [unavailable()] * 9)
    scene = stage(here, away)
    with pytest.raises(LotusError, match=r"no provider answered .*away: not on this machine"):
        scene.complete(question(among=Among.LOCAL))
    assert not away.requests


def test_a_model_that_a_local_server_only_passes_on_is_refused():
    ollama = row("ollama", base_url="http://127.0.0.1:11434", model=ModelName("gpt-oss:120b-cloud"))
    model = ActingModel(ollama, [speech("gossip")])
    scene = stage(model)
    with pytest.raises(LotusError, match="does not run on this machine"):
        scene.complete(question(among=Among.LOCAL))
    assert not model.requests
