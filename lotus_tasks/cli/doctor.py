"""`doctor`: what is wrong, and what to do about it. One line each."""

from __future__ import annotations

import importlib.util
import os
import platform
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import click

from lotus_tasks.cli.configuration import examine_files
from lotus_tasks.cli.psql import shell_line
from lotus_tasks.errors import ConfigurationError, LotusError, NotRunning
from lotus_tasks.local.home import PROJECT, Home, open_to_others
from lotus_tasks.local.http_address import shown_place
from lotus_tasks.local.runtime import Runtime, load_runtime
from lotus_tasks.providers.adapters.catalogue import chat_models, how_to_add, order, rows, serving
from lotus_tasks.providers.adapters.connection import listens
from lotus_tasks.providers.service.checking import check_all
from lotus_tasks.providers.service.locality import is_here
from lotus_tasks.reasoning.adapters.python_box import box_trouble, box_way
from lotus_tasks.settings import Settings
from lotus_tasks.stack import chroma, open_files, valkey
from lotus_tasks.stack.endpoints import chroma_token
from lotus_tasks.stack.lifecycle import http_status, running_processes
from lotus_tasks.stack.orphans import find_processes
from lotus_tasks.stack.ports import hold_port
from lotus_tasks.stack.postgres import find_binaries, has_user_namespaces
from lotus_tasks.stack.postgres_words import explain_postgres
from lotus_tasks.stack.set_aside import list_set_aside

_ROOM_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line. ``remedy``: what to do, for a warning or a fault."""

    status: Literal["ok", "note", "wrong"]
    what: str
    remedy: str = ""


@click.command()
def doctor() -> None:
    """Check configuration, services, ports, disk, embedder and models; exit code 1 when something is wrong."""
    signs = {"ok": "✓", "note": "·", "wrong": "✗"}
    wrong = 0
    for finding in examine():
        wrong += finding.status == "wrong"
        click.echo(f"{signs[finding.status]} {finding.what}{f' → {finding.remedy}' if finding.remedy else ''}")
    if wrong:
        raise SystemExit(1)


def examine() -> Iterator[Finding]:
    """Every finding, the ground first."""
    yield _python()
    yield _lock()
    configuration = examine_files()
    for complaint in configuration.complaints:
        yield Finding(status="wrong", what=complaint, remedy="correct it")
    if not configuration.complaints:
        yield Finding(status="ok", what="configuration")
    for notice in configuration.notices:
        yield Finding(status="note", what=notice)
    settings = configuration.settings
    home = Home(Path(settings.lotus_home).expanduser().absolute())
    yield from _ground(home)
    yield from _dotenvs(home)
    yield from _binaries(settings)
    yield from _outside(home, settings)
    yield from _system(home, settings)
    yield from examine_box()
    yield _embedder(settings)
    yield from _models(settings)


def _python() -> Finding:
    return Finding(status="ok", what=f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")


def _lock() -> Finding:
    stamp, lock = Path(sys.prefix) / "installed-lotus.lock", PROJECT / "requirements" / "lotus.lock"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return Finding(status="ok", what="packages are those of requirements/lotus.lock")
    return Finding(
        status="note", what="packages were not installed from this lock", remedy="./start_lotus.sh installs them"
    )


def _ground(home: Home) -> Iterator[Finding]:
    try:
        home.create()
    except ConfigurationError as error:
        yield Finding(status="wrong", what=str(error))
        return
    free = shutil.disk_usage(home.path).free
    if free < _ROOM_BYTES:
        yield Finding(
            status="wrong", what=f"{free / 1e6:.0f} MB are free in {home.path}", remedy="make room: at least 1 GB"
        )
    else:
        yield Finding(status="ok", what=f"{home.path} is yours alone, {free / 1e9:.0f} GB free")
    if home.sockets != home.run:
        yield Finding(status="note", what=f"the path of LOTUS_HOME is too long for sockets; they are in {home.sockets}")
    for aside in list_set_aside(home):
        yield Finding(
            status="note",
            what=f"{aside.line()}; begun empty and filled again",
            remedy="remove it when you don't need it",
        )
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if 0 < files < open_files.NEEDED:
        yield Finding(
            status="wrong", what=f"a process may open {files} files only", remedy=f"ulimit -n {open_files.NEEDED}"
        )


def _binaries(settings: Settings) -> Iterator[Finding]:
    checks: list[tuple[bool, Callable[[], Path]]] = [
        (settings.lotus_redis_url is None, valkey.find_binary),
        (settings.lotus_database_url is None, find_binaries),
    ]
    for embedded, find in checks:
        if embedded:
            try:
                find()
            except ConfigurationError as error:
                yield Finding(status="wrong", what=str(error))


def _dotenvs(home: Home) -> Iterator[Finding]:
    """Whether anyone else on this machine can read the keys."""
    for file in home.dotenvs:
        if mode := open_to_others(file):
            yield Finding(
                status="wrong", what=f"{file} is open to others (mode {mode})", remedy="`python manage.py up` closes it"
            )
        elif file.exists():
            yield Finding(status="ok", what=f"{file} is yours alone")


def _outside(home: Home, settings: Settings) -> Iterator[Finding]:
    """What of LOTUS doesn't lie in its home: it is neither copied nor removed with it."""
    folder = home.root_database
    if folder.is_dir():
        what = f"root's database lies outside LOTUS_HOME, in {folder}"
        if settings.lotus_database_url is not None:
            what += ", and isn't used: LOTUS_DATABASE_URL names another"
        yield Finding(status="note", what=what, remedy="copy or remove it together with LOTUS_HOME")
    elif settings.lotus_database_url is None and os.getuid() == 0 and not has_user_namespaces():
        yield Finding(
            status="note", what=f"user namespaces are off: PostgreSQL will run as nobody, its data in {folder}"
        )


