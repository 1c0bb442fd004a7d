#!/usr/bin/env python3
"""The whole of LOTUS in the foreground: says "✓ Loaded: memory" and so on as it comes up; Ctrl-C stops it cleanly."""

import sys

from lotus_tasks.environment import enter_environment

if __name__ == "__main__":
    enter_environment(__file__)
    from lotus_tasks.cli import main

    sys.exit(main(["up", "--foreground", *sys.argv[1:]]))
