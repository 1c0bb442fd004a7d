"""A shell's Tab key as a process of its own, and what that process imports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping

from lotus_tasks.cli import COMMANDS
from lotus_tasks.local.home import PROJECT

_MANAGE = """
import sys
sys.argv = ["manage.py"]
import lotus_tasks.environment
from lotus_tasks.cli import main
sys.exit(main())
"""
"""manage.py without its way into .venv, where another Python may be than the one that runs the tests."""


def complete_and_list_imports(line: str, environment: Mapping[str, str] | None = None) -> tuple[list[str], set[str]]:
    """What bash is answered for ``line``, and every module that the answering process imported."""
    asked = {**(os.environ if environment is None else environment), "_MANAGE_PY_COMPLETE": "bash_complete", "COMP_LINE": line}
    offered, imported = _run("-c", _MANAGE, environment=asked)
    return offered, imported - _run("-c", "pass", environment=asked)[1]


def others_than_click(imported: Iterable[str]) -> set[str]:
    """Those that a key has no need of: another distribution's, and every command's own."""
    commands = {f"lotus_tasks.cli.{module}" for module, _ in COMMANDS.values()}
    elsewhere = {"org", "_wmi"}  # the standard library looks for them on Jython and on Windows
    ours = {"click", "lotus_tasks", *elsewhere, *sys.stdlib_module_names}
    return {name for name in imported if name in commands or name.partition(".")[0] not in ours}


def _run(*arguments: str, environment: Mapping[str, str]) -> tuple[list[str], set[str]]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=PROJECT, env=dict(environment), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert lines, done.stderr
    return done.stdout.splitlines(), {line.rpartition("|")[2].strip() for line in lines}
