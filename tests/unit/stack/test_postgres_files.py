"""PostgreSQL's lock files, and what its words mean for a person."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from stack import wait_until

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.local.home import Home
from lotus_tasks.stack.postgres import EmbeddedPostgres
from lotus_tasks.stack.postgres_words import diagnose, explain_postgres
from lotus_tasks.stack.postmaster import remove_stale_locks


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "h")
    home.create()
    (home.data / "postgres").mkdir()
    return home


def command(home: Home) -> list[str]:
    return ["postgres", "-D", str(home.data / "postgres"), "-c", f'unix_socket_directories="{home.run}"']


@pytest.mark.parametrize("text", ["", "\0\0\0", "no number\n", "{living}\n/data\n", "-{living}\n", "999999999\n"])
def test_a_lock_that_no_server_stands_behind_is_removed(home: Home, text: str) -> None:
    locks = [home.data / "postgres" / "postmaster.pid", home.run / ".s.PGSQL.5432.lock"]
    for lock in locks:
        lock.write_text(text.replace("{living}", str(os.getpid())))
    remove_stale_locks(command(home))
    assert not any(lock.exists() for lock in locks)


def test_the_lock_of_a_server_that_works_in_this_folder_stays(home: Home) -> None:
    data = home.data / "postgres"
    server = data / "postgres-of-the-test"
    server.symlink_to(sys.executable)
    running = subprocess.Popen([str(server), "-S", "-c", "import time; time.sleep(60)"], cwd=data)
    try:
        named = Path(f"/proc/{running.pid}/comm")  # until it has become the server it bears this process's name
        wait_until(lambda: not named.exists() or "postgres" in named.read_text(), what="the server's own name")
        (data / "postmaster.pid").write_text(f"{running.pid}\n")
        remove_stale_locks(command(home))
        assert (data / "postmaster.pid").exists()
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("PANIC:  could not locate a valid checkpoint record at 0/1", "is damaged"),
        ("FATAL:  incorrect checksum in control file", "is damaged"),
        ('FATAL:  "/d" is not a valid data directory', "is damaged"),
        ('FATAL:  could not open file "global/pg_filenode.map": No such file or directory', "is damaged"),
        ('FATAL:  required WAL directory "pg_wal" does not exist', "is damaged"),
        ('FATAL:  relation mapping file "global/pg_filenode.map" contains invalid data', "is damaged"),
        ("FATAL:  could not load /d/pg_hba.conf", "is damaged"),
        ("FATAL:  database files are incompatible with server", "another PostgreSQL"),
        ('PANIC:  could not write to file "pg_wal/x": No space left on device', "its disk is full"),
        ('FATAL:  data directory "/d" has wrong ownership', "make it yours alone"),
        (
            "DETAIL:  The data directory was initialized by 12, which is not compatible with this version",
            "another PostgreSQL",
        ),
        ('HINT:  Is another postmaster (PID 7) running in data directory "/d"?', None),
    ],
)
def test_its_words_are_told_with_what_to_do(home: Home, line: str, said: str | None) -> None:
    log = ["LOG:  starting", f"2026-11-26 06:00:00.000 UTC [7] {line}", "lotus: launching postgres"]
    found = diagnose(log, home.data / "postgres", home)
    assert found is None if said is None else found is not None and said in found and "\n" not in found


def test_damage_names_the_newest_backup(home: Home) -> None:
    log = ["2026-11-26 06:00:00.000 UTC [7] PANIC:  could not locate a valid checkpoint record"]
    assert "restore your newest dump" in str(diagnose(log, home.data / "postgres", home))
    for name, text, age_s in (("old.dump", b"PGDMP1", 500), ("new.dump", b"PGDMP2", 100), ("no.dump", b"text", 0)):
        (home.path / name).write_bytes(text)
        os.utime(home.path / name, (1_700_000_000 - age_s,) * 2)
    found = str(diagnose(log, home.data / "postgres", home))
    assert f"restore {home.path / 'new.dump'}, of 2023-11-14" in found
    assert "docs/operations.md" in found


def test_a_cluster_without_its_version_file_is_refused_and_not_made_anew(home: Home) -> None:
    data = home.data / "postgres"
    (data / "base").mkdir()
    with pytest.raises(ConfigurationError, match="has no PG_VERSION: it is damaged, and nothing in it was changed"):
        EmbeddedPostgres(binaries=Path("/none"), data=data, sockets=home.run).initialize(home)
    assert [path.name for path in data.iterdir()] == ["base"]
    assert "has no PG_VERSION: it is damaged" in str(explain_postgres(home))  # what `status` and `doctor` say


def test_a_control_file_that_cannot_be_read_is_damage_where_the_version_is_ours(home: Home) -> None:
    log = ["2026-11-26 06:00:00.000 UTC [7] FATAL:  database files are incompatible with server"]
    (home.data / "postgres" / "PG_VERSION").write_text("18\n")
    assert "is damaged" in str(diagnose(log, home.data / "postgres", home))


def test_what_was_wrong_before_it_came_up_is_over(home: Home) -> None:
    log = [
        "2026-11-26 06:00:00.000 UTC [7] PANIC:  could not write to file: No space left on device",
        "2026-11-26 07:00:00.000 UTC [8] LOG:  database system is ready to accept connections",
    ]
    assert diagnose(log, home.data / "postgres", home) is None
