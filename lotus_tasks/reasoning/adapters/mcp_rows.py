"""mcp.toml under LOTUS_HOME: the MCP servers whose tools the model may use.

[[server]]
name = "notes"
command = ["npx", "-y", "some-mcp-server"]
variables = ["NOTES_TOKEN"]          # of LOTUS's environment, that this server may see

[[server]]
name = "tracker"
url = "https://tracker.example/mcp"  # streamable HTTP
token_variable = "TRACKER_TOKEN"     # sent as Authorization: Bearer
trusted = true                       # its word about its own tools counts: what it calls reading runs without your yes
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lotus_tasks.errors import ConfigurationError

FILE = "mcp.toml"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServerRow:
    """One server: a ``command`` that speaks over stdin and stdout, or a ``url``."""

    name: str
    command: Sequence[str] = ()
    folder: str = ""
    variables: Sequence[str] = ()
    url: str = ""
    token_variable: str = ""
    trusted: bool = False


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (lambda value: isinstance(value, str) and _NAME.match(value) is not None, "a short name in lower case"),
    "command": (_are_texts, "a list: the program, then its arguments"),
    "folder": (_is_text, "the folder in which the program starts"),
    "variables": (_are_texts, "a list of variables' names"),
    "url": (lambda value: isinstance(value, str) and re.match(r"https?://[^\s/]+", value) is not None, "a URL"),
    "token_variable": (_is_text, "the name of a variable, never the token itself"),
    "trusted": (lambda value: isinstance(value, bool), "true or false"),
}


def read_servers(home: Path) -> list[McpServerRow]:
    """The servers of ``home``'s mcp.toml; none without the file. Raises ConfigurationError naming every wrong value."""
    path = home / FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}") from error
    entries = document.get("server", [])
    complaints = [f"{name} isn't known; servers are written as [[server]]" for name in document if name != "server"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigurationError(f"{path}: servers are written as [[server]], with two brackets")
    for number, entry in enumerate(entries, 1):
        complaints += [f"server {number}: {complaint}" for complaint in _complaints(entry)]
    names = [entry.get("name") for entry in entries]
    complaints += [
        f"two servers are named {name}" for name in sorted({str(one) for one in names if names.count(one) > 1})
    ]
    if complaints:
        raise ConfigurationError(f"{path}: {'; '.join(complaints)}")
    return [
        McpServerRow(**{**entry, "folder": str(Path(entry["folder"]).expanduser()) if "folder" in entry else ""})
        for entry in entries
    ]


def _complaints(entry: Mapping[str, Any]) -> list[str]:
    found = [f"{name} isn't known; there are: {', '.join(_FIELDS)}" for name in entry if name not in _FIELDS]
    found += [
        f"{name} is wrong; it is {allowed}"
        for name, (is_right, allowed) in _FIELDS.items()
        if name in entry and not is_right(entry[name])
    ]
    if "name" not in entry:
        found.append("name is missing")
    if ("command" in entry) == ("url" in entry):
        found.append("it needs a command or a url, one of them")
    return found
