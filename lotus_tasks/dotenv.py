"""Reads `.env` files, keeping the line a value came from, so that a wrong one can be pointed at.

The form: ``NAME=value``, ``export NAME=value``, values bare or in single or double quotes, ``#`` comments. Nothing is
expanded. Stdlib only: the CLI reads LOTUS_HOME from it before anything else is imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lotus_tasks.errors import ConfigurationError

_ASSIGNMENT = re.compile(
    r"""^\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
    (?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^"'\s\#](?:[^\#]|(?<!\s)\#)*?|))
    \s*(?:(?<=\s)\#.*|(?<=["'])\#.*)?$""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DotenvValue:
    """One assignment: its value, and the file and line (from 1) it stands on."""

    value: str
    path: Path
    line: int

    @property
    def place(self) -> str:
        """``.env line 3``, with the folder where it isn't the present one."""
        return f"{self.path} line {self.line}"


def read_dotenv(path: Path) -> Mapping[str, DotenvValue]:
    """The assignments of ``path``; of a name given twice the last counts. A file that isn't there holds none.

    Raises ConfigurationError, a line for each fault: the file can't be read, a line is no assignment.
    """
    values, complaints = parse_dotenv(path)
    if complaints:
        raise ConfigurationError("\n".join(complaints))
    return values


def parse_dotenv(path: Path) -> tuple[Mapping[str, DotenvValue], Sequence[str]]:
    """The assignments of ``path`` that can be read, and a line about each that can't."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, ()
    except UnicodeDecodeError as error:
        return {}, [f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8"]
    except OSError as error:
        return {}, [f"{path} can't be read: {error.strerror}; make it a file you may read"]
    values: dict[str, DotenvValue] = {}
    complaints: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ASSIGNMENT.match(line)
        if match is None or "\0" in line:
            # The line itself stays unsaid: it may hold a secret.
            complaints.append(f"{path} line {number} is not NAME=value; correct it or put # before it")
            continue
        if match["double"] is not None:
            value = re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), match["double"])
        else:
            value = match["single"] if match["single"] is not None else match["bare"].rstrip()
        values[match["name"].upper()] = DotenvValue(value=value, path=path, line=number)
    return values, complaints


def render_example(fields: Mapping[str, Any]) -> str:
    """The text of .env.example, of the settings' fields (pydantic's, as settings.py declares them)."""
    lines = ["# Every setting of LOTUS with its default. Copy this file to .env and uncomment what you change.", ""]
    for field, info in fields.items():
        extra = info.json_schema_extra
        allowed = extra["allowed"] if isinstance(extra, dict) else ""
        default = ",".join(info.default) if isinstance(info.default, tuple) else info.default
        number = isinstance(default, float) and default.is_integer()
        shown = "" if default is None else str(int(default) if number else default)
        lines += [f"# {info.description} Allowed: {allowed}.", f"# {field.upper()}={shown}", ""]
    return "\n".join(lines)
