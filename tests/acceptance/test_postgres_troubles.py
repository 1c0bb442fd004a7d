"""The truth itself in trouble: a full disk and foreign locks heal by themselves, damage is told and nothing is touched."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from stack import Lotus, lotus_home, wait_until

from lotus_tasks.stack.postgres import find_binaries
from lotus_tasks.stack.supervision import Supervisor

FACT = "The anchor of the Seeadler lies in the boathouse."
QUESTION = "Where does the anchor of the Seeadler lie?"
DISK_MB = 320


@pytest.fixture(scope="module")
def troubled() -> Iterator[Lotus]:
    """The module's own LOTUS, which knows one fact and has a dump."""
    with lotus_home() as system:
        system.up()
        assert system.run("remember", FACT).returncode == 0
        dump_of(system).parent.mkdir(mode=0o700)
        options = [f"--host={socket_folder(system)}", "--username=lotus", "--format=custom", f"--file={dump_of(system)}"]
        subprocess.run([find_binaries() / "pg_dump", *options, "lotus"], check=True)
        yield system
        assert system.run("down").returncode == 0


def dump_of(lotus: Lotus) -> Path:
    return lotus.home / "backups" / "before.dump"


def data_of(lotus: Lotus) -> Path:
    return Path(status(lotus)["services"]["postgres"]["data"])


def status(lotus: Lotus) -> dict:
    return json.loads(lotus.run("status", "--json").stdout or "{}")


def socket_folder(lotus: Lotus) -> Path:
    return Path(unquote(lotus.runtime.database_url.partition("host=")[2]))


def states(lotus: Lotus) -> dict[str, str]:
    return {row.name: row.state for row in Supervisor(lotus.runtime.supervisor_socket).processes()}


def assert_answered(lotus: Lotus) -> None:
    done = lotus.run("ask", QUESTION, timeout_s=90)
    assert done.returncode == 0, done.stderr
    assert "boathouse" in done.stdout


def overwritten(path: Path, at: int = 0, length: int = 8192) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(os.urandom(length))


def control_file(data: Path) -> None:
    overwritten(data / "global" / "pg_control", length=300)


def write_ahead_log(data: Path) -> None:
    for path in (data / "pg_wal").iterdir():
        if path.is_file():
            os.truncate(path, 100)


def write_ahead_log_gone(data: Path) -> None:
    shutil.rmtree(data / "pg_wal")


def relation_map(data: Path) -> None:
    overwritten(data / "global" / "pg_filenode.map", length=200)


def of_another_version(data: Path) -> None:
    (data / "PG_VERSION").write_text("14\n", encoding="ascii")


def without_version(data: Path) -> None:
    (data / "PG_VERSION").unlink()


DAMAGES = (control_file, write_ahead_log, write_ahead_log_gone, relation_map, of_another_version, without_version)


def picture_of(data: Path, *, comes_up: bool) -> dict[str, tuple[int, bytes]]:
    """The tables and the damaged files; what a server writes by itself is none of LOTUS's.

    ``comes_up``: it starts on this damage and refuses each connection, so its control file says "in production".
    """
    written_by_itself = {"postmaster.pid", "postmaster.opts", "pg_internal.init", *(["pg_control"] if comes_up else [])}
    return {
        str(path.relative_to(data)): (path.stat().st_size, path.read_bytes()[:64])
        for path in [*data.iterdir(), *(data / "base").rglob("*"), *(data / "global").rglob("*")]
        if path.is_file() and path.name not in written_by_itself
    }


@contextlib.contextmanager
def kept_cluster(lotus: Lotus, data: Path) -> Iterator[None]:
    """Puts the data folder back as it was, and LOTUS up again."""
    copy = lotus.home / "cluster-before"
    shutil.copytree(data, copy, symlinks=True)
    try:
        yield
    finally:
        lotus.run("down", timeout_s=120)
        shutil.rmtree(data)
        copy.rename(data)
        lotus.up()


