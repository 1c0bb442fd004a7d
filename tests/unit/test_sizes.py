"""Where to think again: files of more than 300 lines (named by `pytest -rP`), functions of more than 50.

A file of more than 400 lines fails unless it is listed with its reason: a limit makes one think, it doesn't cut files in two.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from lotus_tasks.local.home import PROJECT

FILE_LINES_TO_THINK, FILE_LINES, FUNCTION_LINES = 300, 400, 50
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def sources() -> Iterator[Path]:
    for folder in ("lotus_tasks", "workers", "beat"):
        yield from (PROJECT / folder).rglob("*.py")


def test_no_file_is_longer_than_it_may_be():
    long = {}
    for source in sources():
        name, lines = str(source.relative_to(PROJECT)), source.read_text(encoding="utf-8").count("\n")
        if lines > FILE_LINES_TO_THINK:
            print(f"{name} has {lines} lines: does it still have one job?")
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
