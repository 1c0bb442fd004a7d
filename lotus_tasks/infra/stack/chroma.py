"""The embedded Chroma: the Rust server of the chromadb wheel, on 127.0.0.1.

``python -m lotus_tasks.infra.stack.chroma run …`` is `chroma run` without the import of the whole Python package: 14 MB
and 0.03 s instead of 90 MB and 0.6 s before the server begins. It ends when its database file is gone: the server would go
on for ever, answering from a file that nobody sees and failing every write. The supervisor starts it anew.
"""

from __future__ import annotations

import http.client
import os
import signal
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

from lotus_tasks.infra.home import Home
from lotus_tasks.infra.stack.programs import Program

_LOOK_EVERY_S: Final = 2.0


def program(home: Home, port: int) -> Program:
    """Its process. It has no authentication of its own, so it holds no text (only ids, vectors and small metadata)."""
    data = home.data / "chroma"
    data.mkdir(mode=0o700, exist_ok=True)
    arguments = ["run", "--path", str(data), "--host", "127.0.0.1", "--port", str(port)]
    return Program(
        name="chroma", command=[sys.executable, "-m", "lotus_tasks.infra.stack.chroma", *arguments], group="services"
    )


def answers(host: str, port: int) -> bool:
    """Whether it takes requests."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/api/v2/heartbeat")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def installed_version() -> str:
    """The wheel's version; the server itself tells only its API's."""
    return version("chromadb")


def main(arguments: list[str]) -> None:
    """Becomes the server."""
    import chromadb_rust_bindings

    # Python's own handler would never run: the main thread stays in Rust.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    data = Path(arguments[arguments.index("--path") + 1])
    data.mkdir(mode=0o700, exist_ok=True)
    database = data / "chroma.sqlite3"
    database.touch(mode=0o600)  # So that there is a file to watch from the beginning; the server fills an empty one.
    watch = (database, database.stat().st_ino)
    threading.Thread(target=_end_without, args=watch, name="watch", daemon=True).start()
    chromadb_rust_bindings.cli(["chroma", *arguments])


def _end_without(file: Path, inode: int) -> None:
    """End the process when the file of this inode is removed or replaced."""
    while _inode(file) == inode:
        time.sleep(_LOOK_EVERY_S)
    sys.stderr.write(f"{file} is gone; Chroma ends, to begin anew\n")
    sys.stderr.flush()
    os._exit(1)  # The main thread is in Rust and would not hear of it.


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
