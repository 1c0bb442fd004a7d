"""A store that can be rebuilt is damaged, at rest or while LOTUS runs: it heals by itself, and PostgreSQL is untouched.

One LOTUS for all cases; each leaves it well.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stack import Lotus, count_vectors, lotus_home, wait_until

from lotus_tasks.local.home import Home
from lotus_tasks.stack import chroma, valkey
from lotus_tasks.stack.set_aside import KEPT, list_set_aside
from lotus_tasks.stack.supervision import Supervisor

FACT = "The anchor of the Seeadler lies in the boathouse."
QUESTION = "Where does the anchor of the Seeadler lie?"
NEXT_LOOK_S = 30
"""An ask must be answered within this after the damage is met."""

Damage = Callable[[Path], None]


def random_bytes_appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(os.urandom(4000))


def zero_bytes_appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(4096))


def first_20_kb_overwritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(20_000))


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def closed_and_of_another_owner(path: Path) -> None:
    path.chmod(0)
    path.parent.chmod(0)
    if os.getuid() == 0:
        os.chown(path, 4321, 4321)
        os.chown(path.parent, 4321, 4321)


def folder_deleted(path: Path) -> None:
    shutil.rmtree(path.parent)


def of_another_version(path: Path) -> None:
    path.write_bytes(
        b"REDIS9999" + path.read_bytes()[9:] if path.suffix == ".rdb" else b"SQLite format 9\x00" + bytes(8000)
    )


DAMAGES: tuple[Damage, ...] = (
    random_bytes_appended,
    zero_bytes_appended,
    first_20_kb_overwritten,
    emptied,
    folder_in_its_place,
    closed_and_of_another_owner,
    folder_deleted,
    of_another_version,
)
HEALS_ITSELF = {closed_and_of_another_owner, folder_deleted}
"""Nothing is lost that could be kept, or nothing is left to keep."""
NOT_RUNNING = 70
"""What the supervisor answers who stops what has ended."""
IS_SEEN = {
    "valkey": set(DAMAGES) - HEALS_ITSELF,
    "chroma": {first_20_kb_overwritten, folder_in_its_place, of_another_version},
}
"""What each server can't open. SQLite doesn't read what is behind its last page, and an empty file is a new database."""


def valkeys_file(home: Path, damage: Damage) -> Path:
    files = home / "data" / "valkey" / "appendonlydir"
    if damage is emptied:
        return files / "appendonly.aof.manifest"
    (found,) = files.glob("*.base.rdb" if damage is of_another_version else "*.incr.aof")
    return found


def chromas_file(home: Path, _damage: Damage) -> Path:
    return home / "data" / "chroma" / "chroma.sqlite3"


STORES: dict[str, Callable[[Path, Damage], Path]] = {"valkey": valkeys_file, "chroma": chromas_file}


@pytest.fixture(scope="module")
def damaged_lotus() -> Iterator[Lotus]:
    """The module's own LOTUS, which knows one fact."""
    with lotus_home() as system:
        system.up()
        told = system.run("remember", FACT)
        assert told.returncode == 0, told.stderr
        wait_until(lambda: is_whole(system), timeout_s=60, what="the first index")
        yield system
        assert system.run("down").returncode == 0


def status(lotus: Lotus) -> dict:
    return json.loads(lotus.run("status", "--json").stdout or "{}")


def is_whole(lotus: Lotus) -> bool:
    """Everything is well, and the index is what PostgreSQL says it should be."""
    found = status(lotus)
    return found.get("overall") == "ok" and found["memory"]["index_lag"] == 0 and count_vectors(lotus.runtime) >= 1


def truth(lotus: Lotus) -> list[tuple]:
    """What must be the same before and after: the memories told, and PostgreSQL's process."""
    with lotus.database() as conn:
        rows = conn.execute("SELECT id, text FROM memories WHERE text = %s", [FACT]).fetchall()
        return [*rows, *conn.execute("SELECT system_identifier FROM pg_control_system()").fetchall()]


def ask_until_answered(lotus: Lotus) -> None:
    since = time.monotonic()
    done = lotus.run("ask", QUESTION, "--timeout", str(NEXT_LOOK_S), timeout_s=60)
    assert done.returncode == 0, done.stderr
    assert "boathouse" in done.stdout
    assert time.monotonic() - since < NEXT_LOOK_S


