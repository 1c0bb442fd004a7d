"""`completion`: the script with which a shell completes commands, options, and what there is."""

from __future__ import annotations

import re

import click

from lotus_tasks.cli.shells import NAMES, script
from lotus_tasks.errors import InvalidInput


@click.command()
@click.argument("shell", type=click.Choice(NAMES))
@click.option("--name", default="lotus", show_default=True, help="Complete a command of this name, too.")
def completion(shell: str, name: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash  source <(./manage.py completion bash)     in ~/.bashrc
    zsh   ./manage.py completion zsh > a file _manage.py in a folder of $fpath
    fish  ./manage.py completion fish > ~/.config/fish/completions/manage.py.fish

    It completes `./manage.py …`, `python manage.py …`, and `lotus …` for whoever has made a link or an alias of that name:
    commands, options, and the runs, conversations, memories, schedules, processes, providers and models there are.
    """  # noqa: D301 - \b is click's mark
    if not re.fullmatch(r"[\w.-]+", name):
        raise InvalidInput(f"{name!r} is no name for a command: letters, digits, dots and dashes")
    click.echo(script(shell, name), nl=False)
