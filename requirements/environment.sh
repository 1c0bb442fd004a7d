# Makes .venv from a lock; read by start_lotus.sh and run_tests.sh, which stand in the project's folder.

say() { printf 'lotus: %s\n' "$*" >&2; }

find_python() { # sets PYTHON to the first Python from 3.11 on
    older=
    for PYTHON in python3.14 python3.13 python3.12 python3.11 python3 python; do
        command -v "$PYTHON" >/dev/null 2>&1 || continue
        # A name may be there without a Python behind it (version managers do that), so it has to run.
        version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.version_info >= (3, 11))' 2>/dev/null) || continue
        case $version in
            *True) return 0 ;;
            *) older=${version% *} ;;
        esac
    done
    if [ -n "$older" ]; then
        say "the newest Python here is $older; LOTUS needs 3.11 or newer. Install it (apt install python3.11, brew install python) and run this again"
    else
        say "there is no Python here; LOTUS needs 3.11 or newer. Install it (apt install python3, brew install python) and run this again"
    fi
    exit 1
}

make_environment() { # NAME of the lock
    # The lock that was installed lies in .venv: the same text means that there is nothing to do.
    if cmp -s "requirements/$1.lock" ".venv/installed-$1.lock" && [ -x .venv/bin/python ]; then return 0; fi
    printf 'LOTUS · first start: making the environment (once)\n'
    if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
        find_python
        if [ -e .venv ] && [ ! -e .venv/pyvenv.cfg ] && [ -n "$(ls -A .venv 2>/dev/null)" ]; then
            say ".venv is there and is no Python environment; move it away and run this again"
            exit 1
        fi
        if ! output=$("$PYTHON" -m venv --clear .venv 2>&1); then
            rm -rf .venv
            say "$PYTHON can't make an environment; install its venv module (apt install python3-venv) and run this again"
            printf '%s\n' "$output" | tail -n 3 >&2
            exit 1
        fi
    fi
    .venv/bin/python requirements/install.py "$1"
}
