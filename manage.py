#!/usr/bin/env python3
"""The command line of LOTUS: ``python manage.py --help``. Any Python from 3.11 on will do: it goes on in .venv."""

import sys

from lotus_tasks.environment import enter_environment

if __name__ == "__main__":
    enter_environment(__file__)
    from lotus_tasks.cli import main

    sys.exit(main())
