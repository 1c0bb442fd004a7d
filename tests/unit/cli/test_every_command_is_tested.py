"""Every command and every option of the click tree is used by a test that looks at what it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lotus_tasks.cli import command_tree
from lotus_tasks.local.home import PROJECT

LOOKS_ELSEWHERE = {"test_hostile_text.py"}
"""Files that run every command without looking at what it does."""
UNTESTED: Mapping[str, str] = {}
"""A command or an option ("memory edit --insist") that no test can use, and why."""


def literal_sequences(path: Path) -> Iterator[list[str]]:
    """Every list, tuple and call's arguments in a file, as texts: what is no literal is "", what is partly one is that part."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        elements = node.args if isinstance(node, ast.Call) else getattr(node, "elts", None)
        if elements:
            yield [text for element in elements for text in _texts(element)]


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Starred) and isinstance(node.value, ast.List | ast.Tuple):
        return [text for element in node.value.elts for text in _texts(element)]
    return [_text(node)]


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and node.values:
        return _text(node.values[0])
    return ""


def used(words: list[str], tree: Mapping[str, Any]) -> Iterator[str]:
    """The command that these arguments call, and its options, as in "runs list" and "runs list --status"."""
    begin = next((n for n, word in enumerate(words) if word in tree["commands"]), None)
    if begin is None:
        return
    path: list[str] = []
    command = tree
    rest = words[begin:]
    while rest and rest[0] in command.get("commands", {}):
        path.append(rest.pop(0))
        command = command["commands"][path[-1]]
    if path == ["on"] and rest:  # `on EVENT` is `on add EVENT`
        path.append("add")
        command = command["commands"]["add"]
    if "commands" in command:
        return
    yield " ".join(path)
    for param in command["params"]:
        for name in param.get("opts", ()):
            if any(word == name or word.startswith(f"{name}=") for word in rest):
                yield f"{' '.join(path)} {param['opts'][-1]}"


def wanted(tree: Mapping[str, Any]) -> set[str]:
    """What must be used."""
    leaves = {path: command for path, command in command_tree.commands_of(tree) if "commands" not in command}
    options = {
        f"{path} {param['opts'][-1]}"
        for path, command in leaves.items()
        for param in command["params"]
        if "opts" in param
    }
    return {*leaves, *options}


def test_every_command_and_every_option_is_used_by_a_test():
    tree = command_tree.read()
    found = {
        one
        for path in (PROJECT / "tests").rglob("*.py")
        if path.name not in LOOKS_ELSEWHERE
        for words in literal_sequences(path)
        for one in used(words, tree)
    }
    missing = wanted(tree) - found
    assert missing == set(UNTESTED), sorted(missing ^ set(UNTESTED))


def test_a_call_is_read_as_the_command_line_would():
    tree = command_tree.read()
    assert set(used(["", "runs", "list", "--status=waiting"], tree)) == {"runs list", "runs list --status"}
    assert set(used(["on", "percept.captured", "ask", "x", "--per-hour", "2"], tree)) == {"on add", "on add --per-hour"}
    assert set(used(["memory", "a note"], tree)) == set()
