#!/usr/bin/env python3
"""The command line of LOTUS: ``python manage.py --help``. Any Python from 3.11 on will do: it goes on in .venv."""

import sys

from lotus_tasks.environment import enter_environment

if __name__ == "__main__":
    try:
        enter_environment(__file__)
        from lotus_tasks.cli import main
    except KeyboardInterrupt:  # before there is anyone to say it in one line
        sys.exit(130)
    sys.exit(main())
