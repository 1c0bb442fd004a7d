"""Every command over text that would drive a terminal: nothing of it is obeyed, and pipes and JSON get it unharmed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from stack import Lotus, lotus_home, wait_until
from terminal import on_terminal

from lotus_tasks.cli.command_tree import commands_of, read
from lotus_tasks.local.home import PROJECT
from tests.commands import ENDED
from tests.modelserver.handle import ModelServerHandle

HOSTILE = (
    "\x1b]52;c;aGk=\x07CLIP \x1b]0;owned\x1b\\TITLE \x1b[2JGONE \x1b[8mHIDDEN \x1b[3AUP \x9b3JC1 \x9d0;x\x9cOSC "
    "\u202eRLO \u2066ISO\u2069 \x08BACK \rOVER \x0eSHIFT \x85NEL \x7fDEL"
)
MARKS = re.findall(r"([\x1b\x9b\x9d\u202e\u2066\x08\r\x0e\x85\x7f][^ \x1b\x9b\x9d]*)", HOSTILE)
"""A character that a terminal obeys, with what follows it there."""
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
OWN = re.compile(r"\x1b\[(?:0|[1-47]|2[2-79]|3[0-79]|4[0-79]|9[0-7]|;)*m|\x1b\[\d*[AJK]|\r(?=\n|\x1b\[)")
"""What LOTUS itself sends: weight and colours without the one that hides, the cursor upwards, erasing below, a row's begin."""


