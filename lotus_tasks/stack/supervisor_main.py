"""supervisord, which never gives up: ``python -m lotus_tasks.stack.supervisor_main …``

What can't start is tried again for ever, at most LONGEST_PAUSE_S apart: a disk may be full for a day.

Where a line can't be written, supervisord itself writes the reason to stderr; ours stands on the same disk, so that on a full
one the second write fails as well, and would end it, and with it everything it looks after.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from supervisor import loggers, process, states, supervisord

LONGEST_PAUSE_S = 10
"""Between two tries of a program that ends as soon as it starts. supervisord itself lets the pause grow by a second a try."""

_change_state = process.Subprocess.change_state
_roll_over = loggers.RotatingFileHandler.doRollover


def drop_what_cannot_be_written() -> None:
    """From now on a log line that can't be written is left out; the log goes on when there is room again."""
    loggers.Handler.handleError = _drop
    loggers.RotatingFileHandler.doRollover = _roll_over_or_go_on


def try_for_ever() -> None:
    """From now on no program ends in FATAL, and none waits for longer than LONGEST_PAUSE_S to be tried again."""
    process.Subprocess.change_state = _change_state_and_try_on


def _change_state_and_try_on(
    program: process.Subprocess,
    new_state: states.ProcessStates,
    expected: bool = True,  # noqa: FBT001, FBT002 - supervisord's own signature
) -> object:
    if new_state == states.ProcessStates.BACKOFF:
        program.backoff = min(program.backoff, LONGEST_PAUSE_S - 1)
    return _change_state(program, new_state, expected)


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
    try_for_ever()
    supervisord.main()
