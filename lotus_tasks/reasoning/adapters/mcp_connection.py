"""One MCP server and its tools, through the official SDK (modelcontextprotocol.io).

The SDK is asynchronous; one thread of the process runs it (anyio's blocking portal), and everything else waits for it. A
server is connected to when the first run needs tools, in the background: one that is dead or slow holds up nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from lotus_tasks.destinations import server
from lotus_tasks.errors import Cancelled, EffectUnknown, HandBack, LotusError, Permanent, ServiceDown, Transient
from lotus_tasks.manifest import ToolCard
from lotus_tasks.origins import USER, tool_origin
from lotus_tasks.reasoning.adapters.mcp_rows import McpServerRow
from lotus_tasks.spine.database import one_line
from lotus_tasks.tools import ToolAnswer, ToolContext, shorten

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal
    from mcp import Client

CONNECT_S = 30.0
"""To start a server and list its tools: `npx` may have to download it."""
CALL_S = 60.0
RETRY_S = 4.0
"""How soon a server that failed is tried again."""
MOST_TOOLS = 200
"""Of one server. Which of them a model is offered is chosen where its context is known."""
_DESCRIPTION_CHARACTERS = 1000
_SCHEMA_CHARACTERS = 8000
_REASON_CHARACTERS = 2000
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")

log = structlog.get_logger("lotus.mcp")


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTool:
    """One tool of a server; see lotus_tasks.tools.AnyTool."""

    server: McpServer
    remote_name: str
    card: ToolCard

    def run(self, context: ToolContext, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Call it. Raises Permanent with what the server says against it, EffectUnknown where no word came."""
        return self.server.call(self, context, arguments)


