"""Attack: get LOTUS's own secrets, or a program's, read into memory or by a tool, by whatever name the place can be given."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lotus_tasks.errors import InvalidInput
from lotus_tasks.local.allowed_folders import AllowedFolders
from lotus_tasks.local.closed_places import ClosedPlaces, find_own_places
from lotus_tasks.perception.adapters.local_files import LocalFiles
from lotus_tasks.perception.models import RawSource, Skip

SECRET = "the gateway's token"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with LOTUS's own files, other programs' secrets, and notes."""
    home = tmp_path / "user"
    for name in ("lotus-home/secrets/gateway", ".ssh/id_ed25519", ".aws/credentials", ".netrc", "notes/boat.md",
                 ".mozilla/firefox/x/logins.json", ".config/google-chrome/Default/Cookies", "project/.env"):  # fmt: skip
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("blue door" if name.endswith(".md") else SECRET)
    monkeypatch.setenv("HOME", str(home))
    return home


def files_of(user: Path) -> LocalFiles:
    return LocalFiles(closed=ClosedPlaces(own=[*find_own_places(user / "lotus-home"), user / "project" / ".env"]))


def is_refused(user: Path, path: Path | str) -> bool:
    """By ingest and, where the user had allowed the whole disk, by the tools."""
    found = files_of(user).read(str(path))
    if isinstance(found, RawSource):
        return False
    assert found.withdraws, "what was read of it before goes"
    with pytest.raises(InvalidInput):
        AllowedFolders(["/", str(Path(path).parent)], closed=files_of(user).closed).find(str(path))
    return True


SECRETS = ("lotus-home/secrets/gateway", ".ssh/id_ed25519", ".aws/credentials", ".netrc", ".mozilla/firefox/x/logins.json",
           ".config/google-chrome/Default/Cookies", "project/.env")  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_by_its_name(user: Path, name: str):
    assert is_refused(user, user / name)


@pytest.mark.parametrize("name", SECRETS)
def test_by_a_link_to_it_and_a_link_to_its_folder(user: Path, name: str):
    (user / "notes" / "a.md").symlink_to(user / name)
    (user / "notes" / "folder").symlink_to((user / name).parent)
    assert is_refused(user, user / "notes" / "a.md")
    assert is_refused(user, user / "notes" / "folder" / Path(name).name)


@pytest.mark.parametrize("name", SECRETS)
def test_by_a_hard_link(user: Path, name: str):
    (user / "notes" / "a.md").hardlink_to(user / name)
    assert is_refused(user, user / "notes" / "a.md")


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "way", ["/proc/self/root{}", "/proc/thread-self/root{}", "/proc/self/cwd{}", "/proc/self/task/../root{}", "//{}"]
)
def test_by_another_root(user: Path, monkeypatch: pytest.MonkeyPatch, name: str, way: str):
    monkeypatch.chdir("/")
    path = way.format(user / name)
    assert Path(path).read_text() == SECRET
    assert is_refused(user, path)


@pytest.mark.parametrize("name", SECRETS)
def test_by_an_open_descriptor(user: Path, name: str):
    with (user / name).open() as file:
        assert is_refused(user, f"/proc/self/fd/{file.fileno()}")
        assert is_refused(user, f"/dev/fd/{file.fileno()}")


def test_where_lotus_home_is_itself_a_link_or_below_one(user: Path):
    (user / "disk").mkdir()
    (user / "lotus-home").rename(user / "disk" / "store")
    (user / "lotus-home").symlink_to(user / "disk" / "store")
    (user / "again").symlink_to(user / "disk")
    for path in ("lotus-home", "disk/store", "again/store"):
        assert is_refused(user, user / path / "secrets" / "gateway")
    page = files_of(user).list_files(str(user / "disk"), after=None, limit=100)
    assert page.files == []


def test_where_a_folder_is_named_that_holds_lotus_home(user: Path):
    (user / "all").symlink_to(user)
    for folder in (user, user / "all", user / "notes" / ".."):
        files = files_of(user).list_files(str(folder), after=None, limit=100).files
        read = [files_of(user).read(file) for file in files]
        assert [os.path.basename(file) for file in files] == ["boat.md"]  # noqa: PTH119
        assert not [one for one in read if isinstance(one, RawSource) and SECRET.encode() in one.content]


@pytest.mark.parametrize(
    "name",
    [
        ".config/google-chrome-unstable/Default/Cookies", ".config/microsoft-edge-dev/Login", ".config/vivaldi-snapshot/x",
        ".var/app/io.gitlab.librewolf-community/x", ".gnome2/keyrings/login.keyring", ".local/share/TelegramDesktop/tdata/x",
        ".config/BraveSoftware/Brave-Browser/Default/Cookies", ".config/git/credentials", ".cache/huggingface/token",
        ".Xauthority", ".subversion/auth/svn.simple/1", ".codex/auth.json", "Library/Keychains/x",
    ],
)  # fmt: skip
def test_at_a_place_of_another_program_and_by_a_hard_link_to_it(user: Path, name: str):
    (user / name).parent.mkdir(parents=True, exist_ok=True)
    (user / name).write_text(SECRET)
    assert is_refused(user, user / name)
    (user / "notes" / "b.md").hardlink_to(user / name)
    assert is_refused(user, user / "notes" / "b.md")


