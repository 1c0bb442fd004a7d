#!/bin/sh
# One command: the environment with what the tests need, then ruff, mypy, the import contracts and pytest.
#   ./run_tests.sh            everything but chaos, in an order of its own each time, on two cores; ends with its slowest 20
#   ./run_tests.sh --smoke    the subset that tells within 30 s whether LOTUS works
#   ./run_tests.sh --chaos    every fault, for as long as it takes
# Further arguments go to pytest, and then only pytest runs: ./run_tests.sh tests/unit -k settings
# An order is repeated with -p randomly --randomly-seed=N; pytest's head prints the number.
set -eu
cd "$(dirname "$0")"
. requirements/environment.sh
make_environment test
python=.venv/bin/python

case ${1-} in
    --smoke)
        shift
        # Only the files that have such a test are read: reading them all takes longer than the tests.
        exec "$python" -m pytest -q -m "smoke and not chaos" $(grep -rl --include='test_*.py' 'mark\.smoke' tests) "$@"
        ;;
    --chaos)
        shift
        exec "$python" -m pytest -m chaos "$@"
        ;;
    ?*) exec "$python" -m pytest "$@" ;;
esac

"$python" -m ruff check .
"$python" -m mypy
"$python" -c 'from importlinter.cli import lint_imports_command as check; check()'
# A file's tests stay together, as they share what is costly to start.
exec "$python" -m pytest -n 2 --dist loadfile -p randomly --durations=20