class McpServer:
    """One server's connection: made at first need, made anew when it broke."""

    def __init__(self, row: McpServerRow, portal: BlockingPortal, log_folder: Path) -> None:
        self.row = row
        self.tools: Sequence[McpTool] = ()
        self.trouble = "not connected yet"
        self.settled = threading.Event()
        self._portal = portal
        self._log_folder = log_folder
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._closing: asyncio.Event | None = None
        self._tried_at = 0.0

    def connect_soon(self) -> None:
        """Connect in the background, unless that is done, under way or was tried a moment ago."""
        if self._client is None and time.monotonic() - self._tried_at >= RETRY_S and not self._lock.locked():
            threading.Thread(target=self.connect, name=f"mcp-{self.row.name}", daemon=True).start()

    def connect(self) -> None:
        """Connect now, unless that is done. Where it can't be, ``trouble`` says why."""
        with suppress(LotusError):
            self._connected()

    def call(self, tool: McpTool, context: ToolContext, arguments: Mapping[str, Any]) -> ToolAnswer:
        """See McpTool.run."""
        client = self._connected()
        asked_for = context.work.payload.get("digest")
        if asked_for and asked_for != self._digest_of(tool):
            raise Permanent(
                f"{tool.card.name}: its server says something else of it now than when it was called; call it again"
            )
        # The SDK's own limit ends the call on its side, too; ours is for a server that ignores even that.
        future: Future[Any] = self._portal.start_task_soon(client.call_tool, tool.remote_name, dict(arguments), CALL_S)
        try:
            result = self._wait(future, context, idempotent=tool.card.idempotent)
        except LotusError:
            future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - the SDK and its transports have errors of their own
            self._break_off(f"{type(error).__name__}: {one_line(error)}")
            raise self._failure(tool, error) from None
        text = _text_of(result)
        if result.is_error:
            raise Permanent(f"{tool.card.name}: {text[:_REASON_CHARACTERS] or 'the server gives no reason'}")
        return shorten(ToolAnswer(text=text or "Done.", sources=[f"mcp:{self.row.name}/{tool.remote_name}"]))

    def close(self) -> None:
        """End the connection, and with it a server that was started."""
        self._drop("closed")

    def _digest_of(self, tool: McpTool) -> str:
        """What the server says of it now: it may have been started anew since."""
        return next((one.card.digest for one in self.tools if one.remote_name == tool.remote_name), "")

    def _wait(self, future: Future[Any], context: ToolContext, *, idempotent: bool) -> Any:
        until = time.monotonic() + CALL_S + 5.0
        while True:
            try:
                return future.result(timeout=0.1)
            except NotYet:
                if future.done() or time.monotonic() > until:
                    raise
            if context.work.cancelled():
                raise Cancelled("the run was cancelled")
            if context.work.stopping() and idempotent:
                raise HandBack("the worker is stopping")

    def _failure(self, tool: McpTool, error: Exception) -> LotusError:
        said = f"{tool.card.name}: the MCP server {self.row.name} broke off ({type(error).__name__}: {one_line(error)})"
        return Transient(said) if tool.card.idempotent else EffectUnknown(f"{said}; whether it took effect is unknown")

    def _connected(self) -> Client:
        if self._client is None:
            self._connect()
        client = self._client
        if client is None:
            raise ServiceDown(f"the MCP server {self.row.name} is down: {self.trouble}")
        return client

    def _connect(self) -> None:
        with self._lock:
            if self._client is not None:
                return
            self._tried_at = time.monotonic()
            try:
                opened: Future[tuple[Client, list[Any]]] = Future()
                self._portal.start_task_soon(self._live, opened)
                client, listed = opened.result(timeout=CONNECT_S + 5.0)
            except Exception as error:  # noqa: BLE001 - whatever keeps it from working is its trouble
                reason, told = _reason(error), self.trouble
                self._drop(reason)
                if reason != told:  # a server that stays away is tried every few seconds
                    log.warning("MCP server does not work", server=self.row.name, reason=reason)
                raise ServiceDown(f"the MCP server {self.row.name} is down: {self.trouble}") from None
            else:
                self.tools = [self._tool(one) for one in listed[:MOST_TOOLS]]
                self._client, self.trouble = client, ""
            finally:
                self.settled.set()

    async def _live(self, opened: Future[tuple[Client, list[Any]]]) -> None:
        """Hold the connection until it is dropped: it has to end in the task that it began in."""
        closing = self._closing = asyncio.Event()
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(CONNECT_S):
                    client = await stack.enter_async_context(await self._make_client(stack))
                    listed = await _list_tools(client)
                opened.set_result((client, listed))
                await closing.wait()
        except BaseException as error:
            if not opened.done():
                opened.set_exception(error)
            elif not closing.is_set():
                self._break_off(_reason(error))
            if not isinstance(error, Exception):
                raise

    async def _make_client(self, stack: AsyncExitStack) -> Client:
        from mcp import Client, StdioServerParameters, stdio_client

        if self.row.url:
            return Client(await _http_transport(self.row, stack), read_timeout_seconds=CALL_S)
        program, *arguments = self.row.command
        environment = {name: os.environ[name] for name in self.row.variables if name in os.environ}
        parameters = StdioServerParameters(
            command=program,
            args=arguments,
            env=environment,
            cwd=self.row.folder or None,
        )
        # A file of its own: Celery's stderr is no file, and a server's chatter isn't the worker's.
        said = stack.enter_context((self._log_folder / f"mcp-{self.row.name}.log").open("a", encoding="utf-8"))
        return Client(stdio_client(parameters, errlog=said), read_timeout_seconds=CALL_S)

    def _break_off(self, trouble: str) -> None:
        """It worked until now: its tools stay known, and the next to need one connects anew at once."""
        tools = self.tools
        self._drop(trouble)
        self.tools, self._tried_at = tools, 0.0

    def _drop(self, trouble: str) -> None:
        closing, self._closing, self._client, self.tools, self.trouble = self._closing, None, None, (), trouble
        if closing is not None:
            with suppress(RuntimeError):  # the portal has gone, and every connection with it
                self._portal.start_task_soon(_set, closing)

    def _tool(self, listed: Any) -> McpTool:
        hints = listed.annotations
        # A server's word about itself is no trust; only the user's is (mcp.toml).
        reads_only = self.row.trusted and bool(hints and hints.read_only_hint)
        repeatable = self.row.trusted and bool(hints and hints.idempotent_hint)
        stays_inside = reads_only and hints.open_world_hint is False
        description = (listed.description or "")[:_DESCRIPTION_CHARACTERS]
        card = ToolCard(
            name=_UNFIT.sub("_", f"{self.row.name}_{listed.name}")[:64],
            module="reasoning",
            description=description,
            parameters=_schema(listed.input_schema),
            idempotent=reads_only or repeatable,
            asks=not reads_only,
            described_by=USER if self.row.trusted else tool_origin(self.row.name),
            answers_as=tool_origin(self.row.name),
            sends_to="" if stays_inside else server(self.row.name),
            server=self.row.name,
            digest=_digest(listed),
            vouched=self.row.trusted,
        )
        return McpTool(server=self, remote_name=listed.name, card=card)


async def _set(event: asyncio.Event) -> None:
    event.set()


async def _list_tools(client: Client) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    while len(found) < MOST_TOOLS:
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return found


async def _http_transport(row: McpServerRow, stack: AsyncExitStack) -> Any:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    token = os.environ.get(row.token_variable, "") if row.token_variable else ""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    # No redirect leads token and arguments to another server: the SDK follows those within the server's origin, nobody others.
    client = httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(10.0, read=CALL_S), follow_redirects=False)
    return streamable_http_client(row.url, http_client=await stack.enter_async_context(client))


def _digest(listed: Any) -> str:
    """Stands for everything that a server says of a tool, also for what no model is shown."""
    said = listed.model_dump(mode="json", by_alias=True, exclude_none=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _schema(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    found = dict(schema or {"type": "object", "properties": {}})
    if len(str(found)) > _SCHEMA_CHARACTERS:
        return {"type": "object"}
    return found


def _text_of(result: Any) -> str:
    parts = [
        part.text if part.type == "text" else f"[{part.type}, which LOTUS does not read]" for part in result.content
    ]
    if not parts and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(parts)


def _reason(error: BaseException) -> str:
    """What is inside the groups that anyio wraps around a failure."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    if isinstance(error, (NotYet, TimeoutError)):
        return f"did not answer within {CONNECT_S:g} s"
    if isinstance(error, (CancelledError, ConnectionError)):
        return "ended at once; its log says why"
    return one_line(error) or type(error).__name__
