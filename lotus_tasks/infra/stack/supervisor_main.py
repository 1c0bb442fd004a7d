"""supervisord, which goes on where its log can't be written: ``python -m lotus_tasks.infra.stack.supervisor_main …``

Where a line can't be written, supervisord itself writes the reason to stderr; ours stands on the same disk, so that on a full
one the second write fails as well, and would end it, and with it everything it looks after.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from supervisor import loggers, supervisord

_roll_over = loggers.RotatingFileHandler.doRollover


def drop_what_cannot_be_written() -> None:
    """From now on a log line that can't be written is left out; the log goes on when there is room again."""
    loggers.Handler.handleError = _drop
    loggers.RotatingFileHandler.doRollover = _roll_over_or_go_on


def _drop(_handler: loggers.Handler) -> None:
    """Nothing: there is nowhere to say it."""


def _roll_over_or_go_on(handler: loggers.RotatingFileHandler) -> None:
    with contextlib.suppress(OSError, ValueError):  # ValueError: the file was closed by a rollover that failed
        _roll_over(handler)
    if handler.stream.closed:
        with contextlib.suppress(OSError):
            handler.stream = Path(handler.baseFilename).open("ab")  # noqa: SIM115 - the handler keeps and closes it


if __name__ == "__main__":
    drop_what_cannot_be_written()
    supervisord.main()
