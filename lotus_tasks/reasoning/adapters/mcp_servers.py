"""All MCP servers of a process, and the one thread in which the SDK runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.reasoning.adapters.mcp_connection import McpServer, McpTool
from lotus_tasks.reasoning.adapters.mcp_rows import FILE, McpServerRow, read_servers

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

log = structlog.get_logger("lotus.mcp")

FIRST_WAIT_S = 10.0
"""How long a process's first run waits for its servers; later ones take what is there."""
_LOOK_EVERY_S = 1.0
"""How often it is looked whether a server with an address is due for another try: it may be back, and nobody waits for it."""


class McpServers:
    """All servers of this process."""

    def __init__(self, rows: Sequence[McpServerRow], log_folder: Path) -> None:
        self._rows = rows
        self.trouble = ""
        """Why the rows are not what the user last wrote; "" where they are."""
        self._log_folder = log_folder
        self._lock = threading.Lock()
        self._servers: Sequence[McpServer] | None = None
        self._portal: BlockingPortal | None = None
        self._closed = threading.Event()

    def tools(self, wanted: str = "") -> list[McpTool]:
        """The tools of the servers that work now. The first call waits a moment for all of them.

        The server that the ``wanted`` tool would be of, by its name, is waited for as long as connecting may take.
        """
        if not self._rows:
            return []
        if wanted:
            for server in self.servers():
                if wanted.startswith(f"{server.row.name}_"):
                    server.connect()
        until = time.monotonic() + FIRST_WAIT_S
        servers = self.servers()
        for server in servers:
            server.connect_soon()
        for server in servers:
            server.settled.wait(max(0.0, until - time.monotonic()))
            # Once is enough: a server that takes longer joins when it is there.
            server.settled.set()
        return [tool for server in servers for tool in server.tools]

    def troubles(self) -> list[str]:
        """A line for each server that doesn't work."""
        self.tools()
        silent = self.servers() if self._rows else ()
        said = [f"MCP server {server.row.name}: {server.trouble}" for server in silent if server.trouble]
        return [self.trouble, *said] if self.trouble else said

    def servers(self) -> Sequence[McpServer]:
        """Every server, connected or not."""
        with self._lock:
            if self._servers is None:
                self._portal = portal = _start_portal()
                self._servers = [McpServer(row, portal, self._log_folder) for row in self._rows]
                self._closed = threading.Event()
                threading.Thread(target=self._watch, args=(self._closed,), name="mcp-watch", daemon=True).start()
            return self._servers

    def take(self, rows: Sequence[McpServerRow]) -> None:
        """From here on there are these. One whose row is as it was stays connected; one that is gone or changed is ended."""
        with self._lock:
            before, portal = self._servers, self._portal
            self._rows, self.trouble = rows, ""
            if before is None or portal is None:
                return
            kept = [next((one for one in before if one.row == row), None) for row in rows]
            self._servers = [one or McpServer(row, portal, self._log_folder) for one, row in zip(kept, rows, strict=True)]
            gone = [one for one in before if one not in self._servers]
        for server in gone:
            server.close()

    def _watch(self, closed: threading.Event) -> None:
        """Look after servers that others start: one that comes back is connected to before the next run asks for its tools."""
        while not closed.wait(_LOOK_EVERY_S):
            for server in self._servers or ():
                if server.row.url and server.settled.is_set():
                    server.connect_soon()

    def close(self) -> None:
        """End every connection and every server that was started."""
        with self._lock:
            self._closed.set()
            for server in self._servers or ():
                server.close()
            if self._portal is not None:
                self._portal.start_task_soon(self._portal.stop)
            self._servers, self._portal = None, None


class McpFile:
    """The servers that mcp.toml names, as it is now: it is read again when it has changed.

    A wrong one is told by ``McpServers.troubles``; the servers stay what they were before.
    """

    def __init__(self, home: Path, log_folder: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._servers = McpServers([], log_folder)
        self._read: tuple[int, ...] | None = None

    def servers(self) -> McpServers:
        """The servers."""
        with self._lock:
            found = self._look()
            if found != self._read:
                self._read = found
                try:
                    self._servers.take(read_servers(self._home))
                except ConfigurationError as error:
                    log.warning("mcp.toml is not followed", reason=str(error))
                    self._servers.trouble = str(error)
            return self._servers

    def _look(self) -> tuple[int, ...]:
        try:
            status = (self._home / FILE).stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode


def _start_portal() -> BlockingPortal:
    """A thread that runs the SDK, and that no process waits for at its end."""
    import anyio
    from anyio.from_thread import BlockingPortal

    started: Future[BlockingPortal] = Future()

    async def serve() -> None:
        async with BlockingPortal() as portal:
            started.set_result(portal)
            await portal.sleep_until_stopped()

    threading.Thread(target=anyio.run, args=(serve,), name="mcp", daemon=True).start()
    return started.result(timeout=10.0)