def obeyed(raw: str) -> list[str]:
    """What in these bytes a terminal would obey that isn't LOTUS's own."""
    found = [raw[max(0, at.start() - 40) : at.end() + 20] for at in OBEYED.finditer(OWN.sub("", raw))]
    return found + [mark for mark in MARKS if mark in raw]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A LOTUS full of hostile text, and what it calls it."""

    lotus: Lotus
    file: Path
    memory: str
    conversation: str
    run: str
    failed: str
    answer: str

    def commands(self) -> dict[str, list[list[str]]]:
        """Invocations of every command, in an order in which each finds what it needs."""
        bad, file = HOSTILE, str(self.file)
        return {
            "up": [["up"], ["up", bad]],
            "status": [["status"]],
            "logs": [["logs", "-n", "5"], ["logs", "hostile"], ["logs", bad]],
            "doctor": [["doctor"]],
            "ask": [
                ["ask", "--no-stream", f"where is the boat key? {bad}"],
                ["ask", "boat key", "-f", file],
                ["ask", "as JSON, please", "--schema", str(self.file.parent / "schema.json")],
                ["ask", "boat key", "--model", bad, "--provider", "offline"],
                ["ask", "boat key", "--provider", bad],
                ["ask", "boat key", "--conversation", bad],
                ["ask", "boat key", "-f", bad],
                ["ask", f"--{bad}"],
            ],
            "chat": [["chat", "--conversation", bad]],
            "conversations list": [["conversations", "list"]],
            "conversations show": [["conversations", "show", self.conversation], ["conversations", "show", bad]],
            "conversations delete": [["conversations", "delete", bad, "--yes"]],
            "runs list": [["runs", "list"], ["runs", "list", "--status", bad]],
            "runs show": [["runs", "show", self.run], ["runs", "show", self.failed], ["runs", "show", bad]],
            "runs follow": [["runs", "follow", self.run], ["runs", "follow", self.failed], ["runs", "follow", bad]],
            "runs cancel": [["runs", "cancel", self.run], ["runs", "cancel", bad]],
            "runs approve": [["runs", "approve", self.run], ["runs", "approve", bad]],
            "runs deny": [["runs", "deny", self.run], ["runs", "deny", bad]],
            "runs retry": [["runs", "retry", self.run], ["runs", "retry", bad]],
            "tools trust grant": [["tools", "trust", "grant", "host:example.org"], ["tools", "trust", "grant", bad]],
            "tools trust list": [["tools", "trust", "list"]],
            "tools trust revoke": [["tools", "trust", "revoke", "host:example.org"], ["tools", "trust", "revoke", bad]],
            "schedule add": [
                ["schedule", "add", "every day at 8:00", "ask", bad, "--name", "gone"],
                ["schedule", "add", bad, "ask", "x"],
                ["schedule", "add", "every day at 8:00", "ask", "x", "--name", bad],
                ["schedule", "add", "every day at 8:00", "ask", "x", "--tz", bad],
            ],
            "schedule list": [["schedule", "list"]],
            "schedule show": [["schedule", "show", "hostile"], ["schedule", "show", bad]],
            "schedule pause": [["schedule", "pause", "hostile"], ["schedule", "pause", bad]],
            "schedule resume": [["schedule", "resume", "hostile"], ["schedule", "resume", bad]],
            "schedule run-now": [["schedule", "run-now", "hostile"], ["schedule", "run-now", bad]],
            "schedule remove": [["schedule", "remove", "gone"], ["schedule", "remove", bad]],
            "on add": [
                ["on", "percept.captured", f"source={bad}*", "ask", bad, "--name", "gone"],
                ["on", "add", bad, "ask", "x"],
                ["on", "percept.captured", f"{bad}=x", "ask", "x"],
            ],
            "on list": [["on", "list"]],
            "on pause": [["on", "pause", "watcher"], ["on", "pause", bad]],
            "on resume": [["on", "resume", "watcher"], ["on", "resume", bad]],
            "on remove": [["on", "remove", "gone"], ["on", "remove", bad]],
            "inbox list": [["inbox"], ["inbox", "list", "--all"]],
            "inbox show": [["inbox", "show", self.answer], ["inbox", "show", bad]],
            "inbox clear": [["inbox", "clear"], ["inbox", "clear", bad]],
            "remember": [["remember", f"a second note {bad}"], ["remember", "x", "--when", bad]],
            "recall": [["recall", "boat key", "--explain"], ["recall", bad], ["recall", "x", "--since", bad]],
            "memory list": [["memory", "list"], ["memory", "list", "--kind", bad]],
            "memory show": [["memory", "show", self.memory], ["memory", "show", bad]],
            "memory edit": [["memory", "edit", self.memory, "--text", f"The boat key is lost {bad}"]],
            "memory history": [["memory", "history", self.memory], ["memory", "history", bad]],
            "memory explain": [["memory", "explain", self.memory], ["memory", "explain", bad]],
            "memory facts": [["memory", "facts", "--all"], ["memory", "facts", bad]],
            "memory profile": [["memory", "profile"]],
            "memory stats": [["memory", "stats"]],
            "memory consolidate": [["memory", "consolidate", "--dry-run"], ["memory", "consolidate"]],
            "memory reindex": [["memory", "reindex"], ["memory", "reindex", bad]],
            "memory export": [["memory", "export"], ["memory", "export", f"/nonexistent/{bad}"]],
            "memory import": [["memory", "import", file], ["memory", "import", bad]],
            "memory forget": [["memory", "forget", "--source", bad, "--yes"], ["memory", "forget", bad]],
            "ingest": [["ingest", str(self.file.parent)], ["ingest", bad], ["ingest", "--timeout", bad, "x"]],
            "perceived": [["perceived"], ["perceived", "--status", "skipped"], ["perceived", "--status", bad]],
            "providers list": [["providers", "list"]],
            "providers check": [["providers", "check"], ["providers", "check", bad]],
            "providers models": [["providers", "models"], ["providers", "models", bad]],
            "providers pull": [["providers", "pull", bad]],
            "providers usage": [["providers", "usage"], ["providers", "usage", "--days", bad]],
            "events emit": [["events", "emit", "memory.stored", f"source={bad}", "count=1"], ["events", "emit", bad]],
            "events tail": [["events", "tail", "--no-follow", "-n", "100"], ["events", "tail", "--name", bad]],
            "restart": [["restart", bad]],
            "worker": [["worker", bad]],
            "service install": [["service", "install", bad]],
            "service uninstall": [["service", "uninstall", bad]],
            "completion": [["completion", bad], ["completion", "bash", "--name", bad]],
            "down": [["down", bad]],
        }


@pytest.fixture(scope="module")
def stage(shared_model: ModelServerHandle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("hostile")
    settings = {
        "LOTUS_PROVIDERS": "openai,offline",
        "OPENAI_BASE_URL": shared_model.openai_url,
        "OPENAI_API_KEY": "sk-test-0123456789abcdef",
        "LOTUS_TOOL_FOLDERS": str(folder),
    }
    with lotus_home(**settings) as lotus:
        lotus.home.mkdir(parents=True)
        (lotus.home / "mcp.toml").write_text(f'[[server]]\nname = "dead"\ncommand = [{json.dumps(f"/no/{HOSTILE}")}]\n')
        lotus.up()
        yield _fill(lotus, shared_model, folder)
        assert lotus.run("down").returncode == 0


def _speak(model: ModelServerHandle) -> None:
    """Whatever is asked, the model answers with text that would drive the terminal."""
    model.reset()
    call = {"name": "write_file", "arguments": {"path": f"note {HOSTILE}.md", "text": HOSTILE}}
    model.script(
        reply=f'The key {HOSTILE}\n\n[a link](https://example.com/{HOSTILE} "{HOSTILE}")',
        rules=[
            {"contains": "JSON", "reply": json.dumps({"key": HOSTILE})},
            {"contains": "Data from", "reply": f"All done {HOSTILE}"},
            {"contains": "Not run", "reply": f"Not done {HOSTILE}"},
            {"contains": "please", "tool_calls": [call]},
        ],
        thinking=f"I think {HOSTILE}",
        models=["gpt-4o-mini", f"model {HOSTILE}"],
    )


def _fill(lotus: Lotus, model: ModelServerHandle, folder: Path) -> Stage:
    _speak(model)
    file = folder / f"boat\nkey {HOSTILE}.md"
    file.write_text(f"# Boat {HOSTILE}\n\nThe boat key hangs behind the door {HOSTILE}.\n")
    (folder / f"binary {HOSTILE}.md").write_bytes(b"\x00\x01\x02")
    (folder / "schema.json").write_text(json.dumps({"type": "object", "title": HOSTILE}))
    (lotus.home / "log" / "hostile.log").write_text(f"a line {HOSTILE}\n")
    told = json.loads(lotus.run("remember", f"I live in Kiel. The boat key is here {HOSTILE}", "--json").stdout)
    lotus.run("ingest", str(folder))
    asked = json.loads(lotus.run("ask", f"where is the boat key? {HOSTILE}", "--json").stdout)
    model.fail_next(times=6, status=400, message=f"no such thing {HOSTILE}")
    failed = json.loads(lotus.run("ask", f"and now? {HOSTILE}", "--provider", "openai", "--json").stdout)
    _speak(model)
    lotus.run("schedule", "add", "every day at 8:00", "ask", f"boat? {HOSTILE}", "--name", "hostile")
    lotus.run("on", "percept.captured", f"source=nothing{HOSTILE}*", "ask", f"boat? {HOSTILE}", "--name", "watcher")
    answer = lotus.run("schedule", "run-now", "hostile", "--detach").stdout.strip()
    wait_until(lambda: _ended(lotus, answer), timeout_s=30, what="the scheduled run")
    with lotus.database() as conn:  # where the door lets less in than a database may hold
        for query in (
            "UPDATE conversations SET title = %s || title, summary = %s, summary_until = now()",
            "UPDATE occasions SET name = name || %s, reason = reason || %s",
            "UPDATE schedule_slots SET note = %s",
            "UPDATE provider_calls SET model = model || %s",
        ):
            conn.execute(query, [HOSTILE] * query.count("%s"))
        query = "UPDATE runs SET status = 'failed', answer = NULL, error = %s WHERE id = %s"
        conn.execute(query, [f"the provider said {HOSTILE}", failed["run_id"]])
    return Stage(
        lotus=lotus,
        file=file,
        memory=told["memory_ids"][0],
        conversation=asked["conversation_id"],
        run=asked["run_id"],
        failed=failed["run_id"],
        answer=answer,
    )


def _ended(lotus: Lotus, run_id: str) -> bool:
    status: str = json.loads(lotus.run("runs", "show", run_id, "--json").stdout)["status"]
    return status in {"succeeded", "failed"}


def _listed(commands: Sequence[list[str]]) -> Path:
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8") as file:
        json.dump(commands, file)
    return Path(file.name)


def _cut(raw: str) -> list[tuple[str, int]]:
    parts = re.split(rf"\r?\n{ENDED}(\d+)\r?\n", raw)
    return list(zip(parts[0::2], map(int, parts[1::2]), strict=False))


def on_one_terminal(stage: Stage, commands: Sequence[list[str]]) -> list[tuple[str, int]]:
    """What each command sent to a real terminal, and its exit code."""
    file = _listed(commands)
    try:
        with on_terminal(stage.lotus, str(file), columns=60, draws=True, program=["-m", "tests.commands"]) as terminal:
            assert terminal.read_to_end(within_s=240) == 0, terminal.raw[-2000:]
            found = _cut(terminal.raw)
    finally:
        file.unlink()
    # both streams are one here, and each says that the command ended
    return found[0::2]


def in_one_pipe(stage: Stage, commands: Sequence[list[str]]) -> list[tuple[str, str, int]]:
    """What each command wrote to its two pipes, and its exit code."""
    file = _listed(commands)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.commands", str(file)],
            cwd=PROJECT, env=dict(stage.lotus.environment), capture_output=True, timeout=240, check=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        file.unlink()
    pairs = zip(_cut(done.stdout.decode()), _cut(done.stderr.decode()), strict=True)
    return [(out, err, code) for (out, code), (err, _) in pairs]


def test_nothing_that_any_command_shows_is_obeyed_by_the_terminal(stage: Stage):
    known = {path for path, command in commands_of(read()) if "commands" not in command}
    table = stage.commands()
    assert set(table) == known - {"psql"}, "each command has its line in Stage.commands; psql is a program of its own"
    commands = [one for several in table.values() for one in several]
    shown = on_one_terminal(stage, commands)
    assert len(shown) == len(commands)
    bad = {" ".join(map(ascii, arguments)): obeyed(raw) for arguments, (raw, _) in zip(commands, shown, strict=True)}
    assert {name: found for name, found in bad.items() if found} == {}
    assert sum("owned" in raw for raw, _ in shown) >= 70  # most show what they were given or what is there
    quiet = [arguments for arguments, (raw, _) in zip(commands, shown, strict=True) if not raw.strip()]
    assert quiet == []
    traces = [raw for raw, _ in shown if "Traceback" in raw or "internal error" in raw]
    assert traces == []


JSON_COMMANDS = {
    ("status",), ("ask", "boat key"), ("runs", "list"), ("runs", "show", "{run}"), ("runs", "follow", "{failed}"),
    ("conversations", "list"), ("conversations", "show", "{conversation}"), ("schedule", "list"),
    ("schedule", "show", "hostile"), ("on", "list"), ("inbox", "list", "--all"), ("inbox", "show", "{answer}"),
    ("recall", "boat key"), ("memory", "list"), ("memory", "show", "{memory}"), ("memory", "history", "{memory}"),
    ("memory", "explain", "{memory}"), ("memory", "facts", "--all"), ("memory", "profile"), ("memory", "stats"),
    ("perceived",), ("providers", "list"), ("providers", "models"), ("providers", "check"), ("providers", "usage"),
}  # fmt: skip
"""Commands that print one JSON document, all of which holds what the stage was filled with."""


def test_json_holds_the_text_whole_and_escaped_on_a_terminal_and_in_a_pipe(stage: Stage):
    names = {"run": stage.run, "failed": stage.failed, "answer": stage.answer}
    names |= {"conversation": stage.conversation, "memory": stage.memory}
    commands = [[*(word.format(**names) for word in one), "--json"] for one in sorted(JSON_COMMANDS)]
    piped = in_one_pipe(stage, commands)
    shown = on_one_terminal(stage, commands)
    whole = 0
    for arguments, (out, _, _), (raw, _) in zip(commands, piped, shown, strict=True):
        assert out.strip(), arguments
        document = json.loads(out)
        assert obeyed(out) == obeyed(raw) == [], arguments
        whole += HOSTILE in _texts(document)
    assert whole >= 15


def _texts(document: object) -> str:
    if isinstance(document, dict):
        return "\n".join(map(_texts, [*document, *document.values()]))
    return "\n".join(map(_texts, document)) if isinstance(document, list) else str(document)


def test_a_pipe_gets_the_text_as_it_is(stage: Stage):
    commands = [
        ["ask", "boat key", "--no-stream"],
        ["runs", "show", stage.run],
        ["conversations", "show", stage.conversation],
        ["memory", "show", stage.memory],
        ["inbox", "show", stage.answer],
        ["logs", "hostile"],
    ]
    for arguments, (out, err, code) in zip(commands, in_one_pipe(stage, commands), strict=True):
        assert code == 0, (arguments, err)
        assert HOSTILE in out, arguments


def test_the_question_for_a_yes_and_its_answer_are_not_obeyed(stage: Stage, shared_model: ModelServerHandle):
    _speak(shared_model)
    with on_terminal(stage.lotus, "ask", "write it, please", columns=200, draws=True) as terminal:
        terminal.wait_for("Allow? [y/N]")
        waiting = json.loads(stage.lotus.run("inbox", "list", "--json").stdout)[0]["run_id"]
        for arguments in (["runs", "show", waiting], ["inbox"], ["runs", "list", "--status", "waiting"]):
            ((raw, code),) = on_one_terminal(stage, [arguments])
            assert code == 0
            assert obeyed(raw) == []
        terminal.press(b"n\n")
        assert terminal.read_to_end() == 0
        assert "GONE" in terminal.raw
        assert obeyed(terminal.raw) == []


def test_a_streamed_answer_with_markdown_links_is_not_obeyed(stage: Stage, shared_model: ModelServerHandle):
    _speak(shared_model)
    shared_model.script(token_delay_s=0.002)
    with on_terminal(stage.lotus, "ask", "boat key", columns=60, draws=True) as terminal:
        assert terminal.read_to_end() == 0
        assert "a link" in terminal.raw
        assert obeyed(terminal.raw) == []


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [(["memory", "forget", "--source", HOSTILE], "Forget everything from"), (["conversations", "delete"], "Delete")],
)
def test_a_question_before_something_is_removed_is_not_obeyed(stage: Stage, arguments: list[str], asked: str):
    more = [stage.conversation] if arguments[0] == "conversations" else []
    with on_terminal(stage.lotus, *arguments, *more, columns=60, draws=True) as terminal:
        terminal.wait_for(asked)
        terminal.press(b"n\n")
        assert terminal.read_to_end() == 130
        assert "owned" in terminal.raw
        assert obeyed(terminal.raw) == []


def test_what_is_written_to_a_log_later_is_not_obeyed(stage: Stage):
    with on_terminal(stage.lotus, "logs", "hostile", "-f", columns=60, draws=True) as terminal:
        terminal.wait_for("GONE")
        with (stage.lotus.home / "log" / "hostile.log").open("a") as file:
            file.write(f"a later line {HOSTILE}\n")
        terminal.wait_for("later")
        terminal.wait_for("DEL")
        terminal.press(b"\x03")
        terminal.read_to_end()
        assert obeyed(terminal.raw) == []


def test_what_psql_shows_is_escaped_by_psql(stage: Stage):
    """It is a program of its own: it writes control characters out by itself, and leaves those that turn text around."""
    query = "SELECT text FROM memories LIMIT 5"
    with on_terminal(stage.lotus, "psql", "-P", "pager=off", "-c", query, columns=60, draws=True) as terminal:
        assert terminal.read_to_end() == 0
        assert "GONE" in terminal.raw
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", terminal.raw)


DRAWN = re.compile(r"\x1b\[[?>]?[\d;]*[A-DHJKPXhlnm]")
"""What the prompt draws itself with."""


def test_a_chat_over_hostile_titles_and_answers_obeys_nothing(stage: Stage, shared_model: ModelServerHandle):
    _speak(shared_model)
    with on_terminal(stage.lotus, "chat", columns=100, draws=True) as terminal:
        terminal.wait_for("Ctrl-D to leave")
        for line, then in (
            (b"/conversations", "GONE"),
            (b"/recall boat key", "GONE"),
            (f"/nothing\u202e{HOSTILE[-30:-20]}".encode().replace(b"\x85", b"").replace(b"\r", b""), "there is no"),
            (b"boat key", " s\r\n"),
        ):
            terminal.wait_for("›")  # before it, the kernel itself echoes what is typed
            terminal.press(line + b"\r")
            terminal.wait_for(then)
        terminal.wait_for("›")
        terminal.press(b"\x04")
        terminal.read_to_end()
    left = DRAWN.sub("", terminal.raw)
    assert [mark for mark in MARKS if mark in terminal.raw] == []
    assert not re.search("[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", left)
