"""Public web pages, fetched with limits on time, size and where one is led.

Every hop's name is looked up once and every address of it checked; the connection goes to the checked address, with the name
only in the Host header and for TLS, so a name that means something else a moment later leads nowhere new.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING

from lotus_tasks.destinations import UNNAMED, host_of
from lotus_tasks.errors import InvalidInput, LotusError, Permanent, Transient
from lotus_tasks.perception.adapters.addresses import find_addresses
from lotus_tasks.perception.adapters.unpacking import ACCEPTED, unpack

if TYPE_CHECKING:
    import httpx

FETCH_S = 20.0
"""The whole fetch, redirects included."""
WAIT_S = 10.0
"""To connect, and between two pieces."""
LARGEST_BYTES = 2_000_000
"""Of text, unpacked: far more than any page one reads."""
MOST_REDIRECTS = 5
_LOOK_EVERY_S = 0.1
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TEXT = frozenset(
    {
        "application/json",
        "application/xml",
        "application/yaml",
        "application/x-yaml",
        "application/toml",
        "image/svg+xml",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedText:
    """What came from ``url``, the last one of the redirects. ``is_html``: it is markup still. ``cut``: there was more."""

    url: str
    text: str
    is_html: bool
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """Fetches pages. ``allow_loopback``: for tests, which reach this machine and nothing else."""

    allow_loopback: bool = False
    fetch_s: float = FETCH_S
    largest_bytes: int = LARGEST_BYTES

    def fetch(self, url: str, *, stay_at: str = "", interrupt: Callable[[], None] = lambda: None) -> FetchedText:
        """The text at ``url``. ``interrupt``, asked ten times a second, raises when nobody wants it any more.

        ``stay_at``: the one destination (destinations.py) that may be asked; no name of another is even looked up.

        Raises InvalidInput for an address that isn't public or holds no text, Permanent for an answer that won't change,
        Transient for one that may.
        """
        job = _Job(web=self, url=url, stay_at=stay_at, until=time.monotonic() + self.fetch_s)
        # In a thread that can be left behind: neither a name's look-up nor a server that drips its headers can be ended.
        threading.Thread(target=job.run, name="lotus-fetch", daemon=True).start()
        try:
            while not job.done.wait(_LOOK_EVERY_S):
                interrupt()
                if time.monotonic() > job.until + 1.0:
                    raise Transient(f"{url} did not answer within {self.fetch_s:g} s")
        finally:
            job.abandoned.set()
        if job.result is None:
            raise job.error or Permanent(f"{url} could not be fetched")
        return job.result


@dataclass(slots=True, kw_only=True)
class _Job:
    web: Web
    url: str
    stay_at: str
    until: float
    done: threading.Event = field(default_factory=threading.Event)
    abandoned: threading.Event = field(default_factory=threading.Event)
    result: FetchedText | None = None
    error: LotusError | None = None

    def run(self) -> None:
        import httpx

        try:
            self.result = self._follow()
        except LotusError as error:
            self.error = error
        except httpx.InvalidURL as error:
            self.error = InvalidInput(f"{self.url} is no URL: {error}")
        except (httpx.HTTPError, OSError) as error:
            self.error = Transient(f"{self.url} could not be fetched: {str(error) or type(error).__name__}")
        except Exception as error:  # noqa: BLE001 - the caller waits for a word, whatever happened
            self.error = Permanent(f"{self.url} could not be fetched: {type(error).__name__}: {error}")
        finally:
            self.done.set()

    def _follow(self) -> FetchedText:
        import httpx

        url = httpx.URL(self.url.strip())
        if self.stay_at not in {"", UNNAMED} and host_of(str(url)) != self.stay_at:
            raise InvalidInput(f"{self.url} is not at {self.stay_at}")
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._get(url)
            if isinstance(answer, FetchedText):
                return answer
            url = url.join(answer)
            if self.stay_at == UNNAMED or (self.stay_at and host_of(str(url)) != self.stay_at):
                raise Permanent(
                    f"{self.url} leads to {url}, another host, which is not followed: fetch that address itself"
                )
        raise Permanent(f"{self.url} redirects more than {MOST_REDIRECTS} times")

    def _get(self, url: httpx.URL) -> FetchedText | str:
        """The text, or where the server points to."""
        if url.scheme not in {"http", "https"} or not url.host:
            raise InvalidInput(f"{url} is no http or https address")
        if url.userinfo:
            raise InvalidInput("an address with a name and a password in it is not fetched")
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = find_addresses(url.host, port, allow_loopback=self.web.allow_loopback)
        return self._get_from(url, addresses)

    def _get_from(self, url: httpx.URL, addresses: list[str]) -> FetchedText | str:
        import httpx

        host = url.raw_host.decode("ascii")
        for number, address in enumerate(addresses, 1):
            self._check()
            request = httpx.Request(
                "GET",
                url.copy_with(host=address, fragment=None),
                headers={
                    "Host": url.netloc.decode("ascii"),
                    "User-Agent": "LOTUS/0.1 (a person's own assistant)",
                    "Accept": "text/html, text/*;q=0.9, application/json;q=0.8, */*;q=0.1",
                    "Accept-Encoding": ACCEPTED,
                },
                extensions={
                    "sni_hostname": host,
                    "timeout": dict.fromkeys(("connect", "read", "write", "pool"), WAIT_S),
                },
            )
            # A client of its own for each hop: a kept connection would belong to another name.
            with httpx.Client(trust_env=False, follow_redirects=False) as client:
                try:
                    response = client.send(request, stream=True)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    if number == len(addresses):
                        raise
                    continue
                try:
                    return self._read(url, response)
                finally:
                    response.close()
        raise Permanent(f"{url.host} has no address")

    def _read(self, url: httpx.URL, response: httpx.Response) -> FetchedText | str:
        if response.status_code in _REDIRECTS and "location" in response.headers:
            return str(response.headers["location"])
        if response.status_code in _BUSY:
            raise Transient(f"{url} answered {response.status_code}")
        if not response.is_success:
            raise Permanent(f"{url} answered {response.status_code}")
        kind, charset = _content_type(response.headers.get("content-type", ""))
        if kind and not (kind.startswith("text/") or kind in _HTML | _TEXT or kind.endswith(("+json", "+xml"))):
            raise InvalidInput(f"{url} is {kind}, not text")
        content, cut = self._content(response)
        if b"\x00" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InvalidInput(f"{url} is binary, not text")
        is_html = kind in _HTML or (
            not kind and content.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))
        )
        text = _decode(content, charset or (_declared(content) if is_html else ""))
        return FetchedText(url=str(url), text=text, is_html=is_html, cut=cut)

    def _content(self, response: httpx.Response) -> tuple[bytes, bool]:
        content = bytearray()
        for piece in unpack(self._raw(response), response.headers.get("content-encoding", "")):
            self._check()
            content += piece
            if len(content) > self.web.largest_bytes:
                return bytes(content[: self.web.largest_bytes]), True
        return bytes(content), False

    def _raw(self, response: httpx.Response) -> Iterator[bytes]:
        """What is sent, as it is sent; packed, it may be as long as unpacked, and no longer."""
        came = 0
        for piece in response.iter_raw(16_384):
            self._check()
            yield piece
            came += len(piece)
            if came > self.web.largest_bytes + 16_384:
                return

    def _check(self) -> None:
        if self.abandoned.is_set() or time.monotonic() > self.until:
            raise Transient(f"{self.url} did not come within {self.web.fetch_s:g} s")


def _content_type(header: str) -> tuple[str, str]:
    message = Message()
    message["content-type"] = header
    charset = message.get_param("charset", "")
    return (message.get_content_type() if header.strip() else ""), charset if isinstance(charset, str) else ""


def _declared(content: bytes) -> str:
    """The encoding that an HTML page names in itself, near its beginning (HTML Living Standard, 13.2.3.2)."""
    import re

    found = re.search(
        rb"""<meta[^>]{0,200}charset\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{1,40})""", content[:2048], re.IGNORECASE
    )
    return found[1].decode("ascii") if found else ""


def _decode(content: bytes, charset: str) -> str:
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    charset = next((encoding for mark, encoding in marks if content.startswith(mark)), charset)
    for encoding in (charset, "utf-8"):
        try:
            return content.decode(encoding) if encoding else content.decode("utf-8")
        except (LookupError, UnicodeError):
            continue
    cut_in_a_character = content.decode("utf-8", "ignore")
    return (
        cut_in_a_character
        if len(content) - len(cut_in_a_character.encode()) < 4
        else content.decode("cp1252", "replace")
    )
