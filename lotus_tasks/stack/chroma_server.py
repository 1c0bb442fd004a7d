"""The process ``chroma``: the chromadb wheel's Rust engine behind a Unix socket that only its owner can open.

``python -m lotus_tasks.stack.chroma_server --path FOLDER --socket PATH``. The wheel's own server listens on a TCP port
and knows no credential, so that every user of the machine, and any web page by a name that turns to 127.0.0.1, could read
and delete vectors. Here the same paths of its HTTP API (v2) that LOTUS uses are answered from the wheel's engine in this process.

One thread does everything: the engine holds Python's lock while it works, so another thread would only wait for it. A large
write is cut into pieces, between which questions are answered.

The process ends when its database file is gone, or when its answers say that its files are damaged: the engine would go on
for ever, answering from a file that nobody sees and failing every write. The supervisor starts it anew, and the launcher looks
at the files first (rebuildable.py).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from lotus_tasks.stack.chroma import BROKEN, DATABASE, LOOK_EVERY_S, TIMES, WHOLE, after
from lotus_tasks.stack.rebuildable import tells_of_the_machine

_SQLITE: Final = b"SQLite format 3\0"
"""How a database file begins that isn't empty (https://www.sqlite.org/fileformat.html, 1.3)."""
_TENANT: Final = ("default_tenant", "default_database")
_PIECE: Final = 100
"""Vectors of one write that are taken at a time: some hundredths of a second, in which nothing else is answered."""
_FILES_OF_AN_INDEX: Final = 5
"""How many files an open index has, as Chroma's own client counts them."""
_LIST: Final = 1000
_KEPT_S: Final = 60
"""How long an idle connection stays: longer than httpx keeps one (5 s), or a question would meet one that is being closed."""

_ERRORS: Final = {"NotFoundError": HTTPStatus.NOT_FOUND, "UniqueConstraintError": HTTPStatus.CONFLICT} | dict.fromkeys(
    ("InvalidArgumentError", "InvalidUUIDError", "InvalidDimensionException", "BatchSizeExceededError"),
    HTTPStatus.BAD_REQUEST,
)
"""What the engine's exceptions are over HTTP, as its own server has it. Every other one is a fault of the server."""

Body = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class _ErrorNames(ModuleType):
    """Stands for chromadb.errors, where the engine looks for its exceptions' classes by name.

    The real one would import Chroma's whole Python client, whose packages LOTUS doesn't install; without the classes the
    engine ends the process at its first error.
    """

    def __getattr__(self, name: str) -> type[Exception]:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (Exception,), {})
        setattr(self, name, made)
        return made


def open_engine(folder: Path) -> Any:
    """The wheel's engine on the files of ``folder``. Raises what it raises for files that it can't read."""
    package = ModuleType("chromadb")
    errors = _ErrorNames("chromadb.errors")
    package.errors = errors  # type: ignore[attr-defined]
    sys.modules |= {"chromadb": package, "chromadb.errors": errors}
    import chromadb_rust_bindings as wheel

    database = wheel.SqliteDBConfig(
        hash_type=wheel.MigrationHash.MD5, migration_mode=wheel.MigrationMode.Apply, url=str(folder / "chroma.sqlite3")
    )
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wheel.Bindings(
        allow_reset=False,
        sqlite_db_config=database,
        persist_path=str(folder),
        hnsw_cache_size=min(files, 2**16) // _FILES_OF_AN_INDEX,
    )


