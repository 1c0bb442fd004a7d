#!/bin/sh
# One command: the environment with what the tests need, then ruff, mypy, bandit, pip-audit, the import contracts and pytest.
#   ./run_tests.sh            everything but chaos, in an order of its own each time, on two cores; ends with its slowest 20
#   ./run_tests.sh --smoke    the subset that tells within 30 s whether LOTUS works
#   ./run_tests.sh --chaos    every fault, for as long as it takes
#   ./run_tests.sh --pythons  the unit and contract tests on every Python from 3.11 on that is here, in an environment each (.venv-3.x)
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
    --pythons)
        shift
        failed=
        tried=
        for version in 3.11 3.12 3.13 3.14; do
            interpreter=$(find_version "$version") || continue
            tried="$tried $version"
            (make_environment test ".venv-$version" "$interpreter") || { failed="$failed $version"; continue; }
            printf 'Python %s\n' "$version"
            ".venv-$version/bin/python" -m pytest -q -n 2 --dist loadfile tests/unit tests/contract "$@" || failed="$failed $version"
        done
        if [ -z "$tried" ]; then say "there is no Python from 3.11 to 3.14 on the PATH or under ~/.pyenv/versions"; exit 1; fi
        if [ -n "$failed" ]; then say "failed on Python$failed"; exit 1; fi
        exit 0
        ;;
    ?*) exec "$python" -m pytest "$@" ;;
esac

# The advisories come over the network, while the rest goes on.
"$python" requirements/audit.py &
audit=$!
trap 'kill "$audit" 2>/dev/null || true' EXIT
"$python" -m ruff check .
"$python" -m bandit --quiet --recursive --configfile pyproject.toml lotus_tasks workers beat requirements celeryconfig.py manage.py nucleus.py
"$python" -m mypy
"$python" -c 'from importlinter.cli import lint_imports_command as check; check()'
wait "$audit"
trap - EXIT
# A file's tests stay together, as they share what is costly to start.
exec "$python" -m pytest -n 2 --dist loadfile -p randomly --durations=20
