"""Reasoning's own tools: the clock, arithmetic, Python in a box, and writing a file. Those that change something ask first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from lotus_tasks import bootstrap
from lotus_tasks.errors import InvalidInput
from lotus_tasks.local.home import Home
from lotus_tasks.origins import MODEL
from lotus_tasks.reasoning.adapters.mcp_servers import McpFile
from lotus_tasks.reasoning.adapters.python_box import box_trouble, run_in_box
from lotus_tasks.reasoning.service.arithmetic import evaluate
from lotus_tasks.tools import AnyTool, Tool, ToolAnswer, ToolContext, tool


@tool("reasoning", answers_as=MODEL)
def now(
    _context: ToolContext,
    time_zone: Annotated[str, Field(description="IANA name such as Europe/Copenhagen; empty for this machine's")] = "",
) -> ToolAnswer:
    """The present date and time."""
    try:
        moment = datetime.now(ZoneInfo(time_zone)) if time_zone else datetime.now().astimezone()
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInput(f"there is no time zone {time_zone!r}") from error
    return ToolAnswer(text=f"{moment:%A}, {moment.isoformat(timespec='seconds')}")


@tool("reasoning", answers_as=MODEL)
def calculate(
    _context: ToolContext,
    expression: Annotated[str, Field(description="e.g. (2 + 3) * 4 ** 0.5, round(x, 2), sqrt, log, sin, pi")],
) -> ToolAnswer:
    """The value of an arithmetic expression."""
    return ToolAnswer(text=evaluate(expression))


@tool("reasoning", idempotent=False, asks=True, answers_as=MODEL, is_offered=lambda: not box_trouble())
def run_python(
    context: ToolContext,
    code: Annotated[str, Field(description="a Python program; what it prints is the answer")],
) -> ToolAnswer:
    """Run a Python program apart from everything: 10 s, 512 MB, no network, no files but its own empty folder."""
    return ToolAnswer(text=run_in_box(code, stop=lambda: context.work.cancelled() or context.work.stopping()))


@tool("reasoning", asks=True, answers_as=MODEL, is_offered=bootstrap.has_folders)
def write_file(
    _context: ToolContext,
    path: Annotated[str, Field(description="inside a folder the user allowed")],
    text: Annotated[str, Field(description="the whole content")],
) -> ToolAnswer:
    """Write a text file, whole, in place of what was there."""
    written = bootstrap.allowed_folders().write(path, text)
    return ToolAnswer(text=f"wrote {len(text)} characters to {written}", sources=[str(written)])


@bootstrap.per_process
def _mcp_file() -> McpFile:
    home = Home(bootstrap.runtime().home)
    return McpFile(home.path, home.log)


def find_mcp_tools(wanted: str = "") -> Sequence[AnyTool]:
    """The tools of the MCP servers that work now; the server of the ``wanted`` one is waited for."""
    return _mcp_file().servers().tools(wanted)


def mcp_troubles() -> list[str]:
    """A line for mcp.toml where it is wrong, and for each MCP server that doesn't work."""
    return _mcp_file().servers().troubles()


TOOLS: tuple[Tool, ...] = (now, calculate, run_python, write_file)
"""What the manifest names."""
