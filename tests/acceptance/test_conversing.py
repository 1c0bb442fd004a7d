"""Conversations as users hold them: `chat`, `conversations`, structured answers, what a run cost."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

from stack import Lotus, wait_until
from terminal import on_terminal

from lotus_tasks.local.home import PROJECT
from tests.modelserver.handle import ModelServerHandle

REPLY = "one two three four five six seven eight nine ten"
SCHEMA = {"type": "object", "properties": {"depth_m": {"type": "number"}}, "required": ["depth_m"]}


def schema_file(folder: Path) -> str:
    path = folder / "depth.json"
    path.write_text(json.dumps(SCHEMA))
    return str(path)


def conversation_of(lotus: Lotus, question: str) -> str:
    return json.loads(lotus.run("ask", question, "--json").stdout)["conversation_id"]


def test_an_answer_that_fits_the_schema_is_printed_as_json(lotus: Lotus, model: ModelServerHandle, tmp_path: Path):
    model.script(reply='```json\n{"depth_m": 2.5}\n```')
    done = lotus.run("ask", "how deep is it?", "--schema", schema_file(tmp_path))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"depth_m": 2.5}
    assert '"depth_m"' in model.calls[-1]["body"]["messages"][0]["content"]


def test_a_model_gets_one_chance_to_mend_its_json(lotus: Lotus, model: ModelServerHandle, tmp_path: Path):
    mended = {"contains": "does not fit the JSON Schema", "reply": '{"depth_m": 3}'}
    model.script(reply='{"depth_m": "three"}', rules=[mended])
    done = lotus.run("ask", "how deep is it?", "--schema", schema_file(tmp_path), "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["data"]) == (0, {"depth_m": 3})
    assert len(model.calls) == 2
    assert "'three' is not of type 'number'" in model.calls[-1]["body"]["messages"][-1]["content"]


def test_json_that_does_not_fit_twice_fails_the_run_in_one_line(lotus: Lotus, model: ModelServerHandle, tmp_path: Path):
    model.script(reply="rather deep")
    done = lotus.run("ask", "how deep is it?", "--schema", schema_file(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not fit the JSON Schema" in done.stderr.splitlines()[-1]
    assert len(model.calls) == 2


def test_a_file_that_is_no_schema_is_refused_before_anything_is_asked(
    lotus: Lotus, model: ModelServerHandle, tmp_path: Path
):
    (tmp_path / "bad.json").write_text('{"type": "colour"}')
    done = lotus.run("ask", "how deep is it?", "--schema", str(tmp_path / "bad.json"))
    assert done.returncode == 2
    assert "is no JSON Schema" in done.stderr
    assert model.calls == []


def test_a_pipe_holds_a_conversation_line_by_line(lotus: Lotus, model: ModelServerHandle):
    model.script(rules=[{"contains": "and then?", "reply": "Then we *sail*."}], reply="We **load** first.")
    done = lotus.run("chat", stdin="what do we do?\n\nand then?\n/quit\nnever asked\n")
    assert (done.returncode, done.stdout) == (0, "We **load** first.\nThen we *sail*.\n"), done.stderr
    said = [message["content"] for message in model.calls[-1]["body"]["messages"][1:]]
    assert said[:2] == ["what do we do?", "We **load** first."]
    assert "\x1b" not in done.stdout + done.stderr


def test_chat_on_a_pipe_says_what_it_does_not_know_and_goes_on(lotus: Lotus, model: ModelServerHandle):
    done = lotus.run("chat", stdin="/fly\n/provider offline\n/new\n/help\nwho are you?\n")
    assert done.returncode == 1
    assert "lotus: there is no /fly here; /help lists what there is" in done.stderr
    assert "/remember" in done.stdout
    assert "offline provider" in done.stderr


def test_chat_remembers_and_recalls(lotus: Lotus, model: ModelServerHandle, tmp_path: Path):
    fact = f"The winch {tmp_path.name} is green."
    done = lotus.run("chat", stdin=f"/remember {fact}\n/recall winch {tmp_path.name}\n")
    assert done.returncode == 0, done.stderr
    assert fact in done.stdout


def test_chat_on_a_terminal_streams_cancels_and_goes_on(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=0.4, rules=[{"contains": "quick", "reply": "**Done** at once."}])
    with on_terminal(lotus, "chat", draws=True) as terminal:
        terminal.wait_for("LOTUS · /help")
        terminal.press(b"count to ten\r")
        terminal.wait_for("one two three")
        terminal.press(b"\x03")
        terminal.wait_for("run cancelled")
        model.wait_for(lambda calls: calls[0]["disconnected_at"], within_s=5)
        model.script(token_delay_s=0.0)
        terminal.press(b"be quick\x1b\rplease\r")
        terminal.wait_for("at once.")
        terminal.wait_for("openai ")
        assert model.calls[-1]["body"]["messages"][-1]["content"].startswith("be quick\nplease")
        terminal.press(b"/con\t")
        terminal.wait_for("/conversations")
        terminal.press(b"\x03")
        terminal.press(b"\x04")
        assert terminal.read_to_end() == 0
        assert "Traceback" not in terminal.raw
    history = lotus.home / "chat_history"
    assert "+count to ten" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_conversations_are_listed_shown_and_deleted(lotus: Lotus, model: ModelServerHandle):
    model.script(reply="In Marstal.")
    found = conversation_of(lotus, "Where does the boat lie? I forgot.")
    (row,) = [
        row
        for row in json.loads(lotus.run("conversations", "list", "--json").stdout)
        if row["conversation_id"] == found
    ]
    assert (row["title"], row["questions"]) == ("Where does the boat lie?", 1)
    shown = lotus.run("conversations", "show", found[:13])
    assert "> Where does the boat lie? I forgot.\nIn Marstal." in shown.stdout
    refused = lotus.run("conversations", "delete", found[:13], stdin="n\n")
    assert refused.returncode == 130
    done = lotus.run("conversations", "delete", found[:13], "--yes")
    assert (done.returncode, done.stdout) == (0, f"deleted {found}\n")
    gone = lotus.run("conversations", "show", found)
    assert gone.returncode == 1
    assert f"there is no conversation {found}" in gone.stderr


def test_deleting_a_conversation_stops_the_model_that_answers_in_it(lotus: Lotus, model: ModelServerHandle):
    model.script(reply=REPLY, token_delay_s=1.0)
    run = json.loads(lotus.run("ask", "count to ten", "--detach", "--json").stdout)
    model.wait_for(lambda calls: calls and calls[0]["tokens_sent"], within_s=15)
    assert lotus.run("conversations", "delete", run["conversation_id"], "--yes").returncode == 0
    model.wait_for(lambda calls: calls[0]["disconnected_at"], within_s=8)


def test_a_long_conversation_goes_on_with_a_summary_by_the_model(lotus: Lotus, model: ModelServerHandle):
    model.script(reply="Noted.", rules=[{"contains": "Summarise it", "reply": "They stow crates 0 to 5."}])
    lines = "".join(f"crate {number} is stowed\n" for number in range(11))
    assert lotus.run("chat", stdin=lines).returncode == 0
    found = json.loads(lotus.run("conversations", "list", "-n", "1", "--json").stdout)[0]["conversation_id"]

    def summary() -> str:
        return json.loads(lotus.run("conversations", "show", found, "--json").stdout)["summary"]

    wait_until(lambda: summary() == "They stow crates 0 to 5.", what="the model's summary")
    assert lotus.run("ask", "--conversation", found, "what now?").returncode == 0
    said = [message["content"] for message in model.calls[-1]["body"]["messages"][1:]]
    assert said[1:3] == ["They stow crates 0 to 5.", "crate 6 is stowed"]
    assert len(said) == 2 + 2 * 5 + 1


def test_without_a_model_a_long_conversation_is_summarised_by_rule(lotus: Lotus, model: ModelServerHandle):
    lines = "".join(f"Where is crate {number}? I forgot.\n" for number in range(11))
    assert lotus.run("chat", "--provider", "offline", stdin=lines).returncode == 0
    found = json.loads(lotus.run("conversations", "list", "-n", "1", "--json").stdout)[0]["conversation_id"]
    ended = (
        "SELECT 1 FROM commands WHERE payload ->> 'purpose' = 'summary' AND payload ->> 'conversation_id' = %s"
        " AND status = 'succeeded'"
    )
    with lotus.database() as conn:
        wait_until(lambda: conn.execute(ended, [found]).fetchone(), what="the offline provider's answer")
    summary = json.loads(lotus.run("conversations", "show", found, "--json").stdout)["summary"].splitlines()
    assert len(summary) == 6
    assert [line.partition(" → ")[0] for line in summary[:2]] == ["- Where is crate 0?", "- Where is crate 1?"]
    assert model.calls == []


def test_the_timeline_of_a_run_tells_tokens(lotus: Lotus, model: ModelServerHandle):
    model.script(reply="In Marstal.")
    run_id = json.loads(lotus.run("ask", "where?", "--json").stdout)["run_id"]
    shown = lotus.run("runs", "show", run_id).stdout
    assert " → 2 tokens" in shown
    assert "spent     " in shown


def test_bash_completes_commands_verbs_and_options(lotus: Lotus, tmp_path: Path):
    script = tmp_path / "completion.bash"
    script.write_text(lotus.run("completion", "bash").stdout)
    body = f"""source {script}
try() {{
    COMPREPLY=(); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}
    _lotus_complete_command ./manage.py
    echo "${{COMPREPLY[@]}}"
}}
try ./manage.py conv
try ./manage.py conversations de
try ./manage.py ask --sch
"""
    done = subprocess.run(
        ["bash", "-c", body],
        check=False,
        cwd=PROJECT,
        env=dict(lotus.environment),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["conversations", "delete", "--schema"], done.stderr