@pytest.mark.parametrize("name", ["id_ed25519_sk", "id_rsa.old", "id_rsa-backup", "mail.p12", "server.PFX", "box.ppk"])
def test_by_the_name_of_a_key_anywhere(user: Path, name: str):
    (user / "notes" / name).write_text(SECRET)
    assert is_refused(user, user / "notes" / name)


@pytest.mark.parametrize("name", SECRETS)
def test_by_dots(user: Path, name: str):
    assert is_refused(user, f"{user}/notes/../notes/./../{name}")


def test_by_the_root_of_a_process(user: Path):
    assert is_refused(user, f"/proc/self/root{user}/lotus-home/secrets/gateway")
    assert is_refused(user, "/proc/self/environ")


@pytest.mark.parametrize("name", [".SSH/id_ed25519", ".Netrc", "project/.ENV", ".Config/Google-Chrome/x"])
def test_by_another_case(user: Path, name: str):
    (user / name).parent.mkdir(parents=True, exist_ok=True)
    (user / name).write_text(SECRET)
    assert is_refused(user, user / name)


@pytest.mark.parametrize(
    "name", [".ssh/config", "home/.gnupg/secring.gpg", "passwords.kdbx", ".env.production", "key4.db"]
)
def test_in_a_copy_of_a_home_folder(user: Path, name: str):
    copy = user / "notes" / "old computer" / name
    copy.parent.mkdir(parents=True)
    copy.write_text(SECRET)
    assert is_refused(user, copy)


def test_by_a_second_mount_of_its_folder(user: Path):
    unshare = shutil.which("unshare")
    inside = [unshare or "", "--user", "--map-root-user", "--mount"]
    if unshare is None or subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mounts without user namespaces")
    (user / "notes" / "bound").mkdir()
    code = (
        "import sys\nfrom pathlib import Path\nfrom lotus_tasks.local.closed_places import ClosedPlaces\n"
        "from lotus_tasks.perception.adapters.local_files import LocalFiles\nuser = Path(sys.argv[1])\n"
        "files = LocalFiles(closed=ClosedPlaces(own=[user / 'lotus-home']))\n"
        "print(type(files.read(str(user / 'notes/bound/gateway'))).__name__, Path(user / 'notes/bound/gateway').exists())"
    )
    script = f'mount --bind "{user}/lotus-home/secrets" "{user}/notes/bound" && exec "$@"'
    done = subprocess.run(
        [*inside, "sh", "-c", script, "sh", sys.executable, "-c", code, str(user)],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.split() == ["Skip", "True"]


def test_a_link_that_is_changed_between_the_look_and_the_opening(user: Path, monkeypatch: pytest.MonkeyPatch):
    link = user / "notes" / "a.md"
    link.symlink_to(user / "notes" / "boat.md")
    really = os.open

    def swap(path, flags, *more):
        if str(path) == str(link):
            link.unlink()
            link.symlink_to(user / "lotus-home" / "secrets" / "gateway")
        return really(path, flags, *more)

    monkeypatch.setattr(os, "open", swap)
    assert isinstance(files_of(user).read(str(link)), Skip)


def test_a_folder_that_holds_them_is_read_without_them_and_says_so(user: Path):
    page = files_of(user).list_files(str(user), after=None, limit=100)
    assert [os.path.relpath(file, user) for file in page.files] == ["notes/boat.md"]
    assert page.ignored["places of LOTUS and of secrets"] >= 5


@pytest.mark.parametrize("folder", ["lotus-home", "lotus-home/secrets", ".ssh", ".mozilla/firefox"])
def test_a_closed_folder_given_itself_is_refused_in_words(user: Path, folder: str):
    with pytest.raises(InvalidInput, match="closed"):
        files_of(user).list_files(str(user / folder), after=None, limit=100)


@pytest.mark.parametrize(
    "name",
    [
        "notes/boat.md",
        "notes/.env.example",
        "notes/ssh.md",
        "notes/cookies.md",
        "notes/env",
        "notes/id_rsa.pub",
        "notes/id_rsa_explained.pub",
        "notes/keystore.md",
        ".config/vi/x.md",
        "notes/.codex/notes.md",
    ],
)
def test_what_only_looks_like_one_is_read(user: Path, name: str):
    (user / name).parent.mkdir(parents=True, exist_ok=True)
    (user / name).write_text("blue door")
    assert isinstance(files_of(user).read(str(user / name)), RawSource)


def test_a_note_with_two_names_is_read(user: Path):
    (user / "notes" / "again.md").hardlink_to(user / "notes" / "boat.md")
    assert isinstance(files_of(user).read(str(user / "notes" / "again.md")), RawSource)
