"""LOTUS_HOME's folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.home import SOCKET_PATH_BYTES, Home, close_to_others, make_private_folder, open_to_others


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


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o622, 0o666, 0o777])
def test_a_file_of_keys_is_closed_to_others_and_said_once(tmp_path: Path, mode: int) -> None:
    file = tmp_path / ".env"
    file.write_text("OPENAI_API_KEY=sk-1\n")
    file.chmod(mode)
    said = close_to_others(file)
    assert said == f"{file} was open to others (mode {mode:04o}); it is closed to them now"
    assert file.stat().st_mode & 0o777 == mode & 0o700
    assert close_to_others(file) == ""


def test_a_file_that_is_closed_already_or_not_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert close_to_others(tmp_path / ".env") == ""
    (tmp_path / ".env").write_text("")
    (tmp_path / ".env").chmod(0o400)
    assert close_to_others(tmp_path / ".env") == open_to_others(tmp_path / ".env") == ""
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o400


def _another_users(_file: Path, _mode: int) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize(
    ("chmod", "why"),
    [(_another_users, "Operation not permitted"), (lambda *_: None, "its file system keeps no modes")],
    ids=["another user's", "no modes"],
)
def test_a_file_of_keys_that_cannot_be_closed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chmod: Callable[[Path, int], None], why: str
) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-1\n")
    (tmp_path / ".env").chmod(0o644)
    monkeypatch.setattr(Path, "chmod", chmod)
    with pytest.raises(ConfigurationError, match=rf"\.env may hold keys, .* \(mode 0644\) and can't be closed: {why}; move"):
        close_to_others(tmp_path / ".env")