class ChromaApp:
    """An ASGI application over an engine: the calls of Chroma's HTTP API that LOTUS makes, in its words."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._collection = re.compile(re.escape(DATABASE) + r"/([^/]+)(?:/([a-z]+))?")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            content = await _read(receive)
            answer = await self._answer(scope, orjson.loads(content) if content else {})
            status = HTTPStatus.OK if answer is not _UNKNOWN else HTTPStatus.NOT_FOUND
        except orjson.JSONDecodeError as error:
            status, answer = HTTPStatus.BAD_REQUEST, {"error": "JSONDecodeError", "message": str(error)}
        except (KeyError, TypeError) as error:
            status, answer = HTTPStatus.UNPROCESSABLE_ENTITY, {"error": type(error).__name__, "message": str(error)}
        except BaseException as error:
            # A panic of the engine's is no Exception to Python.
            if isinstance(error, (KeyboardInterrupt, SystemExit, asyncio.CancelledError)):
                raise
            name = type(error).__name__
            status = _ERRORS.get(name, HTTPStatus.INTERNAL_SERVER_ERROR)
            answer = {"error": name, "message": str(error)}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(answer)})

    async def _answer(self, scope: Mapping[str, Any], body: Body) -> Any:
        method, path = scope["method"], scope["path"]
        if (method, path) == ("GET", "/api/v2/heartbeat"):
            return {"nanosecond heartbeat": self._engine.heartbeat()}
        if (method, path) == ("GET", DATABASE):
            limit = parse_qs(scope["query_string"].decode()).get("limit", [str(_LIST)])[0]
            return [_told(one) for one in self._engine.list_collections(int(limit), 0, *_TENANT)]
        if (method, path) == ("POST", DATABASE):
            return self._make(body)
        found = self._collection.fullmatch(path)
        return await self._answer_collection(method, found[1], found[2], body) if found else _UNKNOWN

    async def _answer_collection(self, method: str, name: str, verb: str | None, body: Body) -> Any:
        if (method, verb) == ("DELETE", None):
            self._engine.delete_collection(name, *_TENANT)
            return {}
        if (method, verb) == ("GET", "count"):
            return self._engine.count(name, *_TENANT)
        verbs = {"upsert": self._upsert, "delete": self._delete, "query": self._query, "get": self._get}
        if method == "POST" and verb in verbs:
            return await verbs[verb](name, body)
        return _UNKNOWN

    def _make(self, body: Body) -> Any:
        configuration = body.get("configuration")
        written = json.dumps(configuration) if configuration else None
        get_or_create = bool(body.get("get_or_create"))
        return _told(self._engine.create_collection(body["name"], written, None, None, get_or_create, *_TENANT))

    async def _upsert(self, name: str, body: Body) -> Any:
        ids, vectors, metadatas = body["ids"], body["embeddings"], body.get("metadatas")
        for start in range(0, len(ids), _PIECE):
            piece = slice(start, start + _PIECE)
            told = metadatas[piece] if metadatas else None
            self._engine.upsert(name, ids[piece], vectors[piece], told, None, None, *_TENANT)
            await asyncio.sleep(0)
        return {}

    async def _delete(self, name: str, body: Body) -> Any:
        self._engine.delete(name, body["ids"], None, None, None, *_TENANT)
        return {}

    async def _query(self, name: str, body: Body) -> Any:
        include = body.get("include", ["distances"])
        vectors, count = body["query_embeddings"], body["n_results"]
        found = self._engine.query(name, None, vectors, count, None, None, include, *_TENANT)
        return {"ids": found.ids, "distances": found.distances}

    async def _get(self, name: str, body: Body) -> Any:
        limit, offset = body.get("limit"), body.get("offset", 0)
        found = self._engine.get(name, body.get("ids"), None, limit, offset, None, body.get("include", []), *_TENANT)
        return {"ids": found.ids}

    def look(self) -> str:
        """Ask each collection how many vectors it has and for the nearest one; what the engine says is wrong, "" for nothing."""
        try:
            for one in self._engine.list_collections(_LIST, 0, *_TENANT):
                if self._engine.count(str(one.id), *_TENANT) and one.dimension:
                    nothing = [[1.0] * int(one.dimension)]
                    self._engine.query(str(one.id), None, nothing, 1, None, None, [], *_TENANT)
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            return "" if type(error).__name__ in _ERRORS else f"{error}"[:300]
        return ""


_UNKNOWN: Final = {"error": "NotFound", "message": "LOTUS's Chroma answers the calls only that LOTUS makes"}


def _told(collection: Any) -> dict[str, Any]:
    return {"id": str(collection.id), "name": collection.name, "dimension": collection.dimension}


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def watch(file: Path, inode: int | None, look: Callable[[], str]) -> None:
    """End the process when the file of this inode is removed or replaced, or when the answers say that it is damaged."""
    damaged, is_whole, has_begun = 0, False, False
    while True:
        if inode_of(file) != inode:
            _end(f"{file} is gone; Chroma ends, to begin anew")
        # The engine may answer from what it has read for long after the file was overwritten.
        begins_well = _begins_well(file)
        if has_begun and not begins_well:
            _end(f"{BROKEN} ({file} begins as no database does); Chroma ends, to begin anew")
        has_begun = has_begun or begins_well
        found = look()
        if found and not tells_of_the_machine(found):
            damaged += 1
            if damaged >= TIMES:
                _end(f"{BROKEN} ({found}); Chroma ends, to begin anew")
        elif not found:
            damaged = 0
            if not is_whole:
                is_whole = True
                _say(WHOLE)
        await asyncio.sleep(LOOK_EVERY_S)


def _begins_well(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(_SQLITE)) == _SQLITE
    except OSError:  # no more files may be opened, or it was closed to us: neither says that it is damaged
        return True


def _end(line: str) -> None:
    _say(line)
    os._exit(1)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def inode_of(file: Path) -> int | None:
    """The file's inode; None where it is gone."""
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


def listen(path: Path) -> socket.socket:
    """A Unix socket of mode 0600 in place of one that a former process left. The launcher's lock says that it is dead."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener


def main(arguments: list[str]) -> None:
    """Becomes the server."""
    from lotus_tasks.stack.asgi import serve

    data = Path(arguments[after(arguments, "--path")])
    os.umask(0o077)
    data.mkdir(mode=0o700, exist_ok=True)
    database = data / "chroma.sqlite3"
    database.touch(mode=0o600)  # So that there is a file to watch from the beginning; the engine fills an empty one.
    inode = inode_of(database)
    app = ChromaApp(open_engine(data))
    watching: list[asyncio.Task[None]] = []

    async def answer(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await app(scope, receive, send)
            return
        await receive()  # lifespan: once, as it begins
        watching.append(asyncio.create_task(watch(database, inode, app.look)))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        watching.pop().cancel()
        await send({"type": "lifespan.shutdown.complete"})

    place = Path(arguments[after(arguments, "--socket")])
    try:
        serve(answer, sockets=[listen(place)], lifespan="on", timeout_keep_alive=_KEPT_S)
    finally:
        place.unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1:])
