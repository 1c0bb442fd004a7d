"""Models that fail, hang and are cancelled, as a user of the command line meets them."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from stack import Lotus, wait_until
from terminal import on_terminal

from lotus_tasks.origins import USER
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.models import RunOptions
from lotus_tasks.spine.database import connect
from lotus_tasks.spine.streams import TokenReader, connect_redis
from lotus_tasks.values import RunId
from tests.modelserver.handle import ModelServerHandle

KEY = "sk-test-0123456789abcdef"
REPLY = "one two three four five six seven eight nine ten"


def ask(lotus: Lotus, question: str, *options: str) -> dict[str, Any]:
    done = lotus.run("ask", question, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_for_disconnect(model: ModelServerHandle, since: float) -> float:
    """Seconds from ``since`` to the moment at which the model server saw its client leave."""
    calls = model.wait_for(lambda calls: calls and calls[0]["disconnected_at"], within_s=5)
    return calls[0]["disconnected_at"] - since


def test_a_cancelled_run_closes_the_stream_of_a_silent_model_within_a_second(lotus: Lotus, model: ModelServerHandle):
    model.fault("hang")
    run_id = lotus.run("ask", "hang on", "--detach").stdout.strip()
    model.wait_for(lambda calls: calls, within_s=15)
    assert lotus.run("runs", "cancel", run_id).returncode == 0
    with lotus.database() as conn:
        query = "SELECT extract(epoch FROM finished_at)::float8 FROM runs WHERE id = %s AND status = 'cancelled'"
        cancelled_at = wait_until(lambda: conn.execute(query, [run_id]).fetchone(), what="the cancellation")[0]
    assert wait_for_disconnect(model, cancelled_at) < 1.0


def test_ctrl_c_ends_the_model_call_and_the_command(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.5)
    asking = lotus.popen("ask", "count to ten")
    model.wait_for(lambda calls: calls and calls[0]["tokens_sent"] >= 2, within_s=15)
    pressed_at = time.time()
    asking.send_signal(signal.SIGINT)
    assert wait_for_disconnect(model, pressed_at) < 1.5
    _, stderr = asking.communicate(timeout=10)
    assert asking.returncode == 130, stderr.decode()
    assert model.calls[0]["tokens_sent"] < 10


def test_a_provider_that_recovers_is_asked_again_and_the_answer_says_so(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY)
    model.fault("cut")
    answer = ask(lotus, "count to ten")
    assert answer["answer"] == REPLY
    assert answer["provider"] == "openai"
    assert answer["degraded"] == ["openai: connection cut, answered at try 2"]


def test_one_cut_rests_no_provider_for_those_who_ask_after(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY)
    for _ in range(6):  # more than a breaker bears in a row: a try that succeeds between them counts
        model.fault("cut")
        assert ask(lotus, "count to ten")["degraded"] == ["openai: connection cut, answered at try 2"]


def test_a_provider_that_stays_broken_gives_way_to_the_next(lotus: Lotus, model: ModelServerHandle):
    lotus.run("remember", "The boathouse code is 4711.")
    model.fail_next(1000, status=503)
    answer = ask(lotus, "what is the boathouse code?")
    assert answer["provider"] == "offline"
    assert "The boathouse code is 4711. [1]" in answer["answer"]
    assert answer["citations"][0]["text"] == "The boathouse code is 4711."
    assert answer["degraded"] == ["openai: 503, still after 1 s"]


def test_a_wrong_key_is_named_and_shown_nowhere(lotus: Lotus, model: ModelServerHandle):
    model.script(api_key="another")
    answer = ask(lotus, "who am I?")
    assert answer["degraded"] == ["openai: wrong key (401)"]
    checked = lotus.run("providers", "check", "openai")
    assert checked.returncode == 1
    assert "check OPENAI_API_KEY" in checked.stdout
    with lotus.database() as conn:
        for table in ("commands", "events", "runs", "steps", "module_health", "provider_calls"):
            assert conn.execute(
                f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE %s", [f"%{KEY}%"]
            ).fetchone() == (0,)
    logs = [path for path in Path(lotus.home, "log").rglob("*") if path.is_file()]
    assert logs
    assert [path.name for path in logs if KEY.encode() in path.read_bytes()] == []


def test_the_usage_shows_calls_and_failures_by_model(lotus: Lotus, model: ModelServerHandle):
    model.fail_next(1, status=500)
    model.script(models=["llama3.2:latest", "counted"])
    ask(lotus, "count the calls", "--model", "counted")
    rows = json.loads(lotus.run("providers", "usage", "--json").stdout)
    (row,) = [row for row in rows if row["model"] == "counted"]
    assert (row["provider"], row["calls"], row["failed"], row["failures"]) == ("openai", 2, 1, ["server_fault"])
    assert row["output_tokens"] == 4
    assert row["first_token_ms_p50"] > 0


def test_the_providers_are_listed_in_the_order_in_which_they_are_asked(lotus: Lotus, model: ModelServerHandle):
    listed = json.loads(lotus.run("providers", "check", "--json").stdout)
    assert [(row["name"], row["reachable"]) for row in listed] == [("openai", True), ("offline", True)]


def test_an_unknown_provider_is_one_line(lotus: Lotus, model: ModelServerHandle):
    done = lotus.run("providers", "check", "nosuch")
    assert done.returncode == 1
    assert done.stderr.startswith("lotus: there is no provider 'nosuch'; there are: openai, offline")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("options", [(), ("--provider", "openai")], ids=["any", "one"])
def test_a_model_that_nobody_has_is_one_line_before_anything_is_sent(lotus: Lotus, model: ModelServerHandle, options):
    done = lotus.run("ask", "are you there?", "--model", "nosuch", *options)
    assert (done.returncode, done.stdout) == (1, "")
    who, whose = ("openai has no", " openai") if options else ("no provider has a", "")
    said = f"error: {who} model nosuch; `manage.py providers models{whose}` lists what there is"
    assert done.stderr.splitlines()[-1] == said
    assert model.calls == []


def shown_text(lotus: Lotus, run_id: RunId) -> str:
    """What stands on a reader's screen at the end: the text of the latest generation."""
    with connect_redis(lotus.runtime.redis_url) as client:
        generation, text = (0, 0), ""
        for entry in TokenReader(client, run_id).read(block_s=0.1):
            if entry.kind == "start" and entry.generation > generation:
                generation, text = entry.generation, ""
            elif entry.kind == "token" and entry.generation == generation:
                text += entry.text
        return text


