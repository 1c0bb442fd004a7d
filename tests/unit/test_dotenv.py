""".env files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotus_tasks.dotenv import read_dotenv
from lotus_tasks.errors import ConfigurationError


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=value", "value"),
        ("export NAME = value ", "value"),
        ("NAME=two words # a comment", "two words"),
        ("NAME=a#b", "a#b"),
        ('NAME="with # and \\"quotes\\"" # a comment', 'with # and "quotes"'),
        ("NAME='$kept \\n'", "$kept \\n"),
        ("NAME=", ""),
        ("\ufeffNAME=after a byte order mark", "after a byte order mark"),
    ],
)
def test_an_assignment_is_read(tmp_path: Path, line: str, value: str) -> None:
    (tmp_path / ".env").write_text(f"{line}\n", encoding="utf-8")
    assert read_dotenv(tmp_path / ".env")["NAME"].value == value


def test_the_last_assignment_counts_and_knows_its_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# a comment\nA=1\n\nA=2\n", encoding="utf-8")
    found = read_dotenv(tmp_path / ".env")["A"]
    assert (found.value, found.line) == ("2", 4)


def test_a_line_that_is_no_assignment_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nsk-secret-key\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="line 2 is not NAME=value") as raised:
        read_dotenv(tmp_path / ".env")
    assert "secret" not in str(raised.value)


def test_bytes_that_are_no_text_are_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe\n")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_dotenv(tmp_path / ".env")


def test_a_folder_in_its_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(ConfigurationError, match="can't be read"):
        read_dotenv(tmp_path / ".env")


def test_no_file_holds_nothing(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path / ".env") == {}