def stop_service(lotus: Lotus, name: str) -> None:
    """Stopped, also where it is just about to be started again."""
    supervisor = Supervisor(lotus.runtime.supervisor_socket)

    def stopped() -> bool:
        supervisor._call("stopProcess", f"services:{name}", True, ignore=NOT_RUNNING)
        return {row.name: row.state for row in supervisor.processes()}[name] == "STOPPED"

    wait_until(stopped, timeout_s=30, what=f"the end of {name}")


RUNNING_BY_DEFAULT = {first_20_kb_overwritten, folder_deleted}


def cases() -> Iterator[object]:
    """Each damage to both stores in one start in the usual run, and some while they run; each store alone with `-m chaos`."""
    both = tuple(STORES)
    for damage in DAMAGES:
        for when in ("at rest", "while running"):
            if when == "at rest" or damage in RUNNING_BY_DEFAULT:
                yield pytest.param(both, damage, when, id=f"both-{damage.__name__}-{when}")
            for store in STORES:
                name = f"{store}-{damage.__name__}-{when}"
                yield pytest.param((store,), damage, when, marks=pytest.mark.chaos, id=name)


@pytest.mark.timeout(150)
@pytest.mark.parametrize(("stores", "damage", "when"), tuple(cases()))
def test_a_damaged_store_heals_without_a_persons_hand(
    damaged_lotus: Lotus, stores: tuple[str, ...], damage: Damage, when: str
) -> None:
    home = Home(damaged_lotus.home)
    before, asides = truth(damaged_lotus), list_set_aside(home)
    if when == "at rest":
        for store in stores:
            stop_service(damaged_lotus, store)
            damage(STORES[store](damaged_lotus.home, damage))
        for store in stores:
            Supervisor(damaged_lotus.runtime.supervisor_socket).start(store, "services")
    else:
        for store in stores:
            damage(STORES[store](damaged_lotus.home, damage))
        if "valkey" in stores:  # it reads its files at its start only
            damaged_lotus.kill("valkey")
    ask_until_answered(damaged_lotus)
    expected = sorted(store for store in stores if damage in IS_SEEN[store])

    def new() -> list[str]:
        return sorted(one.store for one in list_set_aside(home) if one not in asides)

    wait_until(lambda: new() == expected, timeout_s=60, what=f"{expected} set aside: {new()}")
    wait_until(lambda: is_whole(damaged_lotus), timeout_s=100, what="a whole LOTUS")
    assert truth(damaged_lotus) == before
    assert new() == expected
    ask_until_answered(damaged_lotus)


@pytest.mark.timeout(200)
def test_a_restart_with_every_rebuildable_store_damaged_comes_up_and_says_so(damaged_lotus: Lotus) -> None:
    assert damaged_lotus.run("down").returncode == 0
    before = {one.path for one in list_set_aside(Home(damaged_lotus.home))}
    zero_bytes_appended(valkeys_file(damaged_lotus.home, zero_bytes_appended))
    first_20_kb_overwritten(chromas_file(damaged_lotus.home, first_20_kb_overwritten))
    said = damaged_lotus.up().stdout
    assert "! valkey's files could not be opened" in said
    asides = [one for one in list_set_aside(Home(damaged_lotus.home)) if one.path not in before]
    assert "valkey" in {one.store for one in asides}
    ask_until_answered(damaged_lotus)
    wait_until(lambda: is_whole(damaged_lotus), timeout_s=100, what="a whole LOTUS")
    plain, doctor = damaged_lotus.run("status"), damaged_lotus.run("doctor")
    assert (plain.returncode, doctor.returncode) == (0, 0), doctor.stdout
    for name in ("valkey", "chroma"):
        assert f"set aside: {name}" in plain.stdout
        assert f"{name}'s files could not be opened" in doctor.stdout
    kept = [one.store for one in list_set_aside(Home(damaged_lotus.home))]
    assert max(kept.count(name) for name in ("valkey", "chroma")) <= KEPT


def test_a_server_that_was_only_killed_keeps_its_files(damaged_lotus: Lotus) -> None:
    before = list_set_aside(Home(damaged_lotus.home))
    for name in ("valkey", "chroma"):
        damaged_lotus.kill(name)
    ask_until_answered(damaged_lotus)
    wait_until(lambda: is_whole(damaged_lotus), timeout_s=60, what="a whole LOTUS")
    assert list_set_aside(Home(damaged_lotus.home)) == before
    assert valkey.answers(Home(damaged_lotus.home))
    assert chroma.answers(damaged_lotus.runtime.chroma_url)
