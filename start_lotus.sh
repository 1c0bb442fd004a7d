#!/bin/sh
# One command: makes the environment once (.venv, from the lock), then starts LOTUS. Run again it changes nothing.
# Options go to `manage.py up` (--foreground).
set -eu
cd "$(dirname "$0")"
. requirements/environment.sh
make_environment lotus
exec .venv/bin/python manage.py up "$@"
