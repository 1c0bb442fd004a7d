"""The embedded Chroma's process."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from stack import wait_until

from lotus_tasks.local.home import PROJECT
from lotus_tasks.local.http_address import connection_to, url_of_socket
from lotus_tasks.stack import chroma
from lotus_tasks.stack.chroma import DATABASE
from lotus_tasks.stack.chroma_server import ChromaApp

VECTORS = {"ids": ["1", "2"], "embeddings": [[1.0, 0.0], [0.0, 1.0]], "metadatas": [{"no": 1}, {"no": 2}]}
NOBODY = "00000000-0000-0000-0000-000000000000"


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    server = subprocess.Popen(
        [sys.executable, *command], cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        yield server
    finally:
        server.kill()
        server.communicate()


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on ``folder``, and its address."""
    place = folder.parent / "chroma.sock"
    options = ["--path", str(folder), "--socket", str(place)]
    with process("-m", "lotus_tasks.stack.chroma_server", *options) as server:
        url = url_of_socket(place)
        wait_until(lambda: chroma.answers(url), timeout_s=20, what="Chroma")
        yield server, url


def ask(url: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    with closing(connection_to(url, timeout_s=10)) as connection:
        content = body if isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, content if body is not None else None)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def collection(url: str) -> str:
    status, made = ask(url, "POST", DATABASE, {"name": "letters", "get_or_create": True})
    assert status == 200
    return f"{DATABASE}/{made['id']}"


def test_a_server_whose_folder_is_gone_ends_and_the_next_one_makes_it_anew(tmp_path: Path) -> None:
    folder = tmp_path / "chroma"
    for _ in range(2):
        with running(folder) as (server, _url):
            assert server.poll() is None
            shutil.rmtree(folder)
            _, said = server.communicate(timeout=15)
            assert (server.returncode, "is gone" in said) == (1, True)


def test_what_is_written_is_found_counted_listed_and_removed_and_outlives_the_process(tmp_path: Path) -> None:
    with running(tmp_path / "chroma") as (server, url):
        path = collection(url)
        assert ask(url, "POST", f"{path}/upsert", VECTORS) == (200, {})
        query = {"query_embeddings": [[1.0, 0.1]], "n_results": 2, "include": ["distances"]}
        found = ask(url, "POST", f"{path}/query", query)[1]
        assert found["ids"] == [["1", "2"]]
        assert found["distances"][0] == sorted(found["distances"][0])
        server.terminate()
        assert server.wait(10) == 0
    assert not (tmp_path / "chroma.sock").exists()
    with running(tmp_path / "chroma") as (_server, url):
        assert ask(url, "GET", f"{path}/count") == (200, 2)
        assert ask(url, "POST", f"{path}/get", {"limit": 1, "offset": 1, "include": []}) == (200, {"ids": ["2"]})
        assert ask(url, "POST", f"{path}/delete", {"ids": ["1", "unknown"]})[0] == 200
        assert ask(url, "GET", f"{path}/count") == (200, 1)
        assert [row["name"] for row in ask(url, "GET", f"{DATABASE}?limit=10")[1]] == ["letters"]
        assert ask(url, "DELETE", f"{DATABASE}/letters")[0] == 200
        assert ask(url, "GET", DATABASE) == (200, [])


def test_each_wrong_call_is_an_error_of_its_own_and_the_server_goes_on(tmp_path: Path) -> None:
    with running(tmp_path / "chroma") as (server, url):
        path = collection(url)
        ask(url, "POST", f"{path}/upsert", VECTORS)
        query = {"query_embeddings": [[1.0, 0.1, 0.2]], "n_results": 2, "include": []}
        wrong = {
            "unknown collection": ask(url, "GET", f"{DATABASE}/{NOBODY}/count")[0],
            "no id": ask(url, "GET", f"{DATABASE}/nonsense/count")[0],
            "other dimension": ask(url, "POST", f"{path}/query", query)[0],
            "no JSON": ask(url, "POST", f"{path}/query", b"\xff{")[0],
            "no vectors": ask(url, "POST", f"{path}/query", {"n_results": 1})[0],
            "no numbers": ask(url, "POST", f"{path}/upsert", VECTORS | {"embeddings": [["a"], ["b"]]})[0],
            "unknown verb": ask(url, "POST", f"{path}/fork", {})[0],
            "unknown path": ask(url, "GET", "/docs")[0],
            "reset": ask(url, "POST", "/api/v2/reset", {})[0],
        }
        assert wrong == {
            "unknown collection": 404,
            "no id": 400,
            "other dimension": 400,
            "no JSON": 400,
            "no vectors": 422,
            "no numbers": 422,
            "unknown verb": 404,
            "unknown path": 404,
            "reset": 404,
        }
        assert ask(url, "GET", f"{path}/count") == (200, 2)
        assert server.poll() is None


def test_the_files_that_the_wheels_own_server_has_written_are_read(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    start = f"import chromadb_rust_bindings as c; c.cli(['chroma', 'run', '--path', {str(tmp_path / 'chroma')!r}, "
    with process("-c", f"{start}'--host', '127.0.0.1', '--port', '{port}'])"):
        theirs = f"http://127.0.0.1:{port}"
        wait_until(lambda: chroma.answers(theirs), timeout_s=20, what="Chroma's own server")
        path = collection(theirs)
        assert ask(theirs, "POST", f"{path}/upsert", VECTORS)[0] == 200
    with running(tmp_path / "chroma") as (_server, url):
        query = {"query_embeddings": [[0.0, 1.0]], "n_results": 1, "include": []}
        assert ask(url, "POST", f"{path}/query", query)[1]["ids"] == [["2"]]


class CountingEngine:
    """Stands for the engine, and keeps the size of each write."""

    def __init__(self, fault: BaseException | None = None) -> None:
        self.calls: list[object] = []
        self.fault = fault

    def upsert(self, _name: str, ids: list[str], vectors: list[list[float]], told: list[Any], *_: object) -> None:
        assert len(ids) == len(vectors) == len(told)
        self.calls.append(len(ids))

    def count(self, *_: object) -> int:
        if self.fault:
            raise self.fault
        self.calls.append("count")
        return 0


async def request(app: ChromaApp, method: str, path: str, body: bytes = b"") -> int:
    sent: list[Mapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({"method": method, "path": f"{DATABASE}/x/{path}", "query_string": b""}, receive, send)
    return int(sent[0]["status"])


def test_a_question_is_answered_in_the_middle_of_a_large_write() -> None:
    engine = CountingEngine()
    app = ChromaApp(engine)
    body = {"ids": ["a"] * 250, "embeddings": [[0.0]] * 250, "metadatas": [{}] * 250}

    async def both() -> None:
        await asyncio.gather(request(app, "POST", "upsert", json.dumps(body).encode()), request(app, "GET", "count"))

    asyncio.run(both())
    assert engine.calls == [100, "count", 100, 50]


class PanicException(BaseException):
    """As the engine raises it, which is no Exception."""


@pytest.mark.parametrize("fault", [PanicException("index out of bounds"), RuntimeError("disk I/O error")], ids=repr)
def test_a_fault_of_the_engine_is_an_error_of_the_server(fault: BaseException) -> None:
    assert asyncio.run(request(ChromaApp(CountingEngine(fault)), "GET", "count")) == 500
