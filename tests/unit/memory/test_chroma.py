"""Chroma's HTTP API, where the server misbehaves."""

from __future__ import annotations

import os
import uuid

import httpx
import numpy as np
import pytest

from lotus_tasks.memory.adapters.chroma import ChromaVectorIndex
from lotus_tasks.memory.ports import VectorIndexUnavailable, VectorRow

ROW = VectorRow(memory_id=uuid.uuid4(), no=1, vector=np.zeros(384, np.float32), kind="note", thread=None)


def test_after_a_server_s_fault_the_collection_is_asked_for_anew():
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        verb = request.url.path.rsplit("/", 1)[1]
        asked.append(verb)
        if asked.count("upsert") == 1 and verb == "upsert":
            return httpx.Response(500, text="attempt to write a readonly database")
        return httpx.Response(200, json={"id": str(uuid.uuid4())})

    index = ChromaVectorIndex("http://chroma", model="m", store=lambda: "s")
    index._client, index._pid = httpx.Client(transport=httpx.MockTransport(answer)), os.getpid()
    with pytest.raises(VectorIndexUnavailable, match="answered 500: attempt to write"):
        index.upsert([ROW])
    index.upsert([ROW])
    index.upsert([ROW])
    assert asked == ["collections", "upsert", "collections", "upsert", "upsert"]
    index.close()
