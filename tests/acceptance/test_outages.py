"""A service is away while someone asks: what the user sees, and that LOTUS heals when it is back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from stack import Lotus, count_vectors, wait_until

from lotus_tasks.stack.supervision import Supervisor
from tests.modelserver.handle import ModelServerHandle

REPLY = "one two three four five six seven eight nine ten"


@contextmanager
def stopped(lotus: Lotus, name: str) -> Iterator[None]:
    """One process ended by the supervisor and kept so; it runs again afterwards."""
    supervisor = Supervisor(lotus.runtime.supervisor_socket)
    supervisor._call("stopProcess", f"services:{name}", True)
    try:
        yield
    finally:
        supervisor.start(name, "services")
        lotus.pid_of(name)


@contextmanager
def frozen(lotus: Lotus, name: str) -> Iterator[None]:
    """One process that answers nothing, as on a disk that hangs."""
    pid = lotus.pid_of(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(autouse=True)
def whole_lotus(lotus: Lotus) -> Iterator[None]:
    """The session's LOTUS is well again when a test ends."""
    yield
    wait_until(
        lambda: json.loads(lotus.run("status", "--json").stdout)["overall"] == "ok", timeout_s=60, what="overall ok"
    )


def index_lag(lotus: Lotus) -> int:
    """How many memories wait for their vector."""
    return int(json.loads(lotus.run("status", "--json").stdout)["memory"]["index_lag"])


