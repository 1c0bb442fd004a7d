"""docs/changing.md and the other pages name files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lotus_tasks.local.home import PROJECT

PATH = re.compile(r"(?<![\w/.~-])((?:lotus_tasks|tests|workers|beat|benchmarks)/[\w./-]*\w/?)")
PAGES = [*sorted((PROJECT / "docs").glob("*.md")), PROJECT / "README.md"]


def paths_in(text: str) -> set[str]:
    """The project's paths that a page names; one with a placeholder (``<module>``) is none."""
    return set(PATH.findall(text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_files_that_are_there(page: Path):
    missing = {path for path in paths_in(page.read_text(encoding="utf-8")) if not (PROJECT / path).exists()}
    assert missing == set()


def test_the_page_of_changes_has_its_twenty_rows_and_twenty_five_words():
    rows, words = (PROJECT / "docs" / "changing.md").read_text(encoding="utf-8").split("## Words")
    assert rows.count("\n| ") - 1 >= 20
    assert words.count("\n| ") - 1 >= 25
