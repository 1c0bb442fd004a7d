"""Pages fetched from a server on this machine that misbehaves on purpose."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lotus_tasks.destinations import UNNAMED, host_of
from lotus_tasks.errors import Cancelled, InvalidInput, Permanent, Transient
from lotus_tasks.perception.adapters import addresses, web
from lotus_tasks.perception.adapters.web import Web

WEB = Web(allow_loopback=True)


HTML = {"Content-Type": "text/html"}
PLAIN = {"Content-Type": "text/plain"}
PAGES = {
    "/page": (200, "<p>Grüße</p>".encode("latin-1"), {"Content-Type": "text/html; charset=iso-8859-1"}),
    "/declared": (200, b"<meta charset=windows-1252><p>\x93hi\x94</p>", HTML),
    "/inward": (302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"}),
    "/scheme": (302, b"", {"Location": "file:///etc/passwd"}),
    "/picture": (200, b"\x89PNG", {"Content-Type": "image/png"}),
    "/binary": (200, b"a\x00b", PLAIN),
    "/long": (200, b"x" * 5000, PLAIN),
    "/packed": (200, gzip.compress(b"y" * 5_000_000), {**PLAIN, "Content-Encoding": "gzip"}),
    "/missing": (404, b"", {}),
    "/busy": (503, b"", {}),
    "/hop0": (302, b"", {"Location": "/page"}),
    **{f"/hop{left}": (302, b"", {"Location": f"/hop{left - 1}"}) for left in range(1, 10)},
}


class Pages(BaseHTTPRequestHandler):
    """Answers by path."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.seen.append((self.path, self.headers["Host"]))
        if self.path in PAGES:
            self._send(*PAGES[self.path])
            return
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.over.wait(0.05):
            try:
                self.wfile.write(b"X-Drip: y\r\n")
            except OSError:
                return

    def _send(self, status, content, headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.daemon_threads = True
    server.seen, server.over = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def site(server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def test_a_page_comes_with_its_encoding_and_where_it_was(site):
    page = WEB.fetch(f"{site}/hop4")
    assert (page.url, page.text, page.is_html) == (f"{site}/page", "<p>Grüße</p>", True)
    assert "“hi”" in WEB.fetch(f"{site}/declared").text


def test_no_proxy_of_the_environment_comes_between(site, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert "Grüße" in Web(allow_loopback=True, fetch_s=5).fetch(f"{site}/page").text
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has called
            proxy.accept()


def test_a_fetch_that_may_ask_one_host_alone_looks_up_no_other(site, monkeypatch):
    """The redirect's words, and the look-up of its name, would carry on to another host what the yes was for one."""
    here = host_of(site)
    assert "Grüße" in WEB.fetch(f"{site}/hop4", stay_at=here).text
    looked_up = []
    monkeypatch.setattr(web, "find_addresses", lambda host, *_, **__: looked_up.append(host) or ["127.0.0.1"])
    for path in ("inward", "scheme"):
        with pytest.raises(Permanent, match="another host, which is not followed"):
            WEB.fetch(f"{site}/{path}", stay_at=here)
    with pytest.raises(InvalidInput, match=r"is not at host:example\.org"):
        WEB.fetch(f"{site}/page", stay_at="host:example.org")
    with pytest.raises(Permanent, match="another host, which is not followed"):
        WEB.fetch(f"{site}/hop0", stay_at=UNNAMED)
    assert looked_up == ["127.0.0.1"] * 3


def test_more_than_five_redirects_are_too_many(site):
    with pytest.raises(Permanent, match="more than 5 times"):
        WEB.fetch(f"{site}/hop9")


@pytest.mark.parametrize(
    ("path", "reason"),
    [("inward", r"169\.254\.169\.254"), ("scheme", "no http"), ("picture", "image/png"), ("binary", "binary")],
)
def test_what_must_not_or_cannot_be_read_is_refused(site, path, reason):
    with pytest.raises(InvalidInput, match=reason):
        WEB.fetch(f"{site}/{path}")


@pytest.mark.parametrize(
    "url", ["ftp://x/", "file:///etc/passwd", "nonsense", "http://", "http://a:b@127.0.0.1/", "http://[::1"]
)
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(InvalidInput):
        WEB.fetch(url)


def test_this_machine_is_refused_outside_of_tests(site, server):
    with pytest.raises(InvalidInput, match="public"):
        Web().fetch(f"{site}/page")
    assert server.seen == []


@pytest.mark.parametrize(
    "place",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0x7f.1",
        "public.example@127.0.0.1",
        "127.0.0.1/a@public.example",
    ],
)
@pytest.mark.parametrize("hops", [1, 3])
def test_a_public_page_leads_nowhere_into_this_machine(server, monkeypatch, place, hops):
    """As outside of tests: the first name counts as public, and each hop's own is looked at by the real rule."""
    port = server.server_address[1]
    real = web.find_addresses
    seen_public = iter(range(hops))

    def looked_up(host, wanted, *, allow_loopback):
        assert not allow_loopback
        return ["127.0.0.1"] if host == "public.example" and next(seen_public, None) is not None else real(host, wanted)

    name, _, path = place.partition("/")
    monkeypatch.setattr(web, "find_addresses", looked_up)
    for left in range(hops, 1, -1):
        target = f"http://public.example:{port}/in{left - 1}"
        monkeypatch.setitem(PAGES, f"/in{left}", (307, b"", {"Location": target}))
    monkeypatch.setitem(PAGES, "/in1", (302, b"", {"Location": f"http://{name}:{port}/{path or 'page'}"}))
    with pytest.raises(InvalidInput):
        Web().fetch(f"http://public.example:{port}/in{hops}")
    assert [path for path, _ in server.seen] == [f"/in{left}" for left in range(hops, 0, -1)]


def test_too_much_is_cut_and_said_packed_or_not(site):
    small = Web(allow_loopback=True, largest_bytes=1000)
    assert [(len(page.text), page.cut) for page in map(small.fetch, (f"{site}/long", f"{site}/packed"))] == [
        (1000, True)
    ] * 2


def test_a_missing_page_is_permanent_and_a_busy_server_is_not(site):
    with pytest.raises(Permanent, match="404"):
        WEB.fetch(f"{site}/missing")
    with pytest.raises(Transient, match="503"):
        WEB.fetch(f"{site}/busy")


def test_a_server_that_drips_its_headers_is_left(site):
    started = time.monotonic()
    with pytest.raises(Transient, match="did not"):
        Web(allow_loopback=True, fetch_s=0.3).fetch(f"{site}/drip")
    assert time.monotonic() - started < 3


def test_a_fetch_that_nobody_wants_any_more_ends(site):
    def stop():
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        WEB.fetch(f"{site}/drip", interrupt=stop)


def test_a_name_is_looked_up_once_and_connected_to_as_it_was_checked(site, server, monkeypatch):
    """A name that means a public address when it is checked and an inner one afterwards reaches neither twice nor another."""
    asked = []
    real = socket.getaddrinfo
    port = server.server_address[1]

    def rebinding(host, *args, **kwargs):
        if host == "rebind.example":
            asked.append(host)
            return real("127.0.0.1" if len(asked) == 1 else "127.0.0.9", *args, **kwargs)
        return real(host, *args, **kwargs)

    monkeypatch.setattr(addresses.socket, "getaddrinfo", rebinding)
    assert WEB.fetch(f"http://rebind.example:{port}/page").text == "<p>Grüße</p>"
    assert asked == ["rebind.example"]
    assert server.seen == [("/page", f"rebind.example:{port}")]
