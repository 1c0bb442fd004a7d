"""Places at which the tests kill the process that gets there, as a power cut would.

Nothing happens unless LOTUS_TEST_CRASH_AT names a folder: a file in it called ``<point>@<task>`` arms that point, once.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

_FOLDER = os.environ.get("LOTUS_TEST_CRASH_AT", "")


def crash_point(point: str, task: str) -> None:
    """Die here, if this point is armed. The file's number says how often to pass it first."""
    if not _FOLDER:
        return
    trap = Path(_FOLDER, f"{point}@{task}")
    try:
        passes = int(trap.read_text() or 0)
        trap.unlink()
    except FileNotFoundError:
        return
    if passes:
        trap.write_text(str(passes - 1))
        return
    os.kill(os.getpid(), signal.SIGKILL)
