"""Lock files that keep the embedded PostgreSQL from starting although nobody uses its folder. Stdlib only.

PostgreSQL takes any living process of the id in postmaster.pid for another server. After a power cut or a crash that id may
by now belong to something else, or the file may be empty, and then it would never start again. Called under LOTUS's own lock,
so no server of this LOTUS can be running; one that somebody started by hand on this folder is known by its working folder,
which is the data folder (src/backend/utils/init/miscinit.c, CreateLockFile).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PROC = Path("/proc")


def remove_stale_locks(command: Sequence[str]) -> None:
    """Remove the lock files of ``command``'s data folder and socket that no PostgreSQL stands behind. Raises OSError."""
    data = Path(command[command.index("-D") + 1])
    folders = [word.partition("=")[2].strip('"') for word in command if word.startswith("unix_socket_directories=")]
    locks = [data / "postmaster.pid", *(lock for folder in folders for lock in Path(folder).glob(".s.PGSQL.*.lock"))]
    for lock in locks:
        if lock.is_dir() or not lock.exists():
            continue
        first = lock.read_text(encoding="ascii", errors="replace").split("\n")[0].strip()
        pid = abs(int(first)) if first.lstrip("-").isdigit() else 0
        if not pid or not _is_server_on(data, pid):
            lock.unlink()
            whose = f"of process {pid}, which is no PostgreSQL of this folder" if pid else "without a process id"
            sys.stdout.write(f"lotus: removed {lock}, a lock {whose}\n")
            sys.stdout.flush()


def _is_server_on(data: Path, pid: int) -> bool:
    """Whether the process is a PostgreSQL that may be using ``data``. In doubt it is."""
    try:
        if (_PROC / "self").exists():
            if not (_PROC / str(pid)).exists():
                return False
            if "postgres" not in (_PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace"):
                return False
            return (_PROC / str(pid) / "cwd").resolve() == data.resolve()
        named = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], check=False, capture_output=True, text=True)
    except (FileNotFoundError, ProcessLookupError):
        return False
    except OSError:
        return True
    return "postgres" in named.stdout
