"""Chroma's HTTP API (v2): nearest vectors, ids and small metadata, no text.

Spoken over plain httpx: importing Chroma's own client costs a worker 60 MB and 0.9 s, and it must be made after a fork and
under a lock. The four calls used here are the documented API of the server.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import httpx
import numpy as np
import orjson

from lotus_tasks.local.http_address import credentials, shown_place, socket_of
from lotus_tasks.memory.ports import Floats, Numbers, VectorIndexUnavailable, VectorRow

_DATABASE: Final = "/api/v2/tenants/default_tenant/databases/default_database"
_BATCH: Final = 1000
_PAGE: Final = 20_000
_HNSW: Final = {"space": "cosine", "ef_construction": 128, "ef_search": 200, "max_neighbors": 24}


class ChromaVectorIndex:
    """Implements the port ``VectorIndex`` on one collection, named for its store and embedder and made when missing.

    ``url``: as local_http.py writes it, or of a server that may ask for the ``token``. ``store`` tells the store's id: two stores
    may share one Chroma.
    """

    def __init__(
        self, url: str, *, model: str, store: Callable[[], str], token: str = "", timeout_s: float = 10.0
    ) -> None:
        self._socket = socket_of(url)
        self._place = shown_place(url)
        self._url = "http://localhost" if self._socket else url.rstrip("/")
        self._headers = {"Content-Type": "application/json"} | credentials(token)
        self._store = store
        self._model = re.sub(r"[^A-Za-z0-9-]+", "-", model).strip("-")[:200]
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        self._client: httpx.Client | None = None
        self._pid = 0
        self._collection: str | None = None

    def upsert(self, rows: Sequence[VectorRow]) -> None:
        """Write vectors; a known id is replaced."""
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            self._call(
                "upsert",
                {
                    "ids": [_vector_id(row.memory_id, row.no) for row in batch],
                    "embeddings": [row.vector for row in batch],
                    "metadatas": [_metadata(row) for row in batch],
                },
            )

    def remove(self, gone: Sequence[tuple[UUID, int]]) -> None:
        """Remove vectors by id and number; an unknown one is no error."""
        for start in range(0, len(gone), _BATCH):
            self._call("delete", {"ids": [_vector_id(*one) for one in gone[start : start + _BATCH]]})

    def nearest(self, vector: Floats, count: int) -> tuple[list[int], list[float]]:
        """The numbers and cosines of the nearest memories, best first."""
        answer = self._call("query", {"query_embeddings": [vector], "n_results": count, "include": ["distances"]})
        return [_number(one) for one in answer["ids"][0]], [
            1.0 - float(distance) for distance in answer["distances"][0]
        ]

    def count(self) -> int:
        """How many vectors it holds."""
        return int(self._call("count", None))

    def numbers(self) -> Numbers:
        """The memory numbers it holds, sorted."""
        found: list[int] = []
        while True:
            page = self._call("get", {"limit": _PAGE, "offset": len(found), "include": []})["ids"]
            found.extend(map(_number, page))
            if len(page) < _PAGE:
                return np.array(sorted(found), np.int32)

    def clear(self) -> None:
        """Drop this store's collections, whichever embedder they were for."""
        prefix = self._prefix()
        for collection in self._send("GET", f"{_DATABASE}/collections?limit=1000", None):
            if collection["name"].startswith(prefix):
                self._send("DELETE", f"{_DATABASE}/collections/{collection['name']}", None)
        self._collection = None

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            client.close()

    def _call(self, verb: str, body: Mapping[str, Any] | None) -> Any:
        """One call on the collection; made anew once where the server has lost it."""
        for last in (False, True):
            path = f"{_DATABASE}/collections/{self._collection_id()}/{verb}"
            try:
                return self._send("GET" if body is None else "POST", path, body)
            except _CollectionGone:
                self._collection = None
                if last:
                    raise
        raise AssertionError("unreachable")

    def _collection_id(self) -> str:
        found = self._collection
        if found is None:
            with self._lock:
                body = {"name": self._prefix() + self._model, "get_or_create": True, "configuration": {"hnsw": _HNSW}}
                found = self._collection = str(self._send("POST", f"{_DATABASE}/collections", body)["id"])
        return found

    def _prefix(self) -> str:
        return f"lotus-memory-{self._store()}-"

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            # Vectors as they are: orjson writes a float32 in as few digits as tell it.
            content = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
            response = self._http().request(method, self._url + path, content=content, headers=self._headers)
            if response.status_code == 404:
                raise _CollectionGone(f"Chroma at {self._place} has lost its collection")
            response.raise_for_status()
            return orjson.loads(response.content)
        except httpx.HTTPStatusError as error:
            if error.response.is_server_error:
                self._collection = None  # Its folder may be gone: the next call asks for the collection anew.
            raise VectorIndexUnavailable(
                f"Chroma at {self._place} answered {error.response.status_code}: {error.response.text[:200]}"
            ) from error
        except (httpx.HTTPError, ValueError) as error:
            raise VectorIndexUnavailable(f"Chroma does not answer at {self._place}: {error}") from error

    def _http(self) -> httpx.Client:
        client = self._client
        if client is None or self._pid != os.getpid():
            with self._lock:
                client = self._client = httpx.Client(
                    transport=httpx.HTTPTransport(uds=str(self._socket)) if self._socket else None,
                    timeout=httpx.Timeout(self._timeout_s, connect=2.0),
                )
                self._pid = os.getpid()
        return client


class _CollectionGone(VectorIndexUnavailable):
    """The server answers but doesn't know the collection: its folder was lost or replaced."""


def _vector_id(memory_id: UUID, no: int) -> str:
    """A vector's id. The number is in it because asking for metadata doubles what a query costs."""
    return f"{memory_id}:{no}"


def _number(vector_id: str) -> int:
    return int(vector_id.rpartition(":")[2])


def _metadata(row: VectorRow) -> dict[str, Any]:
    return {"no": row.no, "kind": row.kind} | ({"thread": row.thread} if row.thread else {})
