"""When a store's files are set aside, and when they are left alone: servers that are shell scripts."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import pytest

from lotus_tasks.local.home import Home
from lotus_tasks.stack.rebuildable import Store, make_ready, mend_permissions
from lotus_tasks.stack.set_aside import KEPT, drop_set_aside, list_set_aside, set_aside

REFUSES_DAMAGE = "grep -q damaged $0/file 2>/dev/null && { echo Bad file format; exit 1; }; touch $0/opened; sleep 30"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "h")
    home.create()
    return home


def store(script: str, tried: list[Path] | None = None, **more) -> Store:
    """A server that is well once it has made the file `opened` in its folder."""
    tried = [] if tried is None else tried

    def command_on(folder: Path) -> list[str]:
        tried.append(folder)
        return ["sh", "-c", script, str(folder)]

    return Store(
        name="valkey",
        whole="Ready",
        broken="broken",
        command_on=command_on,
        ask=lambda is_new: "" if (tried[-1] / "opened").exists() else None,
        **more,
    )


def with_files(home: Home, text: str, log: str = "lotus: launching valkey\nBad file\n") -> None:
    (home.data / "valkey").mkdir()
    (home.data / "valkey" / "file").write_text(text)
    (home.log / "valkey.log").write_text(log)


def test_what_the_server_refuses_although_it_begins_on_nothing_is_set_aside(home: Home, capsys) -> None:
    with_files(home, "damaged")
    make_ready(home, store(REFUSES_DAMAGE))
    (aside,) = list_set_aside(home)
    assert (aside.store, aside.reason) == ("valkey", "Bad file format")
    assert (aside.path / "file").read_text() == "damaged"
    assert list((home.data / "valkey").iterdir()) == []
    assert "valkey begins empty and is filled again" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (REFUSES_DAMAGE.replace("damaged", "never"), "it opens them after all"),
        ("echo No space left on device; exit 1", "the disk is full"),
        (
            "test -e $0/file && { echo write: No space left on device; exit 1; }; touch $0/opened; sleep 30",
            "full for these",
        ),
        ("echo Illegal option; exit 1", "the server begins on nothing either"),
        ("exec /not/there", "there is no such binary"),
        ("kill -9 $$", "somebody killed it"),
        ("exit 0", "it was told to end"),
    ],
)
def test_files_are_left_alone_where_they_are_not_what_is_at_fault(home: Home, script: str, why: str) -> None:
    with_files(home, "damaged")
    make_ready(home, store(script))
    assert list_set_aside(home) == [], why
    assert (home.data / "valkey" / "file").read_text() == "damaged"
    assert sorted(path.name for path in home.data.iterdir() if "trial" in path.name) == []


@pytest.mark.parametrize(
    ("log", "is_tried"),
    [
        ("", False),
        ("lotus: launching valkey\nReady\n", False),
        ("lotus: launching valkey\nReady\nlotus: launching valkey\nBad\n", True),
        ("lotus: launching valkey\nReady\nbroken\n", True),
        ("lotus: launching valkey\nbroken\nReady\n", False),
        ("broken\n", True),
    ],
)
def test_only_a_server_whose_last_start_did_not_end_well_is_examined(home: Home, log: str, is_tried: bool) -> None:
    with_files(home, "sound", log)
    tried: list[Path] = []
    make_ready(home, store(REFUSES_DAMAGE, tried))
    assert bool(tried) is is_tried


def test_what_an_integrity_check_finds_is_set_aside_although_the_server_opens_it(home: Home) -> None:
    with_files(home, "sound")
    make_ready(home, store(REFUSES_DAMAGE, check=lambda _: "row 3 missing from index"))
    assert [one.reason for one in list_set_aside(home)] == ["row 3 missing from index"]


def test_a_file_in_place_of_the_folder_is_set_aside_and_a_missing_folder_is_made(home: Home) -> None:
    make_ready(home, store(REFUSES_DAMAGE))
    assert (home.data / "valkey").is_dir()
    (home.data / "valkey").rmdir()
    (home.data / "valkey").write_text("no folder")
    make_ready(home, store(REFUSES_DAMAGE))
    assert (home.data / "valkey").is_dir()
    assert [one.path.read_text() for one in list_set_aside(home)] == ["no folder"]


def test_files_and_folders_closed_to_their_owner_are_opened_again(home: Home) -> None:
    with_files(home, "sound")
    folder = home.data / "valkey"
    (folder / "deep").mkdir()
    (folder / "deep" / "file").write_text("sound")
    for path in (folder / "deep" / "file", folder / "deep", folder / "file", folder):
        path.chmod(0)
    mend_permissions(folder)
    assert {oct(path.stat().st_mode & 0o777) for path in (folder, folder / "deep")} == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in (folder / "file", folder / "deep" / "file")} == {"0o600"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes a folder another user's")
def test_a_folder_of_another_user_is_set_aside_by_name_where_it_cannot_be_moved() -> None:
    place = Path(tempfile.mkdtemp(prefix="lotus-test-"))  # one that another user can reach
    try:
        home = Home(place / "h")
        home.create()
        with_files(home, "sound")
        for path in (place, *place.rglob("*")):
            os.chown(path, 65534, 65534)
        for path in (home.data / "valkey", home.data / "valkey" / "file"):
            os.chown(path, 0, 0)
        (home.data / "valkey").chmod(0o700)
        datetime.strptime("2026", "%Y")  # noqa: DTZ007 - imports what that user might not be allowed to read
        os.seteuid(65534)
        try:
            make_ready(home, store(REFUSES_DAMAGE))
            (aside,) = list_set_aside(home)
            assert aside.reason == "its folder is another user's, and closed to us"
            assert list((home.data / "valkey").iterdir()) == []
            assert aside.path.parent == home.data
        finally:
            os.seteuid(0)
        assert (aside.path / "file").read_text() == "sound"
        assert drop_set_aside(home, "valkey") == 1
        assert not aside.path.exists()
    finally:
        shutil.rmtree(place)


def test_the_last_three_of_a_store_are_kept_and_can_be_dropped(home: Home) -> None:
    for number in range(KEPT + 2):
        (home.data / "chroma").mkdir()
        set_aside(home, "chroma", f"reason {number}")
    (home.data / "valkey").mkdir()
    set_aside(home, "valkey", "another")
    kept = [one.reason for one in list_set_aside(home) if one.store == "chroma"]
    assert kept == ["reason 2", "reason 3", "reason 4"]
    assert drop_set_aside(home, "chroma") == KEPT
    assert [one.reason for one in list_set_aside(home)] == ["another"]
    assert len(list((home.data / "set-aside").iterdir())) == 2
