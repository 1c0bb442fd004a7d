"""The tree of commands as data, which completion reads instead of importing them: ``python -m lotus_tasks.cli.command_tree``
writes commands.json, and a test compares it.

Of a parameter it says what may stand there: ``choices``, or the ``kind`` of thing that is looked up (completing.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

FILE = Path(__file__).with_name("commands.json")

KINDS: Mapping[tuple[str, str], str] = {
    ("runs follow", "run_id"): "open_run",
    ("runs cancel", "run_id"): "open_run",
    ("runs approve", "run_id"): "waiting_run",
    ("runs deny", "run_id"): "waiting_run",
    ("runs retry", "run_id"): "ended_run",
    ("inbox show", "run_id"): "answer",
    ("inbox clear", "run_ids"): "answer",
    ("on add", "event"): "event",
    ("events tail", "name"): "event",
    ("events emit", "name"): "event",
    ("schedule add", "name"): "",
    ("on add", "name"): "",
    ("schedule", "name"): "schedule",
    ("on", "name"): "subscription",
    ("providers", "name"): "provider",
    ("tools trust revoke", "destination"): "trusted",
    ("", "run_id"): "run",
    ("", "run_ids"): "run",
    ("", "conversation"): "conversation",
    ("", "conversation_id"): "conversation",
    ("", "memory_id"): "memory",
    ("", "memory_ids"): "memory",
    ("", "process"): "process",
    ("", "provider"): "provider",
    ("", "model"): "model",
    ("", "files"): "file",
    ("", "schema_file"): "file",
    ("", "paths"): "file",
    ("", "path"): "file",
}
"""What stands for a parameter: of a command, else of its group, else anywhere. "" is a text of the user's own."""


def describe(command: click.Command, path: Sequence[str] = ()) -> dict[str, Any]:
    """A command and what is below it."""
    document: dict[str, Any] = {"help": command.get_short_help_str(100)}
    document["params"] = [_parameter(param, path) for param in command.params if not getattr(param, "hidden", False)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        document["commands"] = {
            name: describe(child, (*path, name))
            for name in command.list_commands(context)
            if (child := command.get_command(context, name)) is not None
        }
    return document


def commands_of(document: Mapping[str, Any], path: Sequence[str] = ()) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every command with its path ("runs show")."""
    for name, child in document.get("commands", {}).items():
        yield " ".join((*path, name)), child
        yield from commands_of(child, (*path, name))


def _parameter(param: click.Parameter, path: Sequence[str]) -> dict[str, Any]:
    described: dict[str, Any] = {"name": param.name, "nargs": param.nargs, "multiple": param.multiple}
    if isinstance(param, click.Option):
        described["opts"] = [*param.opts, *param.secondary_opts]
        described["help"] = param.help or ""
        described["flag"] = param.is_flag
    if isinstance(param.type, click.Choice):
        described["choices"] = [str(choice) for choice in param.type.choices]
    for place in (" ".join(path), path[0] if path else "", ""):
        if (place, param.name) in KINDS:
            described["kind"] = KINDS[place, str(param.name)]
            break
    return described


def render() -> str:
    """The text of commands.json: a line for each command, so that two changes of it seldom meet."""
    from lotus_tasks.cli import COMMANDS, cli

    lines = []
    for path, child in commands_of(describe(cli)):
        written = {**child, "help": COMMANDS[path][1] if path in COMMANDS else child["help"]}
        if "commands" in child:
            written["commands"] = [*child["commands"]]
        lines.append(f"{json.dumps(path)}: {json.dumps(written, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read() -> dict[str, Any]:
    """The tree that commands.json holds."""
    root: dict[str, Any] = {"help": "", "params": [], "commands": {}}
    for path, child in json.loads(FILE.read_bytes()).items():
        *above, name = path.split(" ")
        parent = root
        for step in above:
            parent = parent["commands"][step]
        if "commands" in child:
            child["commands"] = {}
        parent["commands"][name] = child
    return root


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
