"""Acceptance tests drive one LOTUS of real processes whose model is the scripted server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from stack import Lotus

from lotus_tasks.spine.streams import connect_redis
from tests.modelserver.handle import ModelServerHandle, model_server_process


@pytest.fixture(scope="session")
def shared_model() -> Iterator[ModelServerHandle]:
    """The session's model server. Tests take `model`, which is as new."""
    with model_server_process() as server:
        yield server


@pytest.fixture
def model(shared_model: ModelServerHandle, request: pytest.FixtureRequest) -> ModelServerHandle:
    """The model server with nothing scripted and nothing recorded, and rested where the shared LOTUS asks it."""
    shared_model.reset()
    if "lotus" in request.fixturenames:
        lotus: Lotus = request.getfixturevalue("lotus")
        with connect_redis(lotus.runtime.redis_url) as client:
            for key in client.scan_iter("lotus:breaker:*"):  # an earlier test's failures
                client.delete(key)
    return shared_model


@pytest.fixture(scope="session")
def lotus_settings(shared_model: ModelServerHandle) -> Mapping[str, str]:
    """The scripted server first, then, soon, the offline provider; two model calls at a time, so that asks can queue."""
    return {
        "LOTUS_PROVIDERS": "openai,offline",
        "OPENAI_BASE_URL": shared_model.openai_url,
        "OPENAI_API_KEY": "sk-test-0123456789abcdef",
        "LOTUS_PROVIDERS_CONCURRENCY": "2",
        "LOTUS_OUTAGE_PATIENCE_S": "1",
    }