def _system(home: Home, settings: Settings) -> Iterator[Finding]:
    processes = running_processes(home)
    if processes is None:
        if orphans := find_processes(home):
            names = ", ".join(sorted({one.name for one in orphans}))
            yield Finding(
                status="wrong", what=f"a killed LOTUS left {names}", remedy="`python manage.py down` ends them"
            )
            return
        yield Finding(status="note", what="LOTUS is not running", remedy="`python manage.py up`")
        if settings.lotus_database_url is None and (trouble := explain_postgres(home)):
            yield Finding(status="wrong", what=f"PostgreSQL did not come up last time: {trouble}")
        yield from _ports(settings)
        return
    for process in processes:
        if process.state not in {"RUNNING", "STARTING"}:
            what = f"{process.name} is {process.state.lower()}{f' ({process.reason})' if process.reason else ''}"
            yield Finding(status="wrong", what=what, remedy=f"`python manage.py logs {process.name}`")
    try:
        runtime = load_runtime(home)
    except NotRunning as error:
        yield Finding(status="wrong", what=str(error))
        return
    yield from _services(home, runtime)


def _ports(settings: Settings) -> Iterator[Finding]:
    fixed = {
        "gateway": settings.lotus_gateway_port,
        "flower": settings.lotus_flower_port,
    }
    for name, port in fixed.items():
        try:
            hold_port(name, fixed=port).release()
        except ConfigurationError as error:
            yield Finding(status="wrong", what=str(error))


