"""Files that commands write: whole, or as they were."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lotus_tasks.cli import main
from lotus_tasks.cli.documents import written_whole
from lotus_tasks.errors import Permanent


def test_an_export_that_can_not_be_had_leaves_the_file_of_yesterday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOTUS_HOME", str(tmp_path / "home"))
    file = tmp_path / "memories.jsonl"
    file.write_text("yesterday's\n")
    assert main(["memory", "export", str(file)]) == 3
    assert file.read_text() == "yesterday's\n"
    assert main(["memory", "export", str(tmp_path / "other.jsonl")]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["memories.jsonl"]


def test_what_breaks_off_leaves_what_was_there_and_nothing_else(tmp_path: Path):
    file = tmp_path / "file"
    file.write_text("old")
    writing = written_whole(file)
    writing.__enter__().write("half")
    stopped = KeyboardInterrupt()
    assert not writing.__exit__(KeyboardInterrupt, stopped, None)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_is_replaced_with_its_mode_and_behind_its_link(tmp_path: Path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    with written_whole(link) as out:
        out.write("Grüße")
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == "Grüße"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with written_whole(pipe) as out:
            out.write("text")
        assert os.read(reader, 10) == b"text"
        assert stat.S_ISFIFO(pipe.stat().st_mode)
    finally:
        os.close(reader)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path):
    with (
        pytest.raises(Permanent, match="can't be written: No such file or directory"),
        written_whole(tmp_path / "a" / "b"),
    ):
        pass
