"""All MCP servers of a process, and the one thread in which the SDK runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from lotus_tasks.reasoning.adapters.mcp_connection import McpServer, McpTool
from lotus_tasks.reasoning.adapters.mcp_rows import McpServerRow

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

FIRST_WAIT_S = 10.0
"""How long a process's first run waits for its servers; later ones take what is there."""


class McpServers:
    """All servers of this process."""

    def __init__(self, rows: Sequence[McpServerRow], log_folder: Path, *, trouble: str = "") -> None:
        self._rows = rows
        self._trouble = trouble
        self._log_folder = log_folder
        self._lock = threading.Lock()
        self._servers: Sequence[McpServer] | None = None
        self._portal: BlockingPortal | None = None

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
        for server in self.servers():
            server.connect_soon()
        for server in self.servers():
            server.settled.wait(max(0.0, until - time.monotonic()))
            # Once is enough: a server that takes longer joins when it is there.
            server.settled.set()
        return [tool for server in self.servers() for tool in server.tools]

    def troubles(self) -> list[str]:
        """A line for each server that doesn't work."""
        if not self._rows:
            return [self._trouble] if self._trouble else []
        self.tools()
        return [f"MCP server {server.row.name}: {server.trouble}" for server in self.servers() if server.trouble]

    def servers(self) -> Sequence[McpServer]:
        """Every server, connected or not."""
        with self._lock:
            if self._servers is None:
                self._portal = portal = _start_portal()
                self._servers = [McpServer(row, portal, self._log_folder) for row in self._rows]
            return self._servers

    def close(self) -> None:
        """End every connection and every server that was started."""
        with self._lock:
            for server in self._servers or ():
                server.close()
            if self._portal is not None:
                self._portal.start_task_soon(self._portal.stop)
            self._servers, self._portal = None, None


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
