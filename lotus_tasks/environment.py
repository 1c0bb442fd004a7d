"""Goes on in the project's .venv, whichever Python a script was begun with. Written so that any Python 3 can read it."""

import os
import sys

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - no import that costs time
OLDEST = (3, 11)


def enter_environment(script: str) -> None:
    """Become the .venv's Python; without a .venv go on here if the packages are, else leave with code 1 and say what to do."""
    environment = os.path.join(PROJECT, ".venv")  # noqa: PTH118
    python = os.path.join(environment, "bin", "python")  # noqa: PTH118
    if sys.getfilesystemencoding() == "ascii" and os.environ.get("PYTHONUTF8") != "1":
        # LC_ALL=POSIX with UTF-8 mode off: arguments, names and text would lose every other letter. Children speak UTF-8, too.
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, script, *sys.argv[1:]])  # noqa: S606 - this very Python
    if os.path.realpath(sys.prefix) == os.path.realpath(environment):
        return
    if os.access(python, os.X_OK):
        os.execv(python, [python, script, *sys.argv[1:]])  # noqa: S606 - our own environment
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:2]))
        sys.stderr.write("lotus: this is Python " + found + "; LOTUS needs 3.11 or newer. Run ./start_lotus.sh\n")
        sys.exit(1)
    from importlib.util import find_spec

    if find_spec("click") is None or find_spec("celery") is None:
        sys.stderr.write("lotus: there is no environment yet. Run ./start_lotus.sh, which makes it and starts LOTUS\n")
        sys.exit(1)
