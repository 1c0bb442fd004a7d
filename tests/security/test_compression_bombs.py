"""Attack: a page of a few kilobytes that unpacks to hundreds of megabytes in the worker that fetches it."""

from __future__ import annotations

import gzip
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lotus_tasks.errors import InvalidInput, Permanent
from lotus_tasks.perception.adapters.unpacking import STEP_BYTES, unpack
from lotus_tasks.perception.adapters.web import LARGEST_BYTES, Web

MOST_MEMORY = 3 * LARGEST_BYTES + 2_000_000


def zeros(packer, megabytes: int) -> bytes:
    block = bytes(1_000_000).replace(b"\0", b"y")
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


@pytest.fixture(scope="module")
def bombs() -> dict[str, tuple[str, bytes]]:
    gz = zeros(zlib.compressobj(9, zlib.DEFLATED, 31), 300)
    return {
        "gzip": ("gzip", gz),
        "x-gzip": ("X-GZIP", gz),
        "members": ("gzip", gz + gz),
        "deflate": ("deflate", zeros(zlib.compressobj(9, zlib.DEFLATED, 15), 300)),
        "raw-deflate": ("deflate", zeros(zlib.compressobj(9, zlib.DEFLATED, -15), 300)),
        "nested": ("gzip, gzip", gzip.compress(gz)),
        "nested-both": ("gzip,deflate", zlib.compress(gz)),
        "chunked": ("gzip", gz),
    }


REFUSED = {
    "br": ("br", b"\x1b\x00"), "zstd": ("zstd", b"\x28\xb5\x2f\xfd"), "compress": ("compress", b"\x1f\x9d"),
    "three": ("gzip, gzip, gzip", gzip.compress(gzip.compress(gzip.compress(b"y")))),
}  # fmt: skip


@pytest.fixture
def sent() -> list[int]:
    """The sizes of what the endless page has sent."""
    return []


@pytest.fixture
def site(bombs, sent) -> Iterator[str]:
    class Pages(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def do_GET(self):
            name = self.path.removeprefix("/")
            if name == "endless":
                self.endless()
                return
            coding, content = {**bombs, **REFUSED}[name]
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Encoding", coding)
            self.send_header("Connection", "close")
            if name == "chunked":
                self.send_header("Transfer-Encoding", "chunked")
                pieces = [content[at : at + 100] for at in range(0, len(content), 100)]
                content = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            else:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(content)

        def endless(self):
            """Members without content, one after the other: nothing ever comes out of them."""
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Connection", "close")
            self.end_headers()
            block = gzip.compress(b"") * 1000
            with suppress(OSError):
                while sum(sent) < 20 * LARGEST_BYTES:
                    self.wfile.write(block)
                    sent.append(len(block))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize(
    "name", ["gzip", "x-gzip", "members", "deflate", "raw-deflate", "nested", "nested-both", "chunked"]
)
def test_a_bomb_costs_no_more_than_a_page(site: str, name: str):
    web = Web(allow_loopback=True)
    with suppress(InvalidInput):
        web.fetch(f"{site}/br")  # what is imported at first use is no page's cost
    tracemalloc.start()
    try:
        page = web.fetch(f"{site}/{name}")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (page.text, page.cut) == ("y" * LARGEST_BYTES, True)
    assert peak < MOST_MEMORY


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_was_not_asked_for_is_refused_in_words(site: str, name: str):
    with pytest.raises(InvalidInput, match="packed"):
        Web(allow_loopback=True).fetch(f"{site}/{name}")


def test_what_never_becomes_text_is_left_after_a_page_s_length(site: str, sent: list[int]):
    page = Web(allow_loopback=True).fetch(f"{site}/endless")
    assert page.text == ""
    assert sum(sent) < 10 * LARGEST_BYTES  # with what lay in the sockets


def test_a_step_is_all_that_is_ever_unpacked():
    steps = unpack([zeros(zlib.compressobj(9, zlib.DEFLATED, 31), 20)], "gzip")
    assert max(len(next(steps)) for _ in range(50)) <= STEP_BYTES


def test_members_without_content_come_to_an_end():
    assert b"".join(unpack([gzip.compress(b"")] * 1000, "gzip")) == b""


@pytest.mark.parametrize("size", [0, 1, 2, 65_535, 65_536, 65_537, 200_000, 1_000_003])
@pytest.mark.parametrize("cut", [1, 7, 16_384])
def test_what_is_packed_comes_out_whole(size: int, cut: int):
    content = bytes(number * number % 251 for number in range(size))
    if cut == 1 and size > 70_000:
        cut = 3
    many = [gzip.compress(content[:1000]) + gzip.compress(content[1000:]), "gzip"]
    for packed, coding in (many, [zlib.compress(content), "deflate"], [raw_deflate(content), "deflate"], [content, "identity"],
                           [zlib.compress(gzip.compress(content)), "gzip, deflate"]):  # fmt: skip
        pieces = [packed[at : at + cut] for at in range(0, len(packed), cut)]
        assert b"".join(unpack(pieces, str(coding))) == content


def test_damage_is_said():
    with pytest.raises(Permanent, match="damaged"):
        list(unpack([gzip.compress(b"y" * 1000)[:10] + b"\xff" * 50], "gzip"))
