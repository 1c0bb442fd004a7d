"""LOTUS_HOME: where everything LOTUS keeps lives. Stdlib only: every command of the CLI reads it first.

- run/       runtime.json, sockets, the supervisor's configuration   gone after `down`
- locks/     one file per process, held with flock while it lives
- log/       one file per process, rotated
- data/      postgres/, valkey/, chroma/
- secrets/   flower (the dashboard's password), gateway (the token of the health endpoint)
- models/    what embeds
- ports.json the ports taken last time
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lotus_tasks.dotenv import read_dotenv
from lotus_tasks.errors import ConfigurationError

PROJECT = Path(__file__).resolve().parents[2]
"""The folder that holds manage.py and .env."""

SOCKET_PATH_BYTES = 107
"""The longest path a Unix socket can have on Linux (104 bytes with the closing zero on BSD and macOS; see unix(7))."""

_LONGEST_SOCKET_NAME = len("/supervisor.sock.4194304")
"""supervisord makes its socket under a name that ends in its pid, and renames it."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one LOTUS."""

    path: Path

    @classmethod
    def locate(cls, environ: Mapping[str, str] | None = None) -> Home:
        """The home that LOTUS_HOME names in the environment, else in the project's .env, else ``~/.lotus``."""
        environ = os.environ if environ is None else environ
        named = environ.get("LOTUS_HOME") or ""
        if not named and (found := read_dotenv(PROJECT / ".env").get("LOTUS_HOME")):
            named = found.value
        try:
            path = Path(named or "~/.lotus").expanduser()
        except RuntimeError as error:
            raise ConfigurationError("there is no home folder for this user; set LOTUS_HOME to a folder") from error
        return cls(Path(os.path.abspath(path)))  # noqa: PTH100 - resolve() would follow links; the name given is kept

    @property
    def run(self) -> Path:
        """What exists only while LOTUS runs."""
        return self.path / "run"

    @property
    def locks(self) -> Path:
        """One file per process, held with flock."""
        return self.path / "locks"

    @property
    def log(self) -> Path:
        """One file per process."""
        return self.path / "log"

    @property
    def data(self) -> Path:
        """The services' data."""
        return self.path / "data"

    @property
    def secrets(self) -> Path:
        """Passwords and tokens made at first start, one a file."""
        return self.path / "secrets"

    @property
    def models(self) -> Path:
        """The embedding model."""
        return self.path / "models"

    @property
    def runtime_file(self) -> Path:
        """Where the running system's endpoints are written."""
        return self.run / "runtime.json"

    @property
    def ports_file(self) -> Path:
        """The ports taken last time."""
        return self.path / "ports.json"

    @property
    def root_database(self) -> Path:
        """Where PostgreSQL's files and socket lie when root has no user namespaces: outside the home, in this home's own.

        It is there only where it is used (stack/postgres.py).
        """
        return Path("/var/lib") / f"lotus-{self._mark}"

    @property
    def postgres_data(self) -> Path:
        """Where the embedded PostgreSQL keeps its files."""
        outside = self.root_database
        return outside / "parent" / "postgres" if outside.is_dir() else self.data / "postgres"

    @property
    def dotenvs(self) -> tuple[Path, ...]:
        """The .env files that are read, whether they are there or not."""
        return tuple(dict.fromkeys((PROJECT / ".env", self.path / ".env")))

    @property
    def _mark(self) -> str:
        """Twelve characters of this path's own."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]

    @property
    def sockets(self) -> Path:
        """Where the Unix sockets are: ``run``, or a short folder of this home's own where ``run`` is too long a path."""
        if len(os.fsencode(self.run)) + _LONGEST_SOCKET_NAME <= SOCKET_PATH_BYTES - 3:
            return self.run
        return Path("/tmp") / f"lotus-{os.getuid()}-{self._mark}"  # noqa: S108 - made 0700, and refused when it is not ours

    def create(self) -> None:
        """Makes the folders, readable by their owner only. Raises ConfigurationError when that can't be."""
        for folder in (self.path, self.run, self.locks, self.log, self.data, self.secrets, self.models, self.sockets):
            make_private_folder(folder)


def make_private_folder(folder: Path) -> None:
    """Makes ``folder`` with mode 0700. One that exists must be ours, and no link: in /tmp anyone can make names."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.lstat() if folder.parent == Path("/tmp") else folder.stat()  # noqa: S108
    except OSError as error:
        raise ConfigurationError(
            f"{folder} can't be made: {error.strerror}; set LOTUS_HOME to a folder you may write"
        ) from error
    if not stat.S_ISDIR(state.st_mode):
        raise ConfigurationError(f"{folder} is not a folder; move it away or set LOTUS_HOME to another place")
    if state.st_uid != os.getuid():
        raise ConfigurationError(f"{folder} belongs to another user; set LOTUS_HOME to a folder of your own")
    if state.st_mode & 0o077:
        try:
            folder.chmod(0o700)
        except OSError as error:
            raise ConfigurationError(f"{folder} is open to others and can't be closed: {error.strerror}") from error


def open_to_others(file: Path) -> str:
    """The mode ("0644") of a file that others may read or write; empty for one that is its owner's alone or isn't there."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return ""
    return f"{mode:04o}" if mode & 0o077 else ""


def close_to_others(file: Path) -> str:
    """Takes everyone's rights but the owner's from a file, and says so in one line; empty where there was nothing to take.

    Raises ConfigurationError where it can't be closed: it may hold keys.
    """
    mode = open_to_others(file)
    if not mode:
        return ""
    try:
        file.chmod(int(mode, 8) & 0o700)
        why = "its file system keeps no modes" if open_to_others(file) else ""
    except OSError as error:
        why = error.strerror or "no reason was given"
    if why:
        raise ConfigurationError(
            f"{file} may hold keys, is open to others (mode {mode}) and can't be closed: {why}; "
            "move what it says to LOTUS_HOME/.env, or have its owner run `chmod 600` on it"
        )
    return f"{file} was open to others (mode {mode}); it is closed to them now"
