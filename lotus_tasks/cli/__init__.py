"""The command line. A command's module is imported when the command is called: `ask` pays for nothing it doesn't need.

Exit codes: 0 done, 1 failed, 2 usage, 3 LOTUS is not running, 4 timed out, 130 cancelled. One line on stderr says why.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence

import click

from lotus_tasks.cli.help_page import HelpPage
from lotus_tasks.cli.terminal import guard_terminals, one_line
from lotus_tasks.errors import Cancelled, ConfigurationError, InvalidInput, LotusError, NotRunning, ServiceDown
from lotus_tasks.local.home import Home

_BEGINNING, _END = 800, 200
"""How much is said of a message that is longer than both."""
FAILED, USAGE, NOT_RUNNING, TIMED_OUT, CANCELLED = 1, 2, 3, 4, 130

COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("up", "Start LOTUS, or see that it runs."),
    "down": ("up", "Stop it; nothing stays behind."),
    "restart": ("processes", "Restart one process, or all of LOTUS."),
    "status": ("status", "What runs where, and how it is."),
    "logs": ("processes", "What the processes wrote."),
    "doctor": ("doctor", "Find what is wrong and say what to do."),
    "ask": ("ask", "Ask LOTUS a question."),
    "chat": ("chat", "Talk with LOTUS."),
    "conversations": ("conversations", "What was talked about."),
    "runs": ("runs", "See, follow, cancel or retry what was asked."),
    "schedule": ("schedules", "Ask at set times."),
    "on": ("subscriptions", "Ask when something happens."),
    "inbox": ("inbox", "What those answered."),
    "remember": ("memory", "Tell LOTUS something to keep."),
    "recall": ("memory", "Search its memory."),
    "memory": ("memory", "Look after its memory."),
    "ingest": ("perception", "Give it files, folders or text to read."),
    "perceived": ("perception", "What it has read."),
    "providers": ("providers", "The models it can ask."),
    "tools": ("tools", "What the model's tools may do without asking you."),
    "events": ("events", "What happens inside."),
    "psql": ("psql", "Open the database."),
    "worker": ("processes", "Run one more worker of a module here."),
    "service": ("service", "Start LOTUS with your session (systemd)."),
    "completion": ("completion", "Let your shell complete these commands."),
}
"""Command → its module under lotus_tasks.cli, and what `--help` says of it. The command object has the command's name."""


click.Context.formatter_class = HelpPage


class LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"lotus_tasks.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.{cmd_name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of `--help`, which imports no command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


_SETTINGS = {"help_option_names": ["-h", "--help"], "color": True}
"""``color``: click takes nothing out of what goes to a pipe; what goes to a terminal, `guard_terminals` has in hand."""


@click.group(cls=LazyGroup, name="manage.py", context_settings=_SETTINGS)
def cli() -> None:
    """LOTUS remembers, watches, thinks and answers on this machine."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. No traceback reaches the user."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows ? for ✓
    guard_terminals()
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):  # a shell without job control does that to what it starts with &
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "_MANAGE_PY_COMPLETE" in os.environ:
        from lotus_tasks.cli.completing import complete

        return complete()
    given = None if arguments is None else list(arguments)
    try:
        result = cli.main(args=given, prog_name="manage.py", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else FAILED
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the last line of defence
        return _explain(error)
    return result if isinstance(result, int) else 0


def _explain(error: BaseException) -> int:
    """Says in one line what went wrong; returns the exit code that belongs to it."""
    code = FAILED
    # Bytes that are no UTF-8 arrive as lone surrogates (PEP 383), which nothing but a file's name may have.
    message = "what was given is not UTF-8" if isinstance(error, UnicodeEncodeError) else str(error)
    if isinstance(error, BrokenPipeError):
        # The reader has gone (`| head`): nothing to say, and Python's own flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        more = f" See `{context.command_path} --help`." if context else ""
        click.echo(f"lotus: {_in_one_line(' '.join(error.format_message().split()))}{more}", err=True, color=True)
        return error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.Abort, Cancelled)):
        message, code = "cancelled", CANCELLED
    elif isinstance(error, (NotRunning, ServiceDown)):
        message, code = message + _why_postgres_is_away(message), NOT_RUNNING
    elif _is_postgres_away(error):
        message, code = f"PostgreSQL went away: {message.strip().splitlines()[0]}", NOT_RUNNING
        message += _why_postgres_is_away(message)
    elif isinstance(error, (InvalidInput, UnicodeEncodeError)):
        code = USAGE
    elif isinstance(error, TimeoutError):
        code = TIMED_OUT
    elif not isinstance(error, LotusError):
        internal = f"internal error: {type(error).__name__}: {' '.join(message.split())[:300]}"
        message = _damage_of_postgres(error) or f"{internal}{_keep_traceback(error)}"
    said = message if isinstance(error, ConfigurationError) else _in_one_line(message)
    click.echo(f"lotus: {said}", err=True, color=True)
    return code


def _in_one_line(message: str) -> str:
    """Names and texts that a message repeats may have line ends, and any length. Only wrong settings have a line each."""
    line = one_line(message)
    left_out = len(line) - _BEGINNING - _END
    return line if left_out <= 0 else f"{line[:_BEGINNING]} … ({left_out:,} characters) … {line[-_END:]}"


def _is_postgres_away(error: BaseException) -> bool:
    """Whether psycopg, where this command loaded it, says that the server is no longer there; not that a file of it is (58…)."""
    psycopg = sys.modules.get("psycopg")
    is_lost = psycopg is not None and isinstance(error, psycopg.OperationalError) and bool(str(error).strip())
    return is_lost and not str(getattr(error, "sqlstate", None)).startswith("58")


def _damage_of_postgres(error: BaseException) -> str | None:
    """What a running PostgreSQL found damaged in its files, and which backup to restore."""
    psycopg = sys.modules.get("psycopg")
    if psycopg is None or not isinstance(error, psycopg.Error):
        return None
    from lotus_tasks.stack.postgres_words import diagnose

    home = Home.locate()
    found = diagnose([f"ERROR:  {' '.join(str(error).split())}"], home.postgres_data, home)
    return f"PostgreSQL: {found}" if found else None


def _why_postgres_is_away(message: str) -> str:
    """What the embedded PostgreSQL's own words say of it, where it is what doesn't answer or didn't come up last time."""
    from lotus_tasks.local.runtime import load_runtime
    from lotus_tasks.stack.postgres_words import explain_postgres

    if not message.startswith(("PostgreSQL", "LOTUS is not running")):
        return ""
    try:
        home = Home.locate()
        try:
            is_embedded = "postgres" in load_runtime(home).embedded
        except NotRunning:
            is_embedded = home.postgres_data.is_dir()
        trouble = explain_postgres(home) if is_embedded else None
    except LotusError:
        return ""
    return f" (PostgreSQL: {trouble})" if trouble else ""


def _keep_traceback(error: BaseException) -> str:
    """Writes the traceback to LOTUS_HOME/log/cli.log; says where, or nothing where that can't be."""
    import time
    import traceback

    try:
        path = Home.locate().log / "cli.log"
        with path.open("a", encoding="utf-8") as file:
            file.write(
                f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n{''.join(traceback.format_exception(error))}\n"
            )
    except (OSError, LotusError):
        return ""
    return f" (details in {path})"
