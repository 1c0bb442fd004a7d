"""`completion`: the script with which a shell completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash  ./manage.py completion bash > ~/.local/share/bash-completion/completions/manage.py
    zsh   ./manage.py completion zsh > a file _manage.py in a folder of $fpath
    fish  ./manage.py completion fish > ~/.config/fish/completions/manage.py.fish

    It completes `./manage.py …`, and `manage.py …` where its folder is on the PATH; not `python manage.py …`.
    """  # noqa: D301 - \b is click's mark
    maker = get_completion_class(shell)
    root = ctx.find_root()
    if maker is None:
        raise click.UsageError(f"click makes no script for {shell}")
    click.echo(maker(root.command, {}, "manage.py", "_MANAGE_PY_COMPLETE").source())
