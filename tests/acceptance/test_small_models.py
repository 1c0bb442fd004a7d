"""A model that holds little, and more tools than it has room for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest
from stack import Lotus, lotus_home

from lotus_tasks.local.home import PROJECT
from tests.modelserver.handle import ModelServerHandle

REPLY = "Dial 17 was turned."


@pytest.fixture(scope="module")
def small(shared_model: ModelServerHandle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lotus]:
    """A LOTUS with 56 MCP tools, of two servers, beside its own."""
    settings = {
        "LOTUS_PROVIDERS": "openai,offline",
        "OPENAI_BASE_URL": shared_model.openai_url,
        "OPENAI_API_KEY": "sk-test-0123456789abcdef",
        "LOTUS_OUTAGE_PATIENCE_S": "0",
    }
    with lotus_home(**settings) as lotus:
        lotus.home.mkdir(parents=True)
        lines = tmp_path_factory.mktemp("small") / "lines.txt"
        command = json.dumps([sys.executable, "-m", "tests.mcpserver", str(lines), "--more", "20"])
        servers = [
            f'[[server]]\nname = "{name}"\ncommand = {command}\nfolder = "{PROJECT}"\n' for name in ("desk", "shelf")
        ]
        (lotus.home / "mcp.toml").write_text("\n".join(servers))
        lotus.up()
        yield lotus
        assert lotus.run("down").returncode == 0


def test_a_model_of_2048_tokens_answers_among_56_tools_and_is_offered_those_that_fit(
    small: Lotus, model: ModelServerHandle
):
    model.script(reply=REPLY, models=["small"], context_tokens=2048, context_words="llama.cpp")
    done = small.run("ask", "Turn dial 17 of the console", "--model", "small", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["answer"], answer["provider"]) == (REPLY, "openai")
    statuses = [call["status"] for call in model.calls]
    assert statuses == [400, 200]
    offered = [tool["function"]["name"] for tool in model.calls[-1]["body"]["tools"]]
    assert "desk_turn_dial_17" in offered
    (line,) = answer["degraded"]
    assert line.startswith("openai: ")
    assert "tools left out, the model's 2048 tokens hold no more: " in line
    left_out = line.rpartition(": ")[2].split(", ")
    everything = [tool["function"]["name"] for tool in model.calls[0]["body"]["tools"]]
    assert sorted([*offered, *left_out]) == sorted(everything)
    assert sum(name.startswith(("desk_", "shelf_")) for name in everything) == 56
    shown = small.run("runs", "show", answer["run_id"])
    assert "tools left out" in shown.stdout

    # Known now: nothing is refused any more.
    assert small.run("ask", "Turn dial 18", "--model", "small").returncode == 0
    assert [call["status"] for call in model.calls] in ([400, 200, 200], [400, 200, 400, 200])  # by which worker


def test_a_model_that_refuses_is_not_called_unreachable(small: Lotus, model: ModelServerHandle):
    assert small.run("remember", "The boathouse code is 4711.").returncode == 0
    model.script(models=["tiny"], context_tokens=17, context_words="llama.cpp")
    done = small.run("ask", "what is the boathouse code?", "--model", "tiny")
    assert done.returncode == 0, done.stderr
    assert "The boathouse code is 4711. [1]" in done.stdout
    said = " ".join(f"{done.stdout} {done.stderr}".split())
    assert "No model answered (openai: context too long), so this quotes your memory." in said
    assert "could be reached" not in said
