"""docs/cli.md says what the commands say."""

from __future__ import annotations

from lotus_tasks.cli import COMMANDS
from lotus_tasks.cli.reference import reference
from lotus_tasks.infra.home import PROJECT


def test_the_page_is_up_to_date():
    assert (PROJECT / "docs" / "cli.md").read_text(encoding="utf-8") == reference(), (
        "make it anew: python -m lotus_tasks.cli.reference > docs/cli.md"
    )


def test_every_command_has_its_section():
    sections = {line.removeprefix("## ") for line in reference().splitlines() if line.startswith("## ")}
    assert set(COMMANDS) <= sections
