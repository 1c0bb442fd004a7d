"""Where to think again: files of more than 300 lines, functions of more than 50. An exception is listed with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from lotus_tasks.infra.home import PROJECT

FILE_LINES, FUNCTION_LINES = 300, 50
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {
    "lotus_tasks/providers/service/completion.py:_call": "one call from admission to record: what it takes must be let go here",
}


def sources() -> Iterator[Path]:
    for folder in ("lotus_tasks", "workers", "beat"):
        yield from (PROJECT / folder).rglob("*.py")


def test_no_file_is_longer_than_it_may_be():
    long = {}
    for source in sources():
        name, lines = str(source.relative_to(PROJECT)), source.read_text(encoding="utf-8").count("\n")
        if lines > FILE_LINES:
            long[name] = lines
    assert sorted(long) == sorted(LONG_FILES), long


def test_no_function_is_longer_than_it_may_be():
    long = {}
    for source in sources():
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long[f"{source.relative_to(PROJECT)}:{node.name}"] = lines
    assert sorted(long) == sorted(LONG_FUNCTIONS), long
