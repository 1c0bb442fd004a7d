"""HTTP clients whose every wait can be ended: connecting, waiting for the first byte, and the silence between two.

A blocked ``recv`` can't be woken by closing its socket from another thread, and an SDK's read time limit can't tell the first
token from the next. So the network backend below the client waits in slices and asks the call's Watch in between; what the Watch
raises goes through the SDK as any network error does, and the connection is closed on the way. httpx and httpx2 share this
structure (httpcore and httpcore2), so one wrapper serves the SDKs of both.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.providers.ports import Watch

SLICE_S = 0.1
"""The longest silence between two looks at the Watch; it bounds how long a cancelled call lives on."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_current = threading.local()


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Within the block, this thread's waits on interruptible clients ask ``watch``, too."""
    before: tuple[Watch, ...] = getattr(_current, "watches", ())
    _current.watches = (*before, watch)
    try:
        yield
    finally:
        _current.watches = before


def make_interruptible(client: Any, *, direct: bool = False) -> None:
    """Put every connection that ``client`` (an httpx or httpx2 Client) will make under the Watch, proxies included.

    ``direct``: through no proxy that the environment names. What is for a server on this machine must not go round by another.
    """
    if direct:
        client._mounts.clear()  # noqa: SLF001 - httpx offers no public way to its proxies
    transports = [client._transport, *client._mounts.values()]  # noqa: SLF001 - httpx offers no public way to its backend
    for transport in transports:
        pool = getattr(transport, "_pool", None)
        if pool is None:
            continue
        if not hasattr(pool, "_network_backend"):
            raise ConfigurationError(
                f"{type(pool).__module__} keeps its network backend elsewhere than LOTUS knows; install the locked versions"
            )
        pool._network_backend = _WatchedBackend(pool._network_backend)  # noqa: SLF001


def keep_connection(stream_base: type) -> Callable[[Any], None]:
    """A response hook: a reader that stops at ``[DONE]`` leaves the connection usable for the next call.

    httpx closes a connection whose body wasn't read to its end, and behind ``[DONE]`` only the end is missing.
    ``stream_base``: SyncByteStream of httpx or httpx2.
    """
    kept = type("ReadToTheEnd", (_ReadToTheEnd, stream_base), {})

    def keep(response: Any) -> None:
        response.stream = kept(response.stream)

    return keep


def refuse_outside(base_url: str) -> None:
    """With LOTUS_TEST_LOOPBACK_ONLY=1 (the test suite), refuse any address but this machine's: no test reaches a paid API."""
    if os.environ.get("LOTUS_TEST_LOOPBACK_ONLY") != "1":
        return
    host = urlsplit(base_url).hostname or ""
    # .invalid never resolves (RFC 2606): it is how a test sees a name that doesn't exist.
    if host not in _LOOPBACK and not host.endswith(".invalid"):
        raise ConfigurationError(
            f"LOTUS_TEST_LOOPBACK_ONLY=1 refuses the address {host!r}: tests may only reach 127.0.0.1"
        )


def _ask_watch() -> None:
    watches: tuple[Watch, ...] = getattr(_current, "watches", ())
    for watch in watches:
        watch.check()


class _WatchedStream:
    """A network stream of httpcore or httpcore2 whose reads wait in slices."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        waited_s = 0.0
        while True:
            _ask_watch()
            slice_s = SLICE_S if timeout is None else min(SLICE_S, timeout - waited_s)
            try:
                data: bytes = self._stream.read(max_bytes, slice_s)
            except Exception as error:
                if type(error).__name__ != "ReadTimeout":
                    raise
                waited_s += slice_s
                if timeout is not None and waited_s >= timeout:
                    raise
            else:
                return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _ask_watch()
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        stream = _wait_for(lambda: self._stream.start_tls(ssl_context, server_hostname, timeout))
        return _WatchedStream(stream)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _WatchedBackend:
    """A network backend of httpcore or httpcore2 whose streams are watched."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def connect_tcp(self, *args: Any, **kwargs: Any) -> Any:
        return _WatchedStream(_wait_for(lambda: self._backend.connect_tcp(*args, **kwargs)))

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> Any:
        return _WatchedStream(self._backend.connect_unix_socket(*args, **kwargs))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


def _wait_for(connect: Callable[[], Any]) -> Any:
    """The stream that ``connect`` makes. Resolving a name can't be interrupted, so it happens in a thread that is left behind."""
    if not getattr(_current, "watches", ()):
        return connect()
    done = threading.Event()
    abandoned = threading.Event()
    outcome: list[Any] = []

    def run() -> None:
        try:
            stream = connect()
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            outcome.append((None, error))
        else:
            outcome.append((stream, None))
            if abandoned.is_set():
                stream.close()
        done.set()

    threading.Thread(target=run, name="lotus-connect", daemon=True).start()
    try:
        while not done.wait(SLICE_S):
            _ask_watch()
    except BaseException:
        abandoned.set()
        raise
    stream, error = outcome[0]
    if error is not None:
        raise error
    return stream


class _ReadToTheEnd:
    """The bytes of a response; closing reads what little is left when the last piece said ``[DONE]``."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._pieces: Iterator[bytes] = iter(())
        self._last = b""

    def __iter__(self) -> Iterator[bytes]:
        self._pieces = iter(self._stream)
        for piece in self._pieces:
            self._last = self._last[-16:] + piece[-64:]
            yield piece

    def close(self) -> None:
        if b"[DONE]" in self._last:
            self._finish()
        self._stream.close()

    def _finish(self) -> None:
        """One slice at most: a server that doesn't end its body loses its connection, nothing else."""
        try:
            with watched(_OneSlice()):
                for _ in self._pieces:
                    pass
        except Exception:  # noqa: BLE001 - the answer is whole; whatever happens now costs a handshake
            return


class _OneSlice:
    """A Watch that ends the second look."""

    def __init__(self) -> None:
        self._until = time.monotonic() + SLICE_S

    def check(self) -> None:
        if time.monotonic() >= self._until:
            raise TimeoutError
