"""Tools stay inside the folders the user allowed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lotus_tasks.errors import InvalidInput
from lotus_tasks.local.allowed_folders import AllowedFolders
from lotus_tasks.local.closed_places import ClosedPlaces


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "boat.md").write_text("blue door")
    (tmp_path / "secret.txt").write_text("hush")
    return folder


@pytest.mark.parametrize(
    "path", ["../secret.txt", "/etc/passwd", "link.txt", "sub/../../secret.txt", "~/x", "\x00", "a" * 5000]
)
def test_nothing_outside_is_found(notes, path):
    (notes / "link.txt").symlink_to(notes.parent / "secret.txt")
    with pytest.raises(InvalidInput):
        AllowedFolders([str(notes)]).find(path)


@pytest.mark.parametrize("path", ["link.txt", "out/secret.txt", "out/new.txt", "out/../secret.txt"])
def test_an_absolute_path_through_a_link_does_not_lead_out(notes, path):
    (notes / "link.txt").symlink_to(notes.parent / "secret.txt")
    (notes / "out").symlink_to(notes.parent)
    folders = AllowedFolders([str(notes)])
    with pytest.raises(InvalidInput, match="outside"):
        folders.find(f"{notes}/{path}")
    with pytest.raises(InvalidInput, match="outside"):
        folders.write(f"{notes}/{path}", "changed")
    assert (notes.parent / "secret.txt").read_text() == "hush"
    assert not (notes.parent / "new.txt").exists()


def test_a_relative_path_stands_in_the_folder_that_has_it(notes, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    assert AllowedFolders([str(other), str(notes)]).find("boat.md") == notes / "boat.md"


def test_a_folder_that_merely_begins_with_the_same_letters_is_outside(notes):
    (notes.parent / "notes-private").mkdir()
    with pytest.raises(InvalidInput, match="outside"):
        AllowedFolders([str(notes)]).find(str(notes.parent / "notes-private" / "x"))


@pytest.mark.parametrize("path", [".env", ".ssh/id_ed25519", "sub/.git/config"])
def test_hidden_files_are_closed(notes, path):
    with pytest.raises(InvalidInput, match="hidden"):
        AllowedFolders([str(notes)]).find(path)


def test_a_hidden_folder_that_was_allowed_itself_is_open(notes):
    hidden = notes / ".journal"
    hidden.mkdir()
    assert AllowedFolders([str(notes), str(hidden)]).find(str(hidden / "today.md")) == hidden / "today.md"


def test_lotus_own_folder_is_closed_inside_an_allowed_one(notes):
    home = notes / "lotus"
    home.mkdir()
    with pytest.raises(InvalidInput, match="LOTUS itself"):
        AllowedFolders([str(notes)], closed=ClosedPlaces(own=[home])).find("lotus/secrets/key")


def test_without_a_folder_the_setting_is_named():
    with pytest.raises(InvalidInput, match="LOTUS_TOOL_FOLDERS"):
        AllowedFolders([]).find("boat.md")


def test_a_file_is_replaced_whole_and_keeps_its_mode(notes):
    (notes / "boat.md").chmod(0o640)
    AllowedFolders([str(notes)]).write("boat.md", "the red door")
    assert (notes / "boat.md").read_text() == "the red door"
    assert (notes / "boat.md").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in notes.iterdir()] == ["boat.md"]


def test_a_failed_write_leaves_nothing_behind(notes):
    with pytest.raises(InvalidInput, match="Unicode"):
        AllowedFolders([str(notes)]).write("boat.md", "half \ud800")
    assert (notes / "boat.md").read_text() == "blue door"
    assert [path.name for path in notes.iterdir()] == ["boat.md"]


@pytest.mark.parametrize("path", ["", "nowhere/x.md"])
def test_what_cannot_be_written_is_said(notes, path):
    with pytest.raises(InvalidInput):
        AllowedFolders([str(notes)]).write(path, "x")


def test_what_is_written_anew_runs_as_nobody_else(tmp_path):
    """A file that ran as its owner for whoever starts it would do so with a model's text in it."""
    script = tmp_path / "script.sh"
    script.write_text("old")
    script.chmod(0o6755)
    AllowedFolders([str(tmp_path)]).write(str(script), "new")
    assert (script.read_text(), stat.S_IMODE(script.stat().st_mode)) == ("new", 0o755)
