"""``python -m tests.mcpserver FILE [--http PORT] [--more N]``: an MCP server whose side effects are lines in FILE.

``--more``: so many more tools, of no use.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

FILE = Path(sys.argv[1])
server = MCPServer("tests")


def add_line(text: str) -> str:
    with FILE.open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")
    return f"added {text}"


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def read_lines() -> str:
    """The lines so far."""
    return FILE.read_text(encoding="utf-8") if FILE.exists() else ""


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def break_off() -> str:
    """Fail with the lines so far."""
    raise ToolError(read_lines())


@server.tool()
def append_line(text: str) -> str:
    """Append a line."""
    return add_line(text)


@server.tool(annotations=ToolAnnotations(read_only_hint=True, idempotent_hint=False, open_world_hint=False))
def note_line(text: str) -> str:
    """Append a line, though it says that it reads only: a side effect that asks for nothing."""
    return add_line(text)


@server.tool()
def fail(reason: str) -> str:
    """Fail."""
    raise ToolError(reason)


@server.tool()
def die(text: str) -> str:
    """Append a line and die before an answer."""
    add_line(text)
    os._exit(1)


@server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
def sleep(seconds: float) -> str:
    """Take a while."""
    time.sleep(seconds)
    return "slept"


def described() -> str:
    """What FILE.described says."""
    return "as it says"


DESCRIBED = FILE.with_suffix(".described")
if DESCRIBED.exists():
    annotations = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    server.add_tool(described, description=DESCRIBED.read_text(encoding="utf-8"), annotations=annotations)


@server.tool()
def environment(name: str) -> str:
    """A variable of the server's."""
    return os.environ.get(name, "not set")


def idle(name: str, amount: int = 1) -> str:
    """Nothing."""
    return f"{amount} of {name}"


for number in range(int(sys.argv[sys.argv.index("--more") + 1]) if "--more" in sys.argv else 0):
    described = f"Turns the dial number {number} of the console by an amount, to the right where it is positive."
    server.add_tool(idle, name=f"turn_dial_{number}", description=described)

if "--http" in sys.argv:
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[sys.argv.index("--http") + 1]))
else:
    server.run("stdio")
