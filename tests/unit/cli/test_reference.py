"""docs/cli.md says what the commands say."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lotus_tasks.cli import COMMANDS
from lotus_tasks.local.home import PROJECT


@pytest.fixture(scope="module")
def reference() -> str:
    """Made in a process of its own: a command keeps the options of the first context it was called in."""
    made = subprocess.run(
        [sys.executable, "-m", "lotus_tasks.cli.reference"], cwd=PROJECT, capture_output=True, check=True, timeout=60
    )
    return made.stdout.decode("utf-8")


def test_the_page_is_up_to_date(reference: str):
    assert (PROJECT / "docs" / "cli.md").read_text(encoding="utf-8") == reference, (
        "make it anew: python -m lotus_tasks.cli.reference > docs/cli.md"
    )


def test_every_command_has_its_section(reference: str):
    sections = {line.removeprefix("## ") for line in reference.splitlines() if line.startswith("## ")}
    assert set(COMMANDS) <= sections
