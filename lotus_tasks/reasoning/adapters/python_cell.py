"""Runs inside the box: gives up everything it can, then runs the program from standard input. Stdlib only; no LOTUS import.

Limits by setrlimit(2); files by Landlock (Linux 5.13, https://docs.kernel.org/userspace-api/landlock.html): Python's own
installation can be read, the current folder be used, nothing else be touched.
"""

import ctypes
import os
import resource
import sys
from pathlib import Path

CPU_S, MEMORY_BYTES, FILE_BYTES = 10, 512 * 1024 * 1024, 1024 * 1024

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS
_ALL = (1 << 13) - 1  # every right of Landlock's first version
_READ = 0b1101  # execute, read a file, list a folder
_FILE_RIGHTS = 0b111  # those that a rule on a file may name


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def confine() -> None:
    """Raises OSError where the kernel has no Landlock."""
    limits = {
        resource.RLIMIT_CPU: CPU_S,
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    for which, value in limits.items():
        resource.setrlimit(which, (value, value))
    libc = ctypes.CDLL(None, use_errno=True)
    ruleset = _check(libc.syscall(_CREATE_RULESET, ctypes.byref(ctypes.c_uint64(_ALL)), ctypes.c_size_t(8), 0))
    readable = {sys.prefix, sys.base_prefix, "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/dev/urandom"}
    for path, rights in [*((path, _READ) for path in readable), ("/dev/null", _FILE_RIGHTS), (".", _ALL)]:
        if not Path(path).exists():
            continue
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = _Rule(rights if Path(path).is_dir() else rights & _FILE_RIGHTS, handle)
        _check(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
        os.close(handle)
    _check(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _check(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _check(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


if __name__ == "__main__":
    program = sys.stdin.read()
    try:
        confine()
    except OSError as error:
        sys.stderr.write(f"the program was not run: this machine can't keep it from the files ({error})\n")
        sys.exit(97)
    exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})  # noqa: S102 - that is what the cell is for
