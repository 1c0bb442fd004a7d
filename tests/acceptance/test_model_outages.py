"""A model server that is away for a while, as whoever asks meets it: the answer comes later, and it is the model's."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from stack import Lotus, lotus_home, wait_until

from tests.modelserver.handle import ModelServerHandle, model_server_process

OUTAGE_S = 5.0
PATIENCE_S = 25.0
"""LOTUS_OUTAGE_PATIENCE_S as it is where nobody sets it."""
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


def said_while(asking: subprocess.Popen[bytes], words: str) -> str:
    """What it has said on stderr by the time that ``words`` stand there."""
    assert asking.stderr
    heard = b""
    while words.encode() not in heard:
        piece = os.read(asking.stderr.fileno(), 4096)
        assert piece, f"it ended without {words!r}: {heard.decode()}"
        heard += piece
    return heard.decode()


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("kind", "outage_s"),
    [
        ("refused", OUTAGE_S),
        ("503", OUTAGE_S),
        ("hang", OUTAGE_S),
        pytest.param("refused", PATIENCE_S - 3, marks=pytest.mark.chaos),
        pytest.param("503", PATIENCE_S - 3, marks=pytest.mark.chaos),
    ],
)
def test_an_outage_within_the_patience_ends_in_the_models_answer(
    home: Lotus, server: Server, kind: str, outage_s: float
):
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
        wait_until(lambda: time.monotonic() - asked_at > outage_s, timeout_s=60, what="the end of the outage")
        early = asking.poll()
    finally:
        restore()
    stdout, stderr = (text.decode() for text in asking.communicate(timeout=40))
    assert early is None, stdout
    assert (asking.returncode, stdout.strip()) == (0, REPLY), stderr
    assert f"waiting up to {PATIENCE_S:.0f} s for openai to answer again" in stderr
    assert re.search(r"openai: .* answered \d+ s later", stderr), stderr


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_an_outage_beyond_the_patience_ends_in_a_quote_that_names_it(home: Lotus, server: Server):
    server.end()
    try:
        asked_at = time.monotonic()
        done = home.run("ask", "are you there?", timeout_s=90)
        took_s = time.monotonic() - asked_at
    finally:
        server.start_again()
    assert (done.returncode, REPLY in done.stdout) == (0, False), done.stderr
    assert f"waiting up to {PATIENCE_S:.0f} s for openai to answer again" in done.stderr
    assert "openai: connection refused" in done.stderr.partition("waiting up to")[2]
    assert PATIENCE_S - 1 < took_s < PATIENCE_S + 25


def test_ctrl_c_ends_the_waiting_at_once(home: Lotus, server: Server):
    server.end()
    try:
        asking = home.popen("ask", "are you there?")
        said_while(asking, "for openai to answer again")
        stopped_at = time.monotonic()
        asking.send_signal(signal.SIGINT)
        stdout, stderr = asking.communicate(timeout=20)
        took_s = time.monotonic() - stopped_at
        named = re.search(r"retry ([0-9a-f-]+)", stderr.decode())
    finally:
        server.start_again()
    assert (asking.returncode, stdout) == (130, b""), stderr
    assert took_s < OUTAGE_S
    assert named, stderr
    with home.database() as conn:
        row = conn.execute("SELECT id::text FROM runs WHERE id::text LIKE %s", [f"{named[1]}%"]).fetchone()
        assert row
        (run_id,) = row

        def open_commands() -> int:
            query = "SELECT count(*) FROM commands WHERE run_id = %s AND status IN ('queued', 'running')"
            found = conn.execute(query, [run_id]).fetchone()
            return found[0] if found else -1

        wait_until(lambda: open_commands() == 0, timeout_s=OUTAGE_S, what="the end of the model call")
    assert home.run_status(run_id) == "cancelled"


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
