"""Places that neither reading nor a tool may open: LOTUS's own home and .env, and where programs keep keys and passwords.

A place is known by its real path and by what it is on the disk (device and inode), so neither a link, a second name of a
mount, a hard link, ``..`` nor another case opens it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from glob import escape, glob
from pathlib import Path

from lotus_tasks.local.home import PROJECT, Home

_NAMES = (
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store", ".pki", ".vault-token", ".terraform.d",
    ".netrc", "_netrc", ".authinfo", ".authinfo.gpg", ".pgpass", ".my.cnf", ".mylogin.cnf", ".git-credentials", ".npmrc",
    ".yarnrc.yml", ".pypirc", ".htpasswd", ".boto", ".s3cfg", ".rclone.conf", ".electrum", ".bitcoin", ".mozilla",
    ".thunderbird", ".librewolf", ".waterfox", ".lotus", "logins.json", "key3.db", "key4.db", "signons.sqlite",
    "cookies.sqlite", "login data", "wallet.dat", "login.keychain-db", "secring.gpg", ".ssh2", ".putty", ".filezilla",
    ".purple", ".Xauthority", ".ICEauthority", ".kaggle", ".huggingface", ".databrickscfg", ".oci", ".ibmcloud", ".okta",
    ".terraformrc", ".aws-vault", ".saml2aws", ".near-credentials", ".smbcredentials", ".vault_pass", ".msmtprc",
    ".esmtprc", ".fetchmailrc", ".getmail", ".offlineimaprc", ".mbsyncrc", ".keepass", ".minisign", ".monero",
    ".ethereum", ".zen", ".floorp", ".tor-browser", ".claude.json",
)  # fmt: skip
"""Folders and files that hold secrets wherever they lie: a copy of a home folder holds the same as the home folder."""

_SEQUENCES = tuple(tuple(path.split("/")) for path in (
    ".claude/.credentials.json", ".codex/auth.json", ".gemini/oauth_creds.json", ".config/gcloud", ".config/git/credentials",
    ".config/heroku", ".config/configstore", ".config/filezilla", ".config/pulse",
    ".config/solana", ".config/github-copilot", ".config/syncthing", ".local/state/syncthing", ".config/msmtp",
    ".config/Exodus", ".config/keepass", ".config/discord", ".config/Slack", ".config/Authy Desktop", ".config/evolution",
    ".config/goa-1.0", ".config/falkon", ".config/epiphany", ".config/qutebrowser", ".config/thorium", ".config/weechat",
    ".weechat", ".subversion/auth", ".gnome2/keyrings", ".local/share/gnome-online-accounts", ".local/share/TelegramDesktop",
    ".local/share/torbrowser", ".local/share/falkon", ".local/share/epiphany", ".local/share/qutebrowser",
    ".local/share/DBeaverData", ".cache/huggingface/token", ".config/gh", ".config/hub", ".config/glab-cli", ".config/rclone",
    ".config/op", ".config/sops", ".config/age", ".config/doctl", ".config/containers/auth.json", ".config/google-chrome*",
    ".config/chromium", ".config/BraveSoftware", ".config/microsoft-edge*", ".config/vivaldi*", ".config/opera*",
    ".config/mozilla", ".config/Bitwarden", ".config/1Password", ".config/keepassxc", ".config/Signal", ".config/Element",
    ".config/systemd/user.control", ".local/share/keyrings", ".local/share/kwalletd", ".local/share/gnupg",
    ".local/share/password-store", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".m2/settings.xml",
    ".m2/settings-security.xml", ".gradle/gradle.properties", ".composer/auth.json", ".config/composer/auth.json",
    ".kde/share/apps/kwallet", "snap/firefox", "snap/chromium", "snap/thunderbird", "snap/brave", "snap/bitwarden",
    "containers/auth.json", ".var/app/org.gnome.Epiphany", ".var/app/io.gitlab.librewolf*", ".var/app/org.keepassxc*",
    ".var/app/com.bitwarden*", ".var/app/org.mozilla.firefox", ".var/app/com.google.Chrome", ".var/app/org.chromium.Chromium",
    ".var/app/com.brave.Browser", ".var/app/com.microsoft.Edge", ".var/app/org.mozilla.Thunderbird", "Library/Keychains",
    "Library/Cookies", "Library/Safari", "Library/Application Support/Google/Chrome", "Library/Application Support/Chromium",
    "Library/Application Support/Firefox", "Library/Application Support/BraveSoftware",
    "Library/Application Support/Microsoft Edge", "Library/Application Support/Bitwarden",
))  # fmt: skip
"""The same, of several parts; the last one may end in a star. As they are written: where they are looked for, case counts."""
_FOLDED_NAMES = frozenset(name.casefold() for name in _NAMES)
_FOLDED_SEQUENCES = tuple(tuple(part.casefold() for part in sequence) for sequence in _SEQUENCES)
_SUFFIXES = (
    ".kdbx", ".kdb", ".keychain-db", ".agilekeychain", ".opvault", ".p12", ".pfx", ".ppk", ".jks", ".keystore",
)  # fmt: skip
_KEY_FILE = re.compile(r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?(?!.*\.pub$)([._-].*)?")
"""An SSH key, and copies of one such as ``id_rsa.old``; not its public half."""
_SYSTEM = (
    "/proc", "/sys", "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers", "/etc/sudoers.d",
    "/etc/ssl/private", "/etc/ssh", "/etc/wireguard", "/etc/NetworkManager/system-connections", "/run/secrets",
    "/run/credentials",
)  # fmt: skip
_SAMPLES = frozenset({".env.example", ".env.sample", ".env.template", ".env.dist"})
_LOTUS, _SECRETS = "it belongs to LOTUS itself and is closed", "it is where secrets are kept and is closed"
_MOST_LINKED = 200_000
"""So many files of closed places are compared with one that has several names; beyond, it is taken for one of them."""

Identity = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Where a folder (``root``, as its file system names it) of a file system (``device``) stands in the tree."""

    device: str
    root: str
    point: str