class Lines:
    """What a process in the background writes on stderr, line by line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        self._stderr = process.stderr
        os.set_blocking(self._stderr.fileno(), False)
        self.text = ""

    def wait_for(self, wanted: str, *, within_s: float = 15.0) -> None:
        def read() -> bool:
            self.text += (self._stderr.read() or b"").decode()
            return wanted in self.text

        wait_until(read, timeout_s=within_s, what=f"{wanted!r} on stderr")


@pytest.mark.parametrize("outage", [stopped, frozen])
def test_without_redis_an_ask_is_accepted_says_so_and_is_answered_when_redis_is_back(
    lotus: Lotus, model: ModelServerHandle, outage
):
    model.script(reply=REPLY)
    with outage(lotus, "valkey"):
        asking = lotus.popen("ask", "count to ten")
        Lines(asking).wait_for("accepted and waits for Redis", within_s=20)
        assert asking.poll() is None
        back_at = time.monotonic()
    stdout, _ = asking.communicate(timeout=60)
    assert (asking.returncode, stdout.decode()) == (0, REPLY + "\n")
    assert time.monotonic() - back_at < 30
    assert len(model.calls) == 1


def test_without_redis_an_ask_can_be_detached(lotus: Lotus, model: ModelServerHandle):
    with stopped(lotus, "valkey"):
        done = lotus.run("ask", "are you there?", "--detach")
        assert (done.returncode, done.stderr) == (0, "")
    followed = lotus.run("runs", "follow", done.stdout.strip())
    assert (followed.returncode, followed.stdout) == (0, "The scripted model answers.\n"), followed.stderr


def test_without_postgres_an_ask_fails_at_once_with_exit_3_and_works_again_afterwards(
    lotus: Lotus, model: ModelServerHandle
):
    with stopped(lotus, "postgres"):
        for command in (["ask", "are you there?"], ["ask", "x", "--json"], ["runs", "list"], ["recall", "key"]):
            started = time.monotonic()
            done = lotus.run(*command)
            assert time.monotonic() - started < 5
            assert (done.returncode, done.stdout) == (3, "")
            (line,) = done.stderr.splitlines()
            assert "PostgreSQL does not answer" in line
            assert "Traceback" not in line
    wait_until(lambda: lotus.run("runs", "list").returncode == 0, timeout_s=30, what="PostgreSQL's return")
    done = lotus.run("ask", "are you there?")
    assert (done.returncode, done.stdout) == (0, "The scripted model answers.\n"), done.stderr


def test_an_ask_under_way_outlives_a_postgres_that_goes_and_comes(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.3)
    asking = lotus.popen("ask", "count to ten")
    model.wait_for(lambda calls: calls and calls[0]["tokens_sent"] >= 2, within_s=15)
    with stopped(lotus, "postgres"):
        Lines(asking).wait_for("PostgreSQL went away; waiting for it")
    stdout, _ = asking.communicate(timeout=60)
    assert (asking.returncode, stdout.decode()) == (0, REPLY + "\n")


def test_a_timeout_holds_although_postgres_is_away(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, first_token_delay_s=8)
    asking = lotus.popen("ask", "count to ten", "--timeout", "4")
    model.wait_for(lambda calls: calls, within_s=15)
    with stopped(lotus, "postgres"):
        _, stderr = asking.communicate(timeout=15)
    assert asking.returncode == 4
    assert "no answer within 4 s" in stderr.decode()


def test_without_chroma_answers_go_on_marked_degraded_and_the_index_catches_up(
    lotus: Lotus, model: ModelServerHandle, tmp_path: Path
):
    fact = f"The lantern of {tmp_path.name} stands in the cellar."
    question = f"Where does the lantern of {tmp_path.name} stand?"
    model.script(reply="In the cellar. [1]")
    with stopped(lotus, "chroma"):
        assert lotus.run("remember", fact, timeout_s=90).returncode == 0
        done = lotus.run("ask", question, "--json", timeout_s=90)
        answer = json.loads(done.stdout)
        assert answer["citations"][0]["text"] == fact
        assert any("Chroma" in trouble for trouble in answer["degraded"]), answer["degraded"]
        assert "· degraded: " in lotus.run("ask", question, timeout_s=90).stderr
    wait_until(lambda: index_lag(lotus) == 0, timeout_s=60, what="the index")
    healed = json.loads(lotus.run("ask", question, "--json").stdout)
    assert healed["degraded"] == []


def test_chroma_s_folder_deleted_while_it_runs_heals_by_itself(lotus: Lotus, tmp_path: Path):
    fact = f"The kayak of {tmp_path.name} lies under the veranda."
    assert lotus.run("remember", f"The ladder of {tmp_path.name} leans on the shed.", timeout_s=90).returncode == 0
    wait_until(lambda: index_lag(lotus) == 0, timeout_s=30, what="the index")
    before = count_vectors(lotus.runtime)
    assert before > 0
    first = lotus.pid_of("chroma")
    for path in (lotus.home / "data" / "chroma").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert lotus.run("remember", fact, timeout_s=90).returncode == 0
    wait_until(lambda: lotus.pid_of("chroma") != first, timeout_s=20, what="another Chroma")
    wait_until(lambda: count_vectors(lotus.runtime) > before, timeout_s=45, what="every vector's return")
    wait_until(lambda: index_lag(lotus) == 0, timeout_s=10, what="the index")
    found = lotus.run("recall", "Where is the canoe kept?", "--json", timeout_s=90)
    assert found.stderr == ""
    assert fact in [memory["text"] for memory in json.loads(found.stdout)]


def test_stopping_lotus_ends_a_follower_with_exit_3_and_the_run_goes_on_after_the_start(
    fresh_lotus: Lotus, model: ModelServerHandle
):
    model.script(reply=REPLY, first_token_delay_s=60)
    settings = {"LOTUS_PROVIDERS": "openai", "OPENAI_BASE_URL": model.openai_url}
    fresh_lotus.up(**settings)
    asking = fresh_lotus.popen("ask", "count to ten")
    model.wait_for(lambda calls: calls, within_s=15)
    assert fresh_lotus.run("down").returncode == 0
    _, stderr = asking.communicate(timeout=30)
    assert asking.returncode == 3, stderr
    line = stderr.decode().splitlines()[-1]
    assert "LOTUS was stopped" in line
    model.script(first_token_delay_s=0.0)
    fresh_lotus.up(**settings)
    followed = fresh_lotus.run("runs", "follow", line.split("follow ")[1].strip("`"))
    assert (followed.returncode, followed.stdout) == (0, REPLY + "\n"), followed.stderr
