"""``python -m tests.commands FILE``: many commands in one process, as `manage.py` runs each. FILE: a JSON list of argument lists.

After each comes a line of its own on both streams, ENDED with the exit code, written past whatever LOTUS puts around a stream.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ENDED = "#ended:"


def run_all(commands: list[list[str]]) -> None:
    """Run them one after the other."""
    from lotus_tasks.cli import main

    for arguments in commands:
        code = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        for stream in (1, 2):
            os.write(stream, f"\n{ENDED}{code}\n".encode())


if __name__ == "__main__":
    run_all(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