def _services(home: Home, runtime: Runtime) -> Iterator[Finding]:
    postgres = _probe("PostgreSQL", "postgres", lambda: _postgres_version(runtime))
    if postgres.status == "wrong" and "postgres" in runtime.embedded and (trouble := explain_postgres(home)):
        postgres = Finding(status="wrong", what=f"PostgreSQL: {trouble}", remedy=postgres.remedy)
    yield postgres
    yield _probe("Redis", "valkey", lambda: _redis_version(home, runtime))
    found = chroma.answers(runtime.chroma_url, token=chroma_token(runtime))
    yield _answer("Chroma", "chroma", shown_place(runtime.chroma_url) if found else None)
    gateway = urlsplit(runtime.gateway_url).netloc
    ready = http_status(gateway, "/readyz") == 200
    yield _answer("health: every module is ready", "gateway", gateway if ready else None)
    flower = urlsplit(runtime.flower_url).netloc
    yield _answer("Flower", "flower", flower if http_status(flower, "/healthcheck") else None)


def _probe(title: str, process: str, ask: Callable[[], str | None]) -> Finding:
    try:
        return _answer(title, process, ask())
    except (LotusError, OSError) as error:
        return Finding(status="wrong", what=f"{title}: {error}", remedy=f"`python manage.py logs {process}`")


def _answer(title: str, process: str, place: str | None) -> Finding:
    if place is None:
        return Finding(status="wrong", what=f"{title}: no answer", remedy=f"`python manage.py logs {process}`")
    return Finding(status="ok", what=f"{title} ({place})")


def _postgres_version(runtime: Runtime) -> str:
    from lotus_tasks.spine.database import connect

    with connect(runtime.database_url, connect_timeout_s=3) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    version = str(row["server_version"]) if row else "?"
    return f"{version}; {shell_line(runtime.database_url)}" if "postgres" in runtime.embedded else version


def _redis_version(home: Home, runtime: Runtime) -> str | None:
    if "redis" in runtime.embedded:
        return valkey.answers(home)
    import redis

    try:
        with redis.Redis.from_url(runtime.redis_url, socket_timeout=3) as client:
            return str(client.info("server")["redis_version"])
    except redis.RedisError as error:
        raise OSError(str(error)) from error


def examine_box() -> Iterator[Finding]:
    """Whether a model's programs can be shut off on this machine, and by what; if not, the tool isn't offered."""
    trouble = box_trouble()
    if trouble:
        yield Finding(
            status="note",
            what=f"models are not offered run_python, for a program can't be shut off here: {trouble}",
            remedy="install bubblewrap, or allow user namespaces; Landlock needs Linux 5.13",
        )
    else:
        yield Finding(status="ok", what=f"programs of models are shut off by {box_way()}")


def _embedder(settings: Settings) -> Finding:
    if settings.lotus_embedder == "none":
        return Finding(status="note", what="no embedder: recall goes by words", remedy="LOTUS_EMBEDDER=minilm")
    if importlib.util.find_spec("onnxruntime") is None:
        return Finding(status="wrong", what="onnxruntime is missing", remedy="./start_lotus.sh installs it")
    return Finding(status="ok", what=f"embedder {settings.lotus_embedder}")


def _models(settings: Settings) -> Iterator[Finding]:
    try:
        known, found = rows(settings), serving(settings)
    except ConfigurationError:
        return  # said already: it is a fault of the configuration
    there = [row for row in found if not is_here(row) or listens(row.base_url)]
    adapters = chat_models(settings)
    said = {one.name: one for one in check_all(adapters[row.name] for row in there)}
    for adapter in adapters.values():
        adapter.close()
    for row in found:
        if row not in there:
            yield Finding(status="note", what=f"{row.name}: nothing answers at {row.base_url}", remedy="start it")
        elif said[row.name].reachable is False:
            what = said[row.name].detail
            named = what if what.startswith(row.name) else f"{row.name}: {what}"
            yield Finding(status="note", what=named, remedy=f"`manage.py providers check {row.name}` asks it again")
        else:
            yield Finding(status="ok", what=f"{row.name}: {row.model or 'the first model it lists'} at {row.base_url}")
    if not found:
        remedy = how_to_add(known, order(settings))
        yield Finding(status="note", what="no model is configured: answers quote your memory", remedy=remedy)