@dataclass(slots=True, kw_only=True)
class ClosedPlaces:
    """``own``: LOTUS's. The well-known ones are closed besides. Made anew for each piece of work: places come and go."""

    own: Iterable[Path] = ()
    _identities: dict[Identity, str] | None = field(default=None, init=False)
    _linked: dict[Identity, str] | None = field(default=None, init=False)
    _uncounted: bool = field(default=False, init=False)
    _mounts: list[Mount] | None = field(default=None, init=False)

    def reason_against(self, path: str | os.PathLike[str]) -> str:
        """Why the place is closed, one clause for a person; empty where it is open. It need not exist."""
        real = os.path.realpath(path)
        if self._mounts is None:
            self._mounts = read_mounts()
        names = (real, *other_names(real, self._mounts))
        return next((reason for name in names if (reason := self._reason_against_real(name))), "")

    def _reason_against_real(self, real: str) -> str:
        if reason := reason_against_name(real):
            return reason
        while True:
            if (found := _identity(real)) is not None and (reason := self._known().get(found, "")):
                return reason
            if any(real == str(place) for place in self.own):
                return _LOTUS
            parent = os.path.dirname(real)  # noqa: PTH120 - many are asked for
            if parent == real:
                return ""
            real = parent

    def reason_against_open(self, descriptor: int, path: str) -> str:
        """Of a file that was opened: by where it is now, and by its other names."""
        try:
            real = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        except OSError:
            real = path
        if reason := self.reason_against(real) or self.reason_against(path):
            return reason
        return self._reason_against_links(os.fstat(descriptor))

    def reason_against_file(self, path: Path) -> str:
        """Of a file by its name, with its other names."""
        if reason := self.reason_against(path):
            return reason
        try:
            return self._reason_against_links(path.stat())
        except OSError:
            return ""

    def _reason_against_links(self, state: os.stat_result) -> str:
        if state.st_nlink < 2 or not stat.S_ISREG(state.st_mode):
            return ""
        if self._linked is None:
            self._linked = dict(self._files())
        reason = self._linked.get((state.st_dev, state.st_ino), "")
        if not reason and self._uncounted:
            return "it has several names, and there are too many closed files to see that it is none of them"
        return f"{reason}: it is another name of such a file" if reason else ""

    def _known(self) -> dict[Identity, str]:
        if self._identities is None:
            self._identities = {}
            for place, reason in self._places():
                if (found := _identity(place)) is not None:
                    self._identities.setdefault(found, reason)
        return self._identities

    def _places(self) -> Iterator[tuple[str, str]]:
        for own in self.own:
            yield str(own), _LOTUS
        for place in _SYSTEM:
            yield place, _SECRETS
        for home in _homes():
            for name in _NAMES:
                yield os.path.join(home, name), _SECRETS  # noqa: PTH118
            for parts in _SEQUENCES:
                for place in _matching(home, parts):
                    yield place, _SECRETS

    def _files(self) -> Iterator[tuple[Identity, str]]:
        """Those files of closed places that have several names."""
        seen = 0
        for place, reason in self._places():
            if place in {"/proc", "/sys"}:
                continue
            for file in _files_below(place):
                seen += 1
                if seen > _MOST_LINKED:
                    self._uncounted = True
                    return
                try:
                    state = os.lstat(file)
                except OSError:
                    continue
                if state.st_nlink > 1 and stat.S_ISREG(state.st_mode):
                    yield (state.st_dev, state.st_ino), reason


