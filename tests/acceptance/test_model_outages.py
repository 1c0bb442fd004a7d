"""A model server that is away for five seconds, as whoever asks meets it: the answer comes later, and it is the model's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from stack import Lotus, lotus_home, wait_until

from tests.modelserver.handle import ModelServerHandle, model_server_process

OUTAGE_S = 5.0
REPLY = "The model is back."


class Server:
    """A model server that can be ended and started again where it was."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.model: ModelServerHandle
        self.start()

    def start(self, port: int = 0) -> None:
        self.model = self._stack.enter_context(model_server_process(port))
        self.model.script(reply=REPLY)

    def end(self) -> None:
        self._stack.close()

    def start_again(self) -> None:
        self.start(urlsplit(self.model.url).port or 0)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.end()


@pytest.fixture(scope="module")
def home(server: Server) -> Iterator[Lotus]:
    settings = {
        "LOTUS_PROVIDERS": "openai,offline",
        "OPENAI_BASE_URL": server.model.openai_url,
        "OPENAI_API_KEY": "sk-test-0123456789abcdef",
        "LOTUS_FIRST_TOKEN_TIMEOUT_S": "1.5",
    }
    with lotus_home(**settings) as lotus:
        up = lotus.up()
        assert up.returncode == 0, up.stderr
        yield lotus


@pytest.mark.parametrize("kind", ["refused", "503", "hang"])
def test_an_outage_of_five_seconds_ends_in_the_models_answer(home: Lotus, server: Server, kind: str):
    restore = server.model.heal
    if kind == "refused":
        server.end()
        restore = server.start_again
    elif kind == "503":
        server.model.fault("status", times=1000, status=503)
    else:
        server.model.fault("hang", times=1000)
    asked_at = time.monotonic()
    asking = home.popen("ask", "are you there?")
    try:
        wait_until(lambda: time.monotonic() - asked_at > OUTAGE_S, what="the end of the outage")
        early = asking.poll()
    finally:
        restore()
    stdout, stderr = (text.decode() for text in asking.communicate(timeout=40))
    assert early is None, stdout
    assert (asking.returncode, stdout.strip()) == (0, REPLY), stderr
    assert "waiting up to 25 s for openai to answer again" in stderr
    assert re.search(r"openai: .* answered \d+ s later", stderr), stderr


def test_a_wrong_key_is_not_waited_for(home: Lotus, server: Server):
    server.model.script(api_key="another")
    try:
        done = home.run("ask", "are you there?", "--json")
    finally:
        server.model.script(api_key="")
    answer = json.loads(done.stdout)
    assert (answer["provider"], answer["degraded"]) == ("offline", ["openai: wrong key (401)"])
    assert answer["timings_ms"]["total"] < OUTAGE_S * 1000
    assert "waiting" not in done.stderr
