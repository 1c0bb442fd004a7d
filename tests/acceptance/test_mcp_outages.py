"""An MCP server that is slow to come back after its worker's death: a tool that was offered is waited for, with a bound."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from stack import ENDED, Lotus, lotus_home, wait_until

from lotus_tasks.local.home import PROJECT
from tests.modelserver.handle import ModelServerHandle

SLOW_S = 12
"""Longer than a run that begins waits for its servers (FIRST_WAIT_S)."""
START = """
import pathlib, runpy, sys, time
begun = pathlib.Path(sys.argv[1] + ".begun")
if begun.exists():
    time.sleep(float(pathlib.Path(sys.argv[1] + ".slow").read_text()))
begun.touch()
runpy.run_module("tests.mcpserver", run_name="__main__")
"""


@pytest.fixture
def slow_server(lotus_settings: Mapping[str, str], tmp_path: Path) -> Iterator[tuple[Lotus, Path]]:
    """A LOTUS with one MCP server, and the file that says how long, in seconds, its next start takes."""
    lines = tmp_path / "lines.txt"
    lines.write_text("the first line\n", encoding="utf-8")
    with lotus_home(**lotus_settings) as lotus:
        lotus.home.mkdir(parents=True)
        command = json.dumps([sys.executable, "-c", START, str(lines)])
        (lotus.home / "mcp.toml").write_text(
            f'[[server]]\nname = "lines"\ncommand = {command}\nfolder = "{PROJECT}"\ntrusted = true\n', encoding="utf-8"
        )
        lotus.up()
        yield lotus, lines.with_name(lines.name + ".slow")
        assert lotus.run("down", timeout_s=120).returncode == 0


def killed_in_the_first_thought(lotus: Lotus, model: ModelServerHandle) -> str:
    """A run whose model, while its worker is killed, decides for the server's tool."""
    model.script(
        rules=[
            {"contains": "Data from", "reply": "All done."},
            {"contains": "This failed", "reply": "It failed."},
            {"contains": "please", "tool_calls": [{"name": "lines_read_lines", "arguments": {}}]},
        ],
        first_token_delay_s=1.0,
    )

    def offered() -> str | None:
        done = lotus.run("ask", "read the lines, please", "--detach")
        assert done.returncode == 0, done.stderr
        run_id = done.stdout.strip()
        called = model.wait_for(lambda calls: calls, within_s=30)
        if any(tool["function"]["name"] == "lines_read_lines" for tool in called[-1]["body"].get("tools", ())):
            return run_id
        lotus.wait_for_run(run_id, *ENDED, timeout_s=60)
        return None

    run_id = wait_until(offered, timeout_s=90, what="a run that is offered the tool")
    lotus.kill("worker-reasoning")
    return run_id


def act(lotus: Lotus, run_id: str) -> dict:
    steps = json.loads(lotus.run("runs", "show", run_id, "--json").stdout)["steps"]
    return next(step for step in steps if step["kind"] == "act")


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_the_tool_of_a_server_that_is_slow_to_come_back_is_waited_for(
    slow_server: tuple[Lotus, Path], model: ModelServerHandle
):
    lotus, slow = slow_server
    slow.write_text(str(SLOW_S), encoding="ascii")
    run_id = killed_in_the_first_thought(lotus, model)
    lotus.wait_for_run(run_id, "succeeded", timeout_s=100)
    assert act(lotus, run_id)["status"] == "succeeded"
    assert any("the first line" in str(call["body"]) for call in model.calls)


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_server_that_does_not_come_back_is_named_after_the_bound(
    slow_server: tuple[Lotus, Path], model: ModelServerHandle
):
    lotus, slow = slow_server
    slow.write_text("600", encoding="ascii")
    run_id = killed_in_the_first_thought(lotus, model)
    lotus.wait_for_run(run_id, "succeeded", timeout_s=150)
    assert act(lotus, run_id)["status"] == "failed"
    assert any("the server of lines_read_lines did not come back" in str(call["body"]) for call in model.calls)
