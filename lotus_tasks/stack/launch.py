"""Takes a process's lock and becomes its program: ``python -m lotus_tasks.stack.launch LOCK [OPTION…] -- COMMAND…``

The lock stays held through the exec and ends with the process, so that a name never runs twice in one home, whoever
started it. Exits with 75 (EX_TEMPFAIL) when it is held: the supervisor tries again.

Options: ``--store=NAME`` makes a service's files ready first, under the lock; ``--as=UID:GID`` is who it runs as.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from lotus_tasks.local.locks import lock_holder, take_lock

WAIT_S = 5.0
"""A killed PostgreSQL's children hold its lock for a moment longer."""


def main(arguments: list[str]) -> NoReturn:
    """Becomes the program, or leaves."""
    split = arguments.index("--")
    path, command = Path(arguments[0]), arguments[split + 1 :]
    if take_lock(path, wait_s=WAIT_S, inheritable=True) is None:
        sys.stderr.write(f"{path.name} is already running in this LOTUS_HOME (process {lock_holder(path)})\n")
        sys.exit(75)
    options = dict(option.removeprefix("--").split("=", 1) for option in arguments[1:split])
    if "store" in options:
        make_files_ready(options["store"], command)
    if "as" in options:
        user, group = options["as"].split(":")
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    os.execvp(command[0], command)  # noqa: S606 - the command is LOTUS's own


def make_files_ready(name: str, command: Sequence[str]) -> None:
    """What a service's files need before it begins. What can't be done is said, and the service's own words say the rest."""
    from lotus_tasks.local.home import Home
    from lotus_tasks.stack import chroma, postmaster, valkey
    from lotus_tasks.stack.rebuildable import make_ready

    home = Home.locate()
    try:
        if name == "postgres":
            postmaster.remove_stale_locks(command)
        else:
            make_ready(home, (chroma if name == "chroma" else valkey).store(home, command))
    except OSError as error:
        sys.stderr.write(f"the files of {name} were not made ready: {error}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
