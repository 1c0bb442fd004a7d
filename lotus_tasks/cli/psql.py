"""`psql`: the database, opened."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

import click
from psycopg.conninfo import conninfo_to_dict

from lotus_tasks.errors import ConfigurationError, NotFound
from lotus_tasks.local.runtime import load_runtime

_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open LOTUS's database with psql; ARGUMENTS are psql's own (`psql -c 'select 1'`).

    With a psql of your own: PGHOST=~/.lotus/run psql -U lotus -d lotus. `manage.py doctor` prints that line for this LOTUS.
    """
    runtime = load_runtime()
    binary = _find_psql(embedded="postgres" in runtime.embedded)
    # Through the environment: a command line, and the password in it, can be read by everyone on the machine.
    for name, value in conninfo_to_dict(runtime.database_url).items():
        if name in _VARIABLES and value is not None:
            os.environ[_VARIABLES[name]] = str(value)
    sys.stdout.flush()
    os.execv(binary, ["psql", *arguments])  # noqa: S606 - psql itself


def shell_line(database_url: str) -> str:
    """The command that opens the embedded database with any psql."""
    host, user, name = (str(conninfo_to_dict(database_url)[key]) for key in ("host", "user", "dbname"))
    return f"PGHOST={shlex.quote(host)} psql -U {user} -d {name}"


def _find_psql(*, embedded: bool) -> str:
    if embedded:
        from lotus_tasks.stack.postgres import find_binaries

        return str(find_binaries() / "psql")
    found = shutil.which("psql")
    if found is None:
        try:
            from lotus_tasks.stack.postgres import find_binaries

            return str(find_binaries() / "psql")
        except ConfigurationError as error:
            raise NotFound("psql is not installed; install PostgreSQL's client") from error
    return found
