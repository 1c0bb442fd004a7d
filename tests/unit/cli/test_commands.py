"""Every command that `--help` names is there, says what it does, and takes `--help` itself."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from lotus_tasks.cli import COMMANDS, cli, main
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


@pytest.mark.parametrize(
    "arguments",
    [
        ["ingest", "no\nsuch\nfile"], ["ask", "-f", "no\nsuch", "hi"], ["ask", "-f", "", "hi"], ["ask", "--schema", "", "hi"],
        ["memory", "export", ""], ["memory", "import", ""], ["memory", "import", "no\nsuch"], ["logs", "no\nsuch"], ["no\nsuch"],
        ["providers", "pull", "x" * 100_000], ["no" * 50_000],
        ["runs", "show", "x" * 100_000], ["recall", "x", "-n", "1" * 100_000],
    ],
    ids=lambda arguments: " ".join(arguments)[:30].encode("unicode_escape").decode(),
)  # fmt: skip
def test_what_is_wrong_is_one_line_however_it_is_named(arguments: list[str], tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOTUS_HOME", str(tmp_path))
    assert main(arguments) in {1, 2, 3}
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lotus: ")
    assert err.endswith("\n")
    assert len(err.splitlines()) == 1
    assert len(err) < 1500
    assert "internal error" not in err


def test_a_long_message_keeps_its_beginning_and_its_end(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOTUS_HOME", str(tmp_path))
    assert main(["x" * 5000]) == 2
    said = capsys.readouterr().err
    assert said.startswith("lotus: No such command 'xxx")
    assert " characters) … xxx" in said
    assert said.endswith("See `manage.py --help`.\n")
