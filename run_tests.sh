#!/bin/sh
# One command: the environment with what the tests need, then ruff, mypy, the import contracts and pytest.
#   ./run_tests.sh            everything but chaos, soak and scale
#   ./run_tests.sh --smoke    the subset that tells within 30 s whether LOTUS works
# Further arguments go to pytest, and then only pytest runs: ./run_tests.sh tests/unit -k settings
set -eu
cd "$(dirname "$0")"
. requirements/environment.sh
make_environment test
python=.venv/bin/python

if [ "${1-}" = --smoke ]; then
    shift
    exec "$python" -m pytest -q -m "smoke and not chaos and not soak and not scale" "$@"
fi
if [ $# -gt 0 ]; then exec "$python" -m pytest "$@"; fi

"$python" -m ruff check .
"$python" -m mypy
"$python" -c 'from importlinter.cli import lint_imports_command as check; check()'
exec "$python" -m pytest
