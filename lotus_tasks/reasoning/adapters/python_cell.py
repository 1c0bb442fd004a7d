"""Runs inside the box: gives up everything it can, then runs the program from standard input. Stdlib only; no LOTUS import.

Limits by setrlimit(2); files by Landlock (Linux 5.13, https://docs.kernel.org/userspace-api/landlock.html): Python's own
installation can be read, the current folder be used, nothing else be touched. Neither Landlock nor a network namespace keeps
a program from a Unix socket, and PostgreSQL's is one: so seccomp(2) takes away sockets, and with them starting processes.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from pathlib import Path

CPU_S, MEMORY_BYTES, FILE_BYTES = 10, 512 * 1024 * 1024, 1024 * 1024

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS
_ALL = (1 << 13) - 1  # every right of Landlock's first version
_READ = 0b1101  # execute, read a file, list a folder
_FILE_RIGHTS = 0b111  # those that a rule on a file may name

_SECCOMP, _FILTER = 22, 2  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_THREAD = 0x00010000  # CLONE_THREAD: a thread of one's own is no new process
_X32 = 0x40000000  # x86-64's second set of system calls
# socket, fork, vfork, ptrace, unshare, setns, mount, bpf, add_key, keyctl, process_vm_readv, process_vm_writev,
# perf_event_open, userfaultfd, io_uring_setup (which opens sockets, too): linux/arch/*/syscall*.tbl
_REFUSED = {
    "x86_64": (0xC000003E, 56, (41, 57, 58, 101, 272, 308, 165, 321, 248, 250, 310, 311, 298, 323, 425)),
    "aarch64": (0xC00000B7, 220, (198, 117, 97, 268, 40, 280, 217, 219, 270, 271, 241, 282, 425)),
}
_CLONE3 = 435


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


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
    code = _system_calls()
    _check(libc.prctl(_SECCOMP, _FILTER, ctypes.byref(_Program(len(code) // 8, code)), 0, 0))


def _system_calls() -> bytes:
    """The filter, in classic BPF: what is refused fails with EPERM; of clone(2), everything but a thread."""
    if platform.machine() not in _REFUSED:
        raise OSError(errno.ENOSYS, f"no list of system calls for {platform.machine()}")
    architecture, clone, refused = _REFUSED[platform.machine()]
    load, equal, at_least, has_bit, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    refuse = (answer, 0, 0, _REFUSE | errno.EPERM)
    code = [
        (load, 0, 0, 4),  # the architecture
        (equal, 1, 0, architecture),
        (answer, 0, 0, _KILL),
        (load, 0, 0, 0),  # the call's number
        (at_least, 0, 1, _X32),
        refuse,
    ]
    for number in refused:
        code += [(equal, 0, 1, number), refuse]
    code += [
        (equal, 0, 1, _CLONE3),  # its flags can't be looked at: as on a kernel without it, libc takes clone
        (answer, 0, 0, _REFUSE | errno.ENOSYS),
        (equal, 0, 3, clone),
        (load, 0, 0, 16),  # clone's flags
        (has_bit, 1, 0, _THREAD),
        refuse,
        (answer, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in code)


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
