"""Takes a process's lock and becomes its program: ``python -m lotus_tasks.infra.stack.launch LOCK [--as=UID:GID] -- COMMAND…``

The lock stays held through the exec and ends with the process, so that a name never runs twice in one home, whoever
started it. Exits with 75 (EX_TEMPFAIL) when it is held: the supervisor tries again.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from lotus_tasks.infra.locks import lock_holder, take_lock

WAIT_S = 5.0
"""A killed PostgreSQL's children hold its lock for a moment longer."""


def main(arguments: list[str]) -> NoReturn:
    """Becomes the program, or leaves."""
    split = arguments.index("--")
    path, command = Path(arguments[0]), arguments[split + 1 :]
    if take_lock(path, wait_s=WAIT_S, inheritable=True) is None:
        sys.stderr.write(f"{path.name} is already running in this LOTUS_HOME (process {lock_holder(path)})\n")
        sys.exit(75)
    for option in arguments[1:split]:
        user, group = option.removeprefix("--as=").split(":")
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    os.execvp(command[0], command)  # noqa: S606 - the command is LOTUS's own


if __name__ == "__main__":
    main(sys.argv[1:])