def read_mounts() -> list[Mount]:
    """This process's mounts (proc_pid_mountinfo(5)); none where the system doesn't tell."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return []
    fields = [line.split(b" ")[2:5] for line in lines]
    return [Mount(device=os.fsdecode(one[0]), root=_unescaped(one[1]), point=_unescaped(one[2])) for one in fields]


def other_names(real: str, mounts: Iterable[Mount]) -> list[str]:
    """The names that a place has by other mounts of the same file system, such as a folder that is bound elsewhere."""
    at = max((one for one in mounts if _is_below(real, one.point)), key=lambda one: len(one.point), default=None)
    if at is None:
        return []
    inside = os.path.normpath(f"{at.root}/{real[len(at.point) :]}")
    found = [
        os.path.normpath(f"{one.point}/{inside[len(one.root) :]}")
        for one in mounts
        if one.device == at.device and _is_below(inside, one.root)
    ]
    return [name for name in found if name != real]


def _is_below(path: str, folder: str) -> bool:
    return folder in {"/", path} or path.startswith(f"{folder}/")


def _unescaped(name: bytes) -> str:
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8) & 0xFF]), name))


def find_own_places(home: Path) -> list[Path]:
    """What is LOTUS's own: its home, its sockets, the project's .env, and a database that root keeps outside the home."""
    outside = Path("/var/lib").glob("lotus-*") if os.access("/var/lib", os.R_OK) else ()
    return [home, Home(home).sockets, PROJECT / ".env", *outside]


def reason_against_name(path: str) -> str:
    """Why a place with such a path is closed, whoever's it is; empty where its names say nothing."""
    parts = tuple(part.casefold() for part in path.split("/") if part)
    for part in parts:
        if (
            part in _FOLDED_NAMES
            or part.endswith(_SUFFIXES)
            or _KEY_FILE.fullmatch(part)
            or (_is_dotenv(part) and part not in _SAMPLES)
        ):
            return _SECRETS
    if any(path == place or path.startswith(f"{place}/") for place in _SYSTEM):
        return _SECRETS
    for sequence in _FOLDED_SEQUENCES:
        first, length = sequence[0], len(sequence)
        if any(part == first and _begins_with(parts[at : at + length], sequence) for at, part in enumerate(parts)):
            return _SECRETS
    return ""


def _begins_with(parts: tuple[str, ...], sequence: tuple[str, ...]) -> bool:
    """Whether these are the sequence's parts; the last one may end in a star, for channels of one program."""
    if len(parts) != len(sequence) or parts[:-1] != sequence[:-1]:
        return False
    last = sequence[-1]
    return parts[-1].startswith(last[:-1]) if last.endswith("*") else parts[-1] == last


def _is_dotenv(name: str) -> bool:
    return name in {".env", ".envrc"} or name.startswith(".env.")


def _homes() -> set[str]:
    import pwd

    homes = {os.path.expanduser("~")}  # noqa: PTH111
    with suppress(KeyError):
        homes.add(pwd.getpwuid(os.getuid()).pw_dir)
    return {home for home in homes if os.path.isabs(home) and home != "/"}  # noqa: PTH117


def _matching(home: str, parts: tuple[str, ...]) -> list[str]:
    place = os.path.join(home, *parts)  # noqa: PTH118
    return glob(os.path.join(escape(home), *parts)) if place.endswith("*") else [place]  # noqa: PTH118, PTH207


def _identity(path: str) -> Identity | None:
    try:
        state = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return state.st_dev, state.st_ino


def _files_below(place: str) -> Iterator[str]:
    if not os.path.isdir(place):  # noqa: PTH112
        yield place
        return
    for folder, _, files in os.walk(place):
        for name in files:
            yield os.path.join(folder, name)  # noqa: PTH118
