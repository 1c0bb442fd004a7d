"""Files of this machine: what is read, what is left out, and nothing that hangs."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from lotus_tasks.errors import NotFound, Permanent
from lotus_tasks.local.closed_places import ClosedPlaces
from lotus_tasks.perception.adapters.local_files import LocalFiles
from lotus_tasks.perception.models import LARGEST_FILE_BYTES, RawSource, Skip

FILES = LocalFiles()


def names(folder: Path, **options) -> list[str]:
    page = LocalFiles(**options).list_files(str(folder), after=None, limit=1000)
    assert page.after is None
    return [os.path.relpath(file, folder) for file in page.files]


def make(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")


def test_a_file_is_read_with_its_time(tmp_path: Path):
    (tmp_path / "a.md").write_bytes(b"hello")
    os.utime(tmp_path / "a.md", (1_700_000_000, 1_700_000_000))
    found = FILES.read(str(tmp_path / "a.md"))
    assert isinstance(found, RawSource)
    assert found.content == b"hello"
    assert found.modified_at is not None
    assert found.modified_at.timestamp() == 1_700_000_000


def test_nothing_there_is_not_found(tmp_path: Path):
    for ask in (FILES.read, FILES.is_folder):
        with pytest.raises(NotFound, match="does not exist"):
            ask(str(tmp_path / "nothing"))


def test_a_pipe_that_nobody_writes_to_is_skipped_and_does_not_hang(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    found = FILES.read(str(tmp_path / "pipe"))
    assert isinstance(found, Skip)
    assert "pipe" in found.reason


def test_a_file_that_has_nothing_to_give_yet_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Waiting(io.FileIO):
        def read(self, _size: int | None = -1) -> None:  # type: ignore[override] - as /proc/kmsg read to its end
            return None

    (tmp_path / "kmsg").touch()
    monkeypatch.setattr(os, "fdopen", lambda descriptor, _mode: Waiting(descriptor))
    found = FILES.read(str(tmp_path / "kmsg"))
    assert isinstance(found, Skip)
    assert found.reason == "it can't be read now: it has nothing to give yet"


def test_a_file_that_is_too_large_is_not_even_read(tmp_path: Path):
    with (tmp_path / "big.txt").open("wb") as file:
        file.truncate(LARGEST_FILE_BYTES + 1)
    found = FILES.read(str(tmp_path / "big.txt"))
    assert isinstance(found, Skip)
    assert found.reason == "it is larger than 10 MB; split it"
    assert not found.withdraws


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_one_may_not_read_is_skipped_with_the_reason(tmp_path: Path):
    (tmp_path / "closed.txt").write_text("x")
    (tmp_path / "closed.txt").chmod(0)
    found = FILES.read(str(tmp_path / "closed.txt"))
    assert isinstance(found, Skip)
    assert found.reason == "it can't be opened: permission denied"


def test_a_name_with_a_nul_is_refused(tmp_path: Path):
    with pytest.raises(Permanent):
        FILES.is_folder(f"{tmp_path}/a\x00b")


def test_a_folder_is_listed_depth_first_by_name(tmp_path: Path):
    make(tmp_path, "b.md", "a/z.md", "a/b/c.txt", "c.txt")
    assert names(tmp_path) == ["a/b/c.txt", "a/z.md", "b.md", "c.txt"]


def test_hidden_tools_links_and_pictures_are_left_out_and_counted(tmp_path: Path):
    make(
        tmp_path,
        "a.md",
        ".git/config",
        ".hidden.md",
        "node_modules/x/y.js",
        "env/pyvenv.cfg",
        "env/lib/z.py",
        "p.PNG",
        "k.pem",
    )
    (tmp_path / "link.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "loop").symlink_to(tmp_path)
    page = FILES.list_files(str(tmp_path), after=None, limit=1000)
    assert [Path(file).name for file in page.files] == ["a.md"]
    assert page.ignored == {"hidden": 2, "folders of tools": 2, "links": 2, "formats without text": 2}


def test_a_closed_folder_is_not_walked_into(tmp_path: Path):
    make(tmp_path, "a.md", "lotus/secret.txt")
    assert names(tmp_path, closed=ClosedPlaces(own=[tmp_path / "lotus"])) == ["a.md"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8])
def test_pages_together_are_the_whole(tmp_path: Path, limit: int):
    make(tmp_path, "a/1.md", "a/2.md", "a/b/3.md", "a-b.md", "a.md", "c/4.md", "c/d/5.md", "e.md")
    whole = FILES.list_files(str(tmp_path), after=None, limit=100).files
    assert len(whole) == 8
    found: list[str] = []
    after = None
    for _ in range(20):
        page = FILES.list_files(str(tmp_path), after=after, limit=limit)
        found += page.files
        after = page.after
        if after is None:
            break
    assert found == list(whole)


def test_a_name_that_is_no_utf8_is_left_out_and_counted(tmp_path: Path):
    try:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.md"))).write_text("x")
    except OSError:
        pytest.skip("this file system keeps UTF-8 names only")
    page = FILES.list_files(str(tmp_path), after=None, limit=10)
    assert not page.files
    assert page.ignored == {"names that aren't UTF-8": 1}