def test_a_hundred_asks_at_once_succeed_without_doubled_text_while_half_the_calls_fail(
    lotus: Lotus, model: ModelServerHandle
):
    model.script(reply=REPLY)
    for kind in ("cut", "garbage", "end_early"):
        model.fault(kind, times=20, every=2)
    with connect(lotus.runtime.database_url, autocommit=True) as conn:
        runs = []
        for number in range(100):
            with conn.transaction():
                runs.append(
                    submit_run(conn, f"count {number} to ten", RunOptions(origin=USER), conversation_id=None).run_id
                )
        query = "SELECT count(*) AS n FROM runs WHERE id = ANY(%s) AND status = 'succeeded'"
        wait_until(lambda: conn.execute(query, [runs]).fetchone()["n"] == 100, timeout_s=60, what="a hundred answers")
        answers = {
            row["id"]: row["answer"] for row in conn.execute("SELECT id, answer FROM runs WHERE id = ANY(%s)", [runs])
        }
    assert {answer for answer in answers.values() if answer.startswith("one")} == {REPLY}
    assert {run_id: shown_text(lotus, run_id) for run_id in runs} == answers


def test_an_answer_cut_at_its_length_goes_on_and_one_cut_again_says_so(lotus: Lotus, model: ModelServerHandle):
    first = "The keel is five metres long and the mast is"
    rest = {"contains": "You were cut off", "reply": " twelve metres high.", "stop_reason": "stop"}
    model.script(rules=[rest], reply=first, stop_reason="length")
    done = lotus.run("ask", "How long is the boat?", "--json")
    found = json.loads(done.stdout)
    assert (found["answer"], found["stop_reason"], found["degraded"]) == (f"{first} twelve metres high.", "stop", [])

    model.script(rules=[])
    done = lotus.run("ask", "And how long is the other boat?")
    assert done.returncode == 0
    assert "degraded: openai: the answer was cut off at its greatest length" in done.stderr

    model.script(stop_reason="content_filter")
    done = lotus.run("ask", "And the third?", "--json")
    found = json.loads(done.stdout)
    assert found["stop_reason"] == "filtered"
    assert found["degraded"] == ["openai: its content filter broke the answer off"]
    shown = lotus.run("runs", "show", found["run_id"]).stdout
    assert "its content filter broke the answer off" in shown


def test_what_a_model_thinks_is_shown_where_it_is_wanted_and_never_in_the_answer(
    lotus: Lotus, model: ModelServerHandle
):
    model.script(reply="Behind the blue door.", thinking="The user asks for the key.\nIt hangs in Marstal.")
    shown = lotus.run("ask", "Where is the key?", "--show-thinking")
    assert shown.stdout == "Behind the blue door.\n"
    assert "The user asks for the key.\nIt hangs in Marstal.\n" in shown.stderr
    plain = lotus.run("ask", "Where is the key now?")
    assert plain.stdout == "Behind the blue door.\n"
    assert "Marstal" not in plain.stderr
    with on_terminal(lotus, "ask", "And where is it now?", "--show-thinking") as terminal:
        assert terminal.read_to_end() == 0
        assert "\x1b[2mIt hangs in Marstal.\x1b[22m" in terminal.raw


def test_what_a_server_refused_is_known_to_the_worker_that_comes_after(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, models=["refusing"])
    model.fail_next(1, status=400, message="Unknown parameter: stream_options")
    assert ask(lotus, "count", "--model", "refusing")["answer"] == REPLY
    lotus.kill("worker-providers")
    assert ask(lotus, "count again", "--model", "refusing")["answer"] == REPLY
    assert ["stream_options" in call["body"] for call in model.calls] == [True, False, False]
    with lotus.database() as conn:
        found = conn.execute("SELECT refused FROM provider_findings WHERE model = 'refusing'").fetchone()
    assert found == (["stream_options"],)
