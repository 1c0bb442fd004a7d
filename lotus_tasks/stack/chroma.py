"""The embedded Chroma: the Rust server of the chromadb wheel, on 127.0.0.1.

``python -m lotus_tasks.stack.chroma run …`` is `chroma run` without the import of the whole Python package: 14 MB
and 0.03 s instead of 90 MB and 0.6 s before the server begins. It ends when its database file is gone, or when its answers
say that its files are damaged: the server would go on for ever, answering from a file that nobody sees and failing every write.
The supervisor starts it anew, and the launcher looks at the files first (rebuildable.py).
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from lotus_tasks.local.home import Home
from lotus_tasks.stack.programs import Program
from lotus_tasks.stack.rebuildable import Answer, Store, tells_of_the_machine

_LOOK_EVERY_S: Final = 2.0
_FIRST_LOOKS_S: Final = 0.2
_WHOLE: Final = "lotus: chroma's collections answer"
_BROKEN: Final = "lotus: chroma's files are damaged"
_TIMES: Final = 2
"""So many looks in a row must find the same damage before the server is ended."""
_DATABASE: Final = "/api/v2/tenants/default_tenant/databases/default_database/collections"


def program(home: Home, port: int) -> Program:
    """Its process. It has no authentication of its own, so it holds no text (only ids, vectors and small metadata)."""
    arguments = ["run", "--path", str(home.data / "chroma"), "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "lotus_tasks.stack.chroma", *arguments]
    # Else it writes several lines a request, and it is asked every two seconds.
    quiet = {"RUST_LOG": "warn"}
    return Program(name="chroma", command=command, group="services", store="chroma", environment=quiet)


def store(_home: Home, command: Sequence[str]) -> Store:
    """Its files, for the launcher: ``command`` is the one that ``program`` named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])

    def command_on(folder: Path) -> list[str]:
        other = {_after(command, "--path"): str(folder), _after(command, "--port"): str(port)}
        return [other.get(place, word) for place, word in enumerate(command)]

    def ask(*, is_new: bool) -> Answer:
        return try_collections(port, write=is_new)

    return Store(name="chroma", whole=_WHOLE, broken=_BROKEN, command_on=command_on, ask=ask, check=_check_database)


def _after(command: Sequence[str], option: str) -> int:
    return list(command).index(option) + 1


def try_collections(port: int, *, write: bool = False) -> Answer:
    """Ask each collection how many vectors it has and for the nearest one; with ``write``, make a collection that takes one.

    None: the server doesn't answer. "": all is well. Else what it says is wrong.
    """
    vector = {"ids": ["0"], "embeddings": [[1.0, 0.0]], "metadatas": [{"no": 0}]}
    try:
        if write:
            made = _ask(port, "POST", _DATABASE, {"name": "lotus-trial", "get_or_create": True})
            _ask(port, "POST", f"{_DATABASE}/{made['id']}/upsert", vector)
        for one in _ask(port, "GET", f"{_DATABASE}?limit=1000"):
            path = f"{_DATABASE}/{one['id']}"
            if _ask(port, "GET", f"{path}/count") and one.get("dimension"):
                nearest = {"query_embeddings": [[1.0] * int(one["dimension"])], "n_results": 1, "include": []}
                _ask(port, "POST", f"{path}/query", nearest)
    except _AnsweredWrongError as error:
        return str(error)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    return ""


class _AnsweredWrongError(Exception):
    """The server answered with an error of its own."""


def _ask(port: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
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


def answers(host: str, port: int) -> bool:
    """Whether it takes requests."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/api/v2/heartbeat")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def installed_version() -> str:
    """The wheel's version; the server itself tells only its API's."""
    return version("chromadb")


def main(arguments: list[str]) -> None:
    """Becomes the server."""
    import chromadb_rust_bindings

    # Python's own handler would never run: the main thread stays in Rust.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    data = Path(arguments[_after(arguments, "--path")])
    data.mkdir(mode=0o700, exist_ok=True)
    database = data / "chroma.sqlite3"
    database.touch(mode=0o600)  # So that there is a file to watch from the beginning; the server fills an empty one.
    watch = (database, database.stat().st_ino, int(arguments[_after(arguments, "--port")]))
    threading.Thread(target=_watch, args=watch, name="watch", daemon=True).start()
    chromadb_rust_bindings.cli(["chroma", *arguments])


def _watch(file: Path, inode: int, port: int) -> None:
    """End the process when the file of this inode is removed or replaced, or when the answers say that it is damaged."""
    damaged, is_whole = 0, False
    while True:
        if _inode(file) != inode:
            _end(f"{file} is gone; Chroma ends, to begin anew")
        answer = try_collections(port)
        if answer and not tells_of_the_machine(answer):
            damaged += 1
            if damaged >= _TIMES:
                _end(f"{_BROKEN} ({answer}); Chroma ends, to begin anew")
        elif answer == "":
            damaged = 0
            if not is_whole:
                is_whole = True
                _say(_WHOLE)
        time.sleep(_LOOK_EVERY_S if is_whole or damaged else _FIRST_LOOKS_S)


def _end(line: str) -> None:
    _say(line)
    os._exit(1)  # The main thread is in Rust and would not hear of it.


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
