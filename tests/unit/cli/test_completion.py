"""The shells' completion scripts and what they ask for."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from lotus_tasks.cli import cli
from lotus_tasks.infra.home import PROJECT


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_script_asks_the_command_itself(shell: str):
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0, done.output
    assert f"_MANAGE_PY_COMPLETE={shell}_complete" in done.output


def test_a_shell_that_is_not_known_is_a_usage_error():
    assert CliRunner().invoke(cli, ["completion", "tcsh"]).exit_code == 2


def test_names_are_completed_without_importing_the_commands():
    code = (
        "import sys; from lotus_tasks.cli import main; code = main([]);"
        "print(sorted(name for name in sys.modules if name.startswith('lotus_tasks.cli.')), file=sys.stderr)"
    )
    environment = {"_MANAGE_PY_COMPLETE": "zsh_complete", "COMP_WORDS": "manage.py con", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[:3] == ["plain", "conversations", "What was talked about."]
    assert done.stderr.strip() == "['lotus_tasks.cli.terminal']"
