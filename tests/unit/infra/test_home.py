"""LOTUS_HOME's folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.infra.home import SOCKET_PATH_BYTES, Home, make_private_folder


def test_the_environment_names_the_home(tmp_path: Path) -> None:
    assert Home.locate({"LOTUS_HOME": f"{tmp_path}/a/../b"}).path == tmp_path / "b"


def test_the_folders_are_closed_to_others(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    for folder in (home.path, home.run, home.secrets, home.data, home.log):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_long_path_moves_the_sockets_to_a_short_folder_of_its_own(tmp_path: Path) -> None:
    homes = [Home(tmp_path / f"{letter * 100}") for letter in "ab"]
    assert len({home.sockets for home in homes}) == 2
    for home in homes:
        longest = home.sockets / "supervisor.sock.4194304"
        assert len(os.fsencode(longest)) < SOCKET_PATH_BYTES
    assert Home(Path("/h")).sockets == Path("/h/run")


def test_a_file_in_the_place_of_a_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(ConfigurationError, match="can't be made"):
        Home(tmp_path / "home").create()


def test_a_link_that_someone_laid_in_the_shared_folder_is_refused(tmp_path: Path) -> None:
    trap = Path("/tmp") / f"lotus-test-trap-{os.getpid()}"
    trap.symlink_to(tmp_path)
    try:
        with pytest.raises(ConfigurationError, match="not a folder"):
            make_private_folder(trap)
    finally:
        trap.unlink()
