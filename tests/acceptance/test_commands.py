"""Commands with their options, one after the other in this process, against a real LOTUS: what they say, and what they change."""

from __future__ import annotations

import io
import json
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stack import Lotus, lotus_home, wait_until

from lotus_tasks.cli import main
from lotus_tasks.cli import service as service_module
from lotus_tasks.values import counted
from tests.modelserver.handle import ModelServerHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command wrote, and its exit code."""

    out: str
    err: str
    code: int

    @property
    def json(self) -> Any:
        """What it wrote, read as JSON."""
        return json.loads(self.out)


Manage = Callable[..., Done]


@pytest.fixture
def manage(lotus: Lotus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Manage]:
    """`manage.py` without a process of its own. It must succeed, unless the test names another ``code``."""
    for name, value in lotus.environment.items():
        monkeypatch.setenv(name, value)
    handler = signal.getsignal(signal.SIGINT)

    def run(*arguments: str, stdin: str = "", code: int = 0) -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        capsys.readouterr()
        found = main(arguments)
        written = capsys.readouterr()
        assert found == code, f"{arguments}: exit {found}\n{written.out}\n{written.err}"
        return Done(out=written.out, err=written.err, code=found)

    yield run
    signal.signal(signal.SIGINT, handler)


@pytest.fixture
def word() -> str:
    """A word that nothing else in memory has."""
    return f"w{uuid.uuid4().hex[:10]}"


def test_a_memory_is_told_shown_edited_and_its_history_kept(manage: Manage, word: str):
    told = manage("remember", f"The winch {word} is green", "--kind", "fact", "--when", "2025-02-03", "--json").json
    (memory_id,) = told["memory_ids"]
    shown = manage("memory", "show", memory_id, "--json").json["memory"]
    assert (shown["kind"], shown["happened_at"][:10], shown["source"]) == ("fact", "2025-02-03", "user")
    assert f"The winch {word} is green" in manage("memory", "show", memory_id[:13]).out.splitlines()

    said = manage(
        "memory", "edit", memory_id, "--text", f"The winch {word} is red", "--kind", "note", "--importance", "0.9"
    )
    assert said.out.startswith("changed ")
    assert {"text", "kind", "importance"} <= set(said.out.removeprefix("changed ").strip().split(", "))
    after = manage("memory", "show", memory_id, "--json").json["memory"]
    assert (after["text"], after["kind"], after["importance"]) == (f"The winch {word} is red", "note", 0.9)
    assert "nothing changed" in manage("memory", "edit", memory_id, "--kind", "note").out

    changes = manage("memory", "history", memory_id, "--json").json["changes"]
    assert any((change["before"] or {}).get("text") == f"The winch {word} is green" for change in changes)
    assert "is green → " in manage("memory", "history", memory_id).out
    assert manage("memory", "explain", memory_id, "--json").json["changes"] == changes

    refused = manage("memory", "edit", memory_id, "--text", f"The password of {word} is tr0ub4dor&3", code=1)
    assert "secret" in refused.err
    manage("memory", "edit", memory_id, "--text", f"The password of {word} is tr0ub4dor&3", "--insist")
    assert "tr0ub4dor&3" in manage("memory", "show", memory_id).out
    assert manage("memory", "forget", memory_id, "--json").json
    assert "no memory" in manage("memory", "show", memory_id, code=1).err


def test_a_secret_is_kept_only_on_insisting(manage: Manage, word: str):
    assert "--insist" in manage("remember", f"The password of {word} is tr0ub4dor&3", code=1).err
    assert manage("remember", f"The password of {word} is tr0ub4dor&3", "--insist").out.startswith("remembered ")


def test_recall_and_list_keep_to_what_was_asked_for(manage: Manage, word: str, tmp_path: Path):
    file = tmp_path / "boat.md"
    file.write_text(f"The anchor {word} lies in the locker.\n")
    manage("ingest", str(file))
    manage("remember", f"The anchor {word} weighs 12 kg", "--kind", "fact", "--when", "2024-05-06")
    asked = manage("ask", f"what of the anchor {word}?", "--json").json["conversation_id"]

    told, read = f"The anchor {word} weighs 12 kg", f"The anchor {word} lies in the locker."

    def found(*arguments: str) -> set[str]:
        return {one["text"] for one in manage(*arguments, "--json").json if one["text"] in {told, read}}

    query = f"anchor {word}"
    assert found("recall", query) == {told, read}
    assert found("recall", query, "--kind", "fact") == {told}
    assert found("recall", query, "--source", str(file)) == {read}
    assert found("recall", query, "--until", "2024-06-01") == {told}
    assert found("recall", query, "--since", "2024-06-01") == {read}
    assert found("recall", query, "--conversation", asked) == set()
    assert len(manage("recall", query, "-k", "1", "--json").json) == 1
    explained = manage("recall", query, "-n", "2", "--explain")
    assert " = " in explained.out
    assert "terms: " in explained.err

    assert found("memory", "list", "-n", "10000") == {told, read}
    assert found("memory", "list", "--kind", "fact") == {told}
    assert found("memory", "list", "--source", str(file)) == {read}
    assert found("memory", "list", "-n", "10000", "--until", "2024-06-01") == {told}
    assert found("memory", "list", "-n", "10000", "--since", "2024-06-01") == {read}
    assert found("memory", "list", "--conversation", asked) == set()
    tiers = [found("memory", "list", "-n", "10000", "--tier", str(tier)) for tier in (1, 2, 3, 4)]
    assert sum(told in tier for tier in tiers) == 1
    assert len(manage("memory", "list", "-n", "1").out.splitlines()) == 1

    assert "no memory comes from" in manage("memory", "forget", "--source", "/nowhere", "--yes", code=1).err
    removed = manage("memory", "forget", "--source", str(file), "--yes", "--json").json
    assert removed["memories"] == 1
    assert found("memory", "list", "--source", str(file)) == set()


def test_what_is_exported_is_imported_whole(manage: Manage, word: str, tmp_path: Path):
    (memory_id,) = manage("remember", f"Käse {word} 世界 \x1b[2J", "--json").json["memory_ids"]
    file = tmp_path / "memories.jsonl"
    count = int(manage("memory", "export", str(file)).err.split()[0])
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == count
    assert manage("memory", "export", "-").out.count("\n") == count
    (line,) = [one for one in lines if one["memory_id"] == memory_id]
    manage("memory", "forget", memory_id)
    again = json.dumps(line)
    assert manage("memory", "import", "-", stdin=again).out == "1 memory imported, 0 known already\n"
    assert manage("memory", "import", "-", stdin=again).out == "0 memories imported, 1 known already\n"
    assert f"Käse {word} 世界 \x1b[2J" in manage("memory", "show", memory_id).out
    secret = json.dumps({**line, "memory_id": str(uuid.uuid4()), "text": f"The password of {word} is tr0ub4dor&3"})
    assert "secret" in manage("memory", "import", "-", stdin=secret, code=1).err
    assert manage("memory", "import", "-", "--insist", stdin=secret).out.startswith("1 memory imported")
    assert "line 1 is no JSON" in manage("memory", "import", "-", stdin="{", code=2).err
    assert "can't be written" in manage("memory", "export", "/nonexistent/folder/file", code=1).err


def test_the_index_is_made_anew_and_counted(manage: Manage, word: str):
    manage("remember", f"A note for the index {word}")
    assert manage("memory", "reindex", "--words").out == "the vector index is whole\n"
    assert manage("memory", "reindex").out == "the vector index is whole\n"
    stats = manage("memory", "stats", "--json").json
    assert stats["index_lag"] == 0
    assert sum(stats["by_kind"].values()) == stats["memories"] > 0
    shown = manage("memory", "stats").out.splitlines()
    assert shown[0].startswith(f"{counted(stats['memories'], 'memory')}, 0 waiting for their vector")
    assert {"tiers", "kinds", "sources with the most"} <= set(shown)
    (found, *_) = manage("recall", word, "--json").json
    assert found["text"] == f"A note for the index {word}"


def test_facts_are_told_with_the_time_they_hold(manage: Manage, word: str):
    manage("remember", f"My dentist is {word}a", "--kind", "fact", "--when", "2024-01-05")
    manage("remember", f"My dentist is now {word}b", "--kind", "fact")
    result = manage("memory", "consolidate", "--json").json
    assert isinstance(result["planned"], list)
    assert "dry run: nothing was changed" in manage("memory", "consolidate", "--dry-run").out
    now = manage("memory", "facts", "user", "--json").json
    assert f"{word}b" in {fact["value"] for fact in now}
    assert f"{word}a" not in {fact["value"] for fact in now}
    assert f"{word}a" in manage("memory", "facts", "user", "--all").out


def test_a_schedule_is_kept_paused_resumed_run_and_removed(manage: Manage, model: ModelServerHandle, word: str):
    model.script(reply=f"planned {word}")
    added = manage(
        *("schedule", "add", "every weekday at 8:00", "ask", "what is planned?", "--tz", "Europe/Copenhagen"),
        *("--missed", "skip", "--name", word, "--provider", "openai", "--model", "gpt-4o-mini", "--json"),
    ).json
    assert (added["name"], added["zone"], added["missed"], added["model"]) == (
        word, "Europe/Copenhagen", "skip", "gpt-4o-mini",
    )  # fmt: skip
    assert word in {row["name"] for row in manage("schedule", "list", "--json").json}
    assert manage("schedule", "pause", word, "--json").json["state"] == "paused"
    assert "is paused" in manage("schedule", "pause", word).out
    assert manage("schedule", "resume", word, "--json").json["state"] == "active"
    run_id = manage("schedule", "run-now", word, "--detach", "--json").json["run_id"]
    assert manage("runs", "follow", run_id, "--timeout", "30", "--json").json["answer"] == f"planned {word}"
    assert manage("schedule", "run-now", word, "--json").json["answer"] == f"planned {word}"
    assert len(manage("schedule", "show", word, "--json").json["slots"]) == 2

    inbox = manage("inbox", "list", "-n", "1000", "--json").json
    assert run_id in {row["run_id"] for row in inbox}
    assert manage("inbox", "show", run_id, "--json").json["answer"] == f"planned {word}"
    assert run_id not in {row["run_id"] for row in manage("inbox", "list", "-n", "1000", "--json").json}
    assert manage("inbox", "clear", run_id, "--json").json == {"cleared": 0}
    assert manage("schedule", "remove", word, "--json").json["name"] == word
    assert word in manage("schedule", "show", word, code=1).err


def test_a_subscription_is_kept_paused_resumed_and_removed(manage: Manage, word: str):
    added = manage(
        *("on", "add", "percept.captured", f"source=/nowhere/{word}/*", "ask", "what is new?", "--per-hour", "3"),
        *("--name", word, "--provider", "openai", "--model", "gpt-4o-mini", "--json"),
    ).json
    assert (added["per_hour"], added["provider"], added["patterns"]) == (3, "openai", {"source": f"/nowhere/{word}/*"})
    assert word in {row["name"] for row in manage("on", "list", "--json").json}
    assert manage("on", "pause", word, "--json").json["state"] == "paused"
    assert "paused, 0 started" in next(line for line in manage("on", "list").out.splitlines() if line.startswith(word))
    assert manage("on", "resume", word, "--json").json["state"] == "active"
    assert manage("on", "resume", word).out.startswith(f"{word}: on percept.captured")
    assert manage("on", "remove", word, "--json").json["name"] == word
    assert word in manage("on", "pause", word, code=1).err


def test_a_run_is_refused_cancelled_and_retried(manage: Manage, model: ModelServerHandle, word: str):
    call = {"name": "write_file", "arguments": {"path": f"{word}.md", "text": "x"}}
    model.script(rules=[{"contains": "Not run", "reply": "Left undone."}, {"contains": word, "tool_calls": [call]}])
    run_id = manage("ask", f"write {word}", "--detach", "--json").json["run_id"]
    wait_until(
        lambda: manage("runs", "show", run_id, "--json").json["status"] in {"waiting", "succeeded", "failed"},
        timeout_s=30,
        what="the run's question",
    )
    if manage("runs", "show", run_id, "--json").json["status"] == "waiting":
        step = manage("runs", "show", run_id, "--json").json["steps"][-1]["seq"]
        denied = manage("runs", "deny", run_id, "--step", str(step), "--json").json
        assert denied == {"run_id": run_id, "approved": False, "steps": [step]}
    manage("runs", "follow", run_id, "--timeout", "30")
    assert "asks for nothing" in manage("runs", "approve", run_id, "--json", code=1).err

    model.script(rules=[], reply="slowly slowly", first_token_delay_s=20.0)
    run_id = manage("ask", f"wait {word}", "--detach").out.strip()
    assert "no answer within 0.1 s" in manage("runs", "follow", run_id, "--timeout", "0.1", code=4).err
    assert manage("runs", "cancel", run_id, "--json").json == {"run_id": run_id, "status": "cancelled"}
    assert "already ended" in manage("runs", "cancel", run_id, code=1).err
    model.script(first_token_delay_s=0.0)
    assert manage("runs", "retry", run_id, "--detach", "--json").json == {"run_id": run_id, "status": "queued"}
    assert "slowly slowly" in manage("runs", "follow", run_id, "--timeout", "30").out
    conversation = manage("runs", "show", run_id, "--json").json["conversation_id"]
    assert manage("conversations", "delete", conversation, "--yes", "--json").json["deleted"] is True
    assert "there is no conversation" in manage("conversations", "show", conversation, code=1).err


def test_a_chat_goes_on_with_a_conversation_and_a_model(manage: Manage, model: ModelServerHandle, word: str):
    first = manage("ask", f"remember this: {word}", "--json").json["conversation_id"]
    manage("chat", "--conversation", first, "--model", "gpt-4o-mini", stdin="what was it?\n")
    assert any(word in message["content"] for message in model.calls[-1]["body"]["messages"][1:-1])
    assert model.calls[-1]["body"]["model"] == "gpt-4o-mini"
    manage("chat", "--continue", stdin="and again?\n")
    assert len(manage("conversations", "show", first, "--json").json["runs"]) == 3


def test_what_was_read_is_listed_as_far_as_wanted(manage: Manage, tmp_path: Path):
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(f"text of {tmp_path.name} {name}")
    manage("ingest", str(tmp_path), "--timeout", "60")
    assert len(manage("perceived", "--limit", "1", "--json").json) == 1


def test_providers_say_what_they_offer(manage: Manage, model: ModelServerHandle):
    listed = {row["name"]: row for row in manage("providers", "list", "--json").json}
    assert set(listed) == {"openai", "offline"}
    assert "openai" in manage("providers", "list").out
    offered = manage("providers", "models", "openai", "--json").json
    assert [one["name"] for one in offered[0]["models"]] == ["llama3.2:latest", "gpt-4o-mini"]
    assert "openai  gpt-4o-mini" in manage("providers", "models").out
    manage("ask", "count me", "--json")
    used = manage("providers", "usage", "--days", "1", "--json").json
    assert sum(row["calls"] for row in used) >= 1


def test_logs_go_on_with_what_is_written(lotus: Lotus, word: str):
    log = lotus.home / "log" / f"{word}.log"
    log.write_text("first\nsecond\n")
    process = lotus.popen("logs", word, "--follow", "-n", "1")
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert process.stdout.readline() == b"second\n"
        with log.open("a") as file:
            file.write("third\n")
        assert process.stdout.readline() == b"third\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
        log.unlink()


def test_the_service_is_installed_and_removed(
    manage: Manage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lotus: Lotus
):
    """With a systemctl that notes what it is told: no test changes the services of the machine it runs on."""
    noted = tmp_path / "noted"
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {noted}\n')
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(service_module, "_refuse_without_systemd", lambda: None)
    unit = tmp_path / ".config/systemd/user/lotus.service"
    manage("service", "install")
    assert f'Environment="LOTUS_HOME={lotus.home}"' in unit.read_text().splitlines()
    manage("service", "uninstall")
    assert not unit.exists()
    assert noted.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now lotus.service",
        "--user disable --now lotus.service",
        "--user daemon-reload",
    ]
    assert "nothing to do" in manage("service", "uninstall").err


def test_in_the_foreground_it_serves_until_ctrl_c(model: ModelServerHandle):
    """With Ollama, which alone downloads models."""
    with lotus_home(LOTUS_PROVIDERS="ollama,offline", OLLAMA_HOST=model.ollama_url) as lotus:
        process = lotus.popen("up", "--foreground")
        assert process.stdout is not None
        try:
            said = []
            for line in process.stdout:
                said.append(line.decode().strip())
                if line.startswith(b"Ready: "):
                    break
            assert "✓ Loaded: memory" in said
            pulled = lotus.run("providers", "pull", "llama3.2")
            assert pulled.returncode == 0, pulled.stderr
            assert pulled.stdout.startswith("llama3.2 is here; ")
            assert "pulling manifest" in pulled.stderr
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, (out, err)
            assert err.decode().endswith("LOTUS has stopped.\n")
            assert lotus.processes() == []
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


@pytest.mark.parametrize(
    "arguments", [("ask", ""), ("ask", " \n"), ("recall", ""), ("recall", " "), ("remember", ""), ("remember", "-")]
)
def test_an_empty_text_is_a_wrong_usage_whatever_it_is_for(manage: Manage, arguments: tuple[str, ...]):
    done = manage(*arguments, stdin=" \n", code=2)
    assert done.out == ""
    assert done.err.startswith("lotus: ")
    assert "empty" in done.err
    assert len(done.err.splitlines()) == 1


def test_the_beginning_of_a_conversations_id_is_enough_to_find_what_was_said_in_it(manage: Manage, word: str):
    asked = manage("ask", f"Where is the {word}?", "--json").json
    begun = asked["conversation_id"][:8]
    looking = ("recall", word, "--kind", "question", "--conversation", begun, "--json")
    (found,) = wait_until(lambda: manage(*looking).json, what="the question in memory")
    assert found["source"] == f"conversation:{asked['conversation_id']}"
    listed = [one["text"] for one in manage("memory", "list", "--conversation", begun, "--json").json]
    assert f"Where is the {word}?" in listed
    assert f"conversation {begun}, begun " in manage("memory", "stats").out
    assert asked["conversation_id"] not in manage("memory", "stats").out


@pytest.mark.parametrize(
    "arguments",
    [
        ("schedule", "remove", "\udcff"), ("on", "pause", "\udcff"), ("remember", "\udcff"), ("runs", "show", ""),
        ("providers", "pull", " "),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)  # fmt: skip
def test_what_can_not_be_meant_is_a_wrong_usage_in_one_line(manage: Manage, arguments: tuple[str, ...]):
    done = manage(*arguments, code=2)
    assert done.err.startswith("lotus: ")
    assert len(done.err.splitlines()) == 1
    assert "internal error" not in done.err
