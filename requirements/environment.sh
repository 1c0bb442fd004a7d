# Makes .venv, or another environment, from a lock; read by start_lotus.sh and run_tests.sh, which stand in the project's folder.

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

find_version() { # prints a Python of exactly this version (3.13), from the PATH or from pyenv; fails where there is none
    for candidate in "python$1" "${HOME-}"/.pyenv/versions/"$1".*/bin/python; do
        found=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        if [ "$found" = "$1" ]; then printf '%s\n' "$candidate"; return 0; fi
    done
    return 1
}

make_environment() { # NAME of the lock [FOLDER of the environment, PYTHON that it is made with]
    environment=${2:-.venv}
    # The lock that was installed lies in the environment: the same text means that there is nothing to do.
    if cmp -s "requirements/$1.lock" "$environment/installed-$1.lock" && [ -x "$environment/bin/python" ]; then return 0; fi
    printf 'LOTUS · first start: making the environment (once)\n'
    if ! "$environment/bin/python" -c 'import pip' >/dev/null 2>&1; then
        if [ -n "${3-}" ]; then PYTHON=$3; else find_python; fi
        if [ -e "$environment" ] && [ ! -e "$environment/pyvenv.cfg" ] && [ -n "$(ls -A "$environment" 2>/dev/null)" ]; then
            say "$environment is there and is no Python environment; move it away and run this again"
            exit 1
        fi
        if ! output=$("$PYTHON" -m venv --clear "$environment" 2>&1); then
            rm -rf "$environment"
            say "$PYTHON can't make an environment; install its venv module (apt install python3-venv) and run this again"
            printf '%s\n' "$output" | tail -n 3 >&2
            exit 1
        fi
    fi
    "$environment/bin/python" requirements/install.py "$1"
}
