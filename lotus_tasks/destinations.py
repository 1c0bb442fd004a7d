"""Where a call of a tool would carry text to, by a name that the user can say yes to for good.

host:example.org           a web host, with its port where that isn't the scheme's own
server:notes               an MCP server of mcp.toml
"""

from __future__ import annotations

import re
from typing import Final

from lotus_tasks.errors import InvalidInput

_ADDRESS: Final = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::(\d{1,5}))?(?:[/?#][!-\[\]-~]*)?", re.IGNORECASE
)
"""No name and password, no backslash, nothing but printable ASCII: what every reader of addresses reads alike."""
_OWN_PORTS: Final = {"http": "80", "https": "443"}
_HOST: Final = re.compile(r"host:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::\d{1,5})?")
_SERVER: Final = re.compile(r"server:[a-z][a-z0-9-]{0,19}")
UNNAMED: Final = "unnamed"
"""A destination that can't be said yes to for good, such as an address that is written in an unusual way."""


def host_of(address: object) -> str:
    """The destination of a web address; ``unnamed`` where it is none, or none that is plain to read."""
    found = _ADDRESS.fullmatch(address.strip()) if isinstance(address, str) else None
    if found is None or ".." in found[2]:
        return UNNAMED
    scheme, host, port = found[1].lower(), found[2].lower(), found[3]
    own = port is None or port.lstrip("0") == _OWN_PORTS[scheme]
    return f"host:{host}" if own else f"host:{host}:{int(port)}"


def server(name: str) -> str:
    """The destination of what is told to an MCP server."""
    return f"server:{name}"


def read_destination(text: str) -> str:
    """The destination that a person means: as it is written above, or a web address. Raises InvalidInput."""
    said = text.strip()
    if said.lower().startswith(("http://", "https://")):
        said = host_of(said)
    folded = said.lower()
    if _HOST.fullmatch(folded) or _SERVER.fullmatch(folded):
        return folded
    raise InvalidInput(
        f"{text!r} is no destination; write host:example.org, server:NAME (of mcp.toml), or a web address"
    )
