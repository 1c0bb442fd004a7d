"""Every command that `--help` names is there, says what it does, and takes `--help` itself."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from lotus_tasks.cli import COMMANDS, cli
from lotus_tasks.local.home import PROJECT

HEAVY = ["celery", "pydantic", "chromadb", "rich", "markdown_it", "jsonschema", "prompt_toolkit", "httpx"]


def commands() -> list[list[str]]:
    found = []
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        found.append([name])
        if isinstance(command, click.Group):
            found += [[name, verb] for verb in command.commands]
    return found


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_a_command_explains_itself(path):
    done = CliRunner().invoke(cli, [*path, "--help"])
    assert done.exit_code == 0, done.output
    assert len(done.output.strip().splitlines()) >= 3


def test_an_unknown_command_is_a_usage_error():
    done = CliRunner().invoke(cli, ["fly"])
    assert done.exit_code == 2
    assert "No such command 'fly'" in done.output


def test_ask_imports_nothing_heavy_before_it_needs_it():
    code = f"import sys, lotus_tasks.cli.ask; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
