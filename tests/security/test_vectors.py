"""Attack: another user of this machine against the vectors. A Chroma of the user's own gets its token, and nobody else does."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import numpy as np
import pytest
from stack import Services

from lotus_tasks.local.home import Home
from lotus_tasks.local.http_address import socket_of
from lotus_tasks.local.reachable import ask_http
from lotus_tasks.memory.adapters.chroma import ChromaVectorIndex
from lotus_tasks.memory.ports import VectorIndexUnavailable, VectorRow
from lotus_tasks.stack import chroma
from lotus_tasks.stack.endpoints import chroma_token
from lotus_tasks.stack.external import check_external

TOKEN = "lotus-test-token-7d1"
ROW = VectorRow(memory_id=uuid.uuid4(), no=1, vector=np.ones(3, np.float32), kind="note", thread=None)
NOBODY = 65534
OTHER_USER = f"""
import os, socket, sys
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
for attempt in (lambda: socket.socket(socket.AF_UNIX).connect(sys.argv[1]), lambda: os.unlink(sys.argv[1]),
                lambda: os.rename(sys.argv[1], "/tmp/taken.sock"), lambda: os.listdir(os.path.dirname(sys.argv[1]))):
    try:
        attempt()
        print("through")
    except PermissionError:
        print("refused")
"""


def test_the_vectors_socket_is_its_owners_alone(services: Services) -> None:
    place = socket_of(services.runtime.chroma_url)
    assert place == chroma.socket_path(Home(services.home))
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_can_neither_read_nor_delete_vectors(services: Services) -> None:
    place = str(socket_of(services.runtime.chroma_url))
    done = subprocess.run(
        [sys.executable, "-c", OTHER_USER, place], check=False, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.split() == ["refused"] * 4, done.stderr
    assert chroma.answers(services.runtime.chroma_url)


class Guarded(BaseHTTPRequestHandler):
    """A proxy that lets the token through to a Chroma, by either header; ``elsewhere``: it redirects instead."""

    seen: ClassVar[list[dict[str, str]]] = []
    elsewhere = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append(dict(self.headers.items()))
        wanted = {f"Bearer {TOKEN}", TOKEN}
        given = {self.headers.get("authorization"), self.headers.get("x-chroma-token")}
        if self.elsewhere:
            self._say(307, {})
        elif given != wanted:
            self._say(401, {"error": "no token"})
        elif self.path.endswith("/query"):
            self._say(200, {"ids": [["x:1"]], "distances": [[0.25]]})
        else:
            self._say(200, {"id": str(uuid.uuid4())})

    def _say(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        if self.elsewhere:
            self.send_header("location", self.elsewhere)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Guarded, "seen", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def index(url: str, token: str) -> ChromaVectorIndex:
    return ChromaVectorIndex(url, model="m", store=lambda: "s", token=token)


def test_a_chroma_of_the_users_own_gets_its_token_with_every_call(guarded: str) -> None:
    vectors = index(guarded, TOKEN)
    vectors.upsert([ROW])
    assert vectors.nearest(np.ones(3, np.float32), 1) == ([1], [0.75])
    vectors.remove([(ROW.memory_id, 1)])
    assert ask_http(guarded, "/api/v2/heartbeat", token=TOKEN)
    assert chroma.answers(guarded, token=TOKEN)
    vectors.close()


def test_a_refused_token_is_in_no_message(guarded: str) -> None:
    vectors = index(guarded, TOKEN + "x")
    with pytest.raises(VectorIndexUnavailable, match="answered 401") as refused:
        vectors.upsert([ROW])
    assert TOKEN not in f"{refused.value!r}{refused.value.__cause__!r}"
    assert not chroma.answers(guarded)
    vectors.close()


def test_the_token_follows_no_redirect(guarded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guarded, "elsewhere", f"{guarded.replace('127.0.0.1', 'localhost')}/elsewhere")
    vectors = index(guarded, TOKEN)
    with pytest.raises(VectorIndexUnavailable):
        vectors.upsert([ROW])
    assert not chroma.answers(guarded, token=TOKEN)
    assert [one["Host"] for one in Guarded.seen] == [guarded.removeprefix("http://")] * 2
    vectors.close()


def test_the_token_is_a_setting_that_is_neither_shown_nor_sent_to_lotus_own_chroma(
    services: Services, guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOTUS_CHROMA_TOKEN", TOKEN)
    assert chroma_token(services.runtime) == ""
    theirs = replace(services.runtime, embedded=services.runtime.embedded - {"chroma"}, chroma_url=guarded)
    assert chroma_token(theirs) == TOKEN
    assert check_external(theirs) == []
    monkeypatch.setenv("LOTUS_CHROMA_TOKEN", TOKEN + "x")
    (notice,) = check_external(theirs)
    assert "HTTP 401" in notice
    assert TOKEN not in notice