def one_damage_by_default() -> Iterator[object]:
    for damage in DAMAGES:
        for when in ("at rest", "while running"):
            is_default = (damage, when) in {(control_file, "while running"), (write_ahead_log, "at rest")}
            marks = [] if is_default else [pytest.mark.chaos]
            yield pytest.param(damage, when, marks=marks, id=f"{damage.__name__}-{when}")


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("damage", "when"), tuple(one_damage_by_default()))
def test_damage_to_the_truth_is_said_alike_everywhere_with_the_backup_and_nothing_is_touched(
    troubled: Lotus, damage: Callable[[Path], None], when: str
) -> None:
    data = data_of(troubled)
    if when == "at rest":
        assert troubled.run("down", timeout_s=120).returncode == 0
    else:
        Supervisor(troubled.runtime.supervisor_socket)._call("stopProcess", "services:postgres", True)
    with kept_cluster(troubled, data):
        damage(data)
        before = picture_of(data, comes_up=damage is relation_map)
        if when == "while running":
            Supervisor(troubled.runtime.supervisor_socket).start("postgres", "services")

            def said() -> str | None:
                return status(troubled)["services"]["postgres"]["trouble"]

            def refused() -> subprocess.CompletedProcess[str] | None:
                done = troubled.run("ask", QUESTION)
                assert done.returncode == 3
                # One that crashes at each connection says this between two of its tries.
                return None if "recovery mode" in done.stderr or "starting up" in done.stderr else done

            trouble = wait_until(said, timeout_s=60, what="the reason in the status")
            plain, asked = troubled.run("status"), wait_until(refused, timeout_s=30, what="the reason from ask")
            assert (plain.returncode, asked.returncode) == (1, 3)
            for words in (trouble, plain.stdout, asked.stderr):
                assert_says_what_to_do(troubled, words)
            assert set(states(troubled).values()) <= {"RUNNING", "STARTING", "BACKOFF"}
        else:
            up = troubled.run("up", timeout_s=200)
            assert up.returncode == 1, up.stdout
            assert_says_what_to_do(troubled, up.stderr)
            assert troubled.run("status").returncode == 3
        doctor = troubled.run("doctor")
        assert doctor.returncode == 1
        assert_says_what_to_do(troubled, doctor.stdout)
        assert picture_of(data, comes_up=damage is relation_map) == before
        assert not list((troubled.home / "data" / "set-aside").glob("postgres*"))
    assert_answered(troubled)


def assert_says_what_to_do(lotus: Lotus, words: str) -> None:
    assert "damaged" in words or "was made by another PostgreSQL" in words, words
    assert "nothing of it was changed" in words or "nothing in it was changed" in words, words
    assert f"restore {dump_of(lotus)}" in words, words


@pytest.mark.timeout(150)
def test_locks_that_name_a_living_process_of_something_else_do_not_keep_postgresql_away(troubled: Lotus) -> None:
    data = data_of(troubled)
    stranger = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])
    try:
        assert troubled.run("down", timeout_s=120).returncode == 0
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n1\n5432\n", encoding="ascii")
        troubled.up()
        assert_answered(troubled)

        supervisor = Supervisor(troubled.runtime.supervisor_socket)
        supervisor._call("stopProcess", "services:postgres", True)
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n1\n5432\n", encoding="ascii")
        lock = socket_folder(troubled) / ".s.PGSQL.5432.lock"
        lock.write_text(f"{stranger.pid}\n{data}\n1\n5432\n{lock.parent}\n", encoding="ascii")
        supervisor.start("postgres", "services")
        assert_answered(troubled)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of DISK_MB at ``folder``; skips where this user can't mount one."""
    folder.mkdir(mode=0o700, parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0700", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"a small disk can't be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Writes until nothing more fits."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1_000_000, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return ballast


@pytest.mark.chaos
@pytest.mark.skipif(os.getuid() != 0, reason="only root mounts a disk")
@pytest.mark.timeout(400)
def test_a_disk_that_is_full_for_many_tries_heals_when_there_is_room_again() -> None:
    with lotus_home() as lotus, small_disk(lotus.home / "data") as disk:
        try:
            lotus.up()
            assert lotus.run("remember", FACT).returncode == 0
            ballast = fill(disk)
            for name in ("postgres", "valkey", "chroma"):
                os.kill(lotus.pid_of(name), signal.SIGKILL)
            wait_until(
                lambda: (status(lotus)["services"]["postgres"]["trouble"] or "").startswith("its disk is full"),
                timeout_s=60,
                what="the full disk in the status",
            )
            tries: set[int] = set()

            def many_tries() -> bool:
                rows = Supervisor(lotus.runtime.supervisor_socket).processes()
                assert "FATAL" not in {row.state for row in rows}
                tries.update(row.started_at for row in rows if row.name == "postgres")
                fill(disk)
                return len(tries) >= 8

            wait_until(many_tries, timeout_s=150, what="eight tries on a full disk")
            assert "its disk is full" in lotus.run("doctor").stdout
            ballast.unlink()
            wait_until(lambda: status(lotus)["overall"] == "ok", timeout_s=90, what="a whole LOTUS")
            assert_answered(lotus)
        finally:
            lotus.run("down", timeout_s=120)
