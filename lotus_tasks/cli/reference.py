"""docs/cli.md, made of what the commands say of themselves: ``python -m lotus_tasks.cli.reference > docs/cli.md``."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lotus_tasks.cli import COMMANDS, cli

_COLUMNS = 100
_TITLE = """\
# The command line

Made of the commands' own help by `python -m lotus_tasks.cli.reference > docs/cli.md`; a test compares it.

Exit codes: 0 done, 1 failed, 2 usage, 3 LOTUS is not running, 4 timed out, 130 cancelled. Standard output carries the answer and
nothing else; progress and notices go to standard error.
"""


def reference() -> str:
    """The page."""
    root = click.Context(
        cli, info_name="manage.py", terminal_width=_COLUMNS, max_content_width=_COLUMNS, **cli.context_settings
    )
    parts = [_TITLE, _section("manage.py", cli.get_help(root), 2)]
    for name in COMMANDS:
        command = cli.get_command(root, name)
        if command is not None:
            parts += _sections(command, name, root, 2)
    return "\n".join(parts)


def _sections(command: click.Command, name: str, parent: click.Context, level: int) -> Iterator[str]:
    context = click.Context(command, parent=parent, info_name=name)
    yield _section(context.command_path.removeprefix("manage.py "), command.get_help(context), level)
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            child = command.get_command(context, verb)
            if child is not None:
                yield from _sections(child, verb, context, level + 1)


def _section(title: str, text: str, level: int) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"{'#' * level} {title}\n\n```text\n{lines}\n```\n"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
