"""Every command that `--help` names is there, says what it does, and takes `--help` itself."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from lotus_tasks.cli import COMMANDS, cli


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
