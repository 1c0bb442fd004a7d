"""The embedded Chroma as the supervisor and the launcher see it. Its process is chroma_server.py."""

from __future__ import annotations

import http.client
import json
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from lotus_tasks.local.home import Home
from lotus_tasks.local.http_address import connection_to, credentials, url_of_socket
from lotus_tasks.stack.programs import Program
from lotus_tasks.stack.rebuildable import Answer, Store

LOOK_EVERY_S: Final = 2.0
WHOLE: Final = "lotus: chroma's collections answer"
BROKEN: Final = "lotus: chroma's files are damaged"
TIMES: Final = 2
"""So many looks in a row must find the same damage before the server is ended."""
DATABASE: Final = "/api/v2/tenants/default_tenant/databases/default_database/collections"


def socket_path(home: Home) -> Path:
    """Where it listens."""
    return home.sockets / "chroma.sock"


def program(home: Home) -> Program:
    """Its process, on a Unix socket that is its owner's alone."""
    arguments = ["--path", str(home.data / "chroma"), "--socket", str(socket_path(home))]
    command = [sys.executable, "-m", "lotus_tasks.stack.chroma_server", *arguments]
    return Program(name="chroma", command=command, group="services", store="chroma", environment={"RUST_LOG": "warn"})


def store(home: Home, command: Sequence[str]) -> Store:
    """Its files, for the launcher: ``command`` is the one that ``program`` named."""
    trial = home.sockets / "chroma.trial"

    def command_on(folder: Path) -> list[str]:
        other = {after(command, "--path"): str(folder), after(command, "--socket"): str(trial)}
        return [other.get(place, word) for place, word in enumerate(command)]

    def ask(*, is_new: bool) -> Answer:
        return try_collections(url_of_socket(trial), write=is_new)

    return Store(name="chroma", whole=WHOLE, broken=BROKEN, command_on=command_on, ask=ask, check=_check_database)


def after(command: Sequence[str], option: str) -> int:
    """Where the value of an option stands."""
    return list(command).index(option) + 1


def try_collections(url: str, *, write: bool = False) -> Answer:
    """Ask each collection how many vectors it has and for the nearest one; with ``write``, make a collection that takes one.

    None: the server doesn't answer. "": all is well. Else what it says is wrong.
    """
    vector = {"ids": ["0"], "embeddings": [[1.0, 0.0]], "metadatas": [{"no": 0}]}
    try:
        if write:
            made = _ask(url, "POST", DATABASE, {"name": "lotus-trial", "get_or_create": True})
            _ask(url, "POST", f"{DATABASE}/{made['id']}/upsert", vector)
        for one in _ask(url, "GET", f"{DATABASE}?limit=1000"):
            path = f"{DATABASE}/{one['id']}"
            if _ask(url, "GET", f"{path}/count") and one.get("dimension"):
                nearest = {"query_embeddings": [[1.0] * int(one["dimension"])], "n_results": 1, "include": []}
                _ask(url, "POST", f"{path}/query", nearest)
    except _AnsweredWrongError as error:
        return str(error)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    return ""


class _AnsweredWrongError(Exception):
    """The server answered with an error of its own."""


def _ask(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    connection = connection_to(url, timeout_s=10)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        if response.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _AnsweredWrongError(text.decode("utf-8", "replace")[:300])
        return None if response.status == http.HTTPStatus.NOT_FOUND else json.loads(text)
    finally:
        connection.close()


def _check_database(folder: Path) -> str:
    """What SQLite itself finds wrong with the database; "" for nothing."""
    database = folder / "chroma.sqlite3"
    if not database.is_file() or not database.stat().st_size:
        return ""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return "" if isinstance(error, sqlite3.OperationalError) else str(error)
    return "" if found == "ok" else found


def answers(url: str, *, token: str = "") -> bool:
    """Whether the server at this address takes requests."""
    connection = connection_to(url, timeout_s=2)
    try:
        connection.request("GET", f"{urlsplit(url).path.rstrip('/')}/api/v2/heartbeat", headers=credentials(token))
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def installed_version() -> str:
    """The wheel's version; the server itself tells only its API's."""
    return version("chromadb")
