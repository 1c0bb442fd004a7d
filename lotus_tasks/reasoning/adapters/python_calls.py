"""Which system calls a program in the box may make, as a filter for seccomp(2) in classic BPF.

A list of what is allowed: a call that a later kernel brings is refused until someone has thought about it. Numbers: Linux's
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h, which ARM64 uses.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping

ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
"""SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO (with the error's number), SECCOMP_RET_KILL_PROCESS."""
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32 = 0x40000000  # x86-64's second set of system calls
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # places in struct seccomp_data

# Neither here: what starts a program or a process, opens a socket to anything, changes an owner or an attribute, makes a
# device, signals or looks into another process, shares memory outside the limits (System V, memfd, fallocate), waits on files,
# mounts, changes namespaces, keys, the clock or the kernel, and io_uring, which does many of these without asking seccomp.
_ALLOWED: Mapping[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62), "mmap": (9, 222), "mprotect":
    (10, 226), "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216), "msync": (26, 227), "mincore": (27, 232),
    "madvise": (28, 233), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132),
    "pause": (34, None), "tgkill": (234, 131), "restart_syscall": (219, 128), "pread64": (17, 67), "pwrite64": (18, 68),
    "readv": (19, 65), "writev": (20, 66), "preadv": (295, 69), "pwritev": (296, 70), "preadv2": (327, 286), "pwritev2":
    (328, 287), "sendfile": (40, 71), "copy_file_range": (326, 285), "fadvise64": (221, 223), "access": (21, None),
    "faccessat": (269, 48), "faccessat2": (439, 439), "open": (2, None), "openat": (257, 56), "creat": (85, None), "stat":
    (4, None), "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291), "statfs": (137, 43), "fstatfs": (138,
    44), "readlink": (89, None), "readlinkat": (267, 78), "getdents": (78, None), "getdents64": (217, 61), "getcwd": (79,
    17), "chdir": (80, 49), "fchdir": (81, 50), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276),
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35), "link":
    (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "truncate": (76, 45), "ftruncate":
    (77, 46), "flock": (73, 32), "fsync": (74, 82), "fdatasync": (75, 83), "umask": (95, 166), "chmod": (90, None),
    "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10),
    "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13), "pipe": (22, None), "pipe2": (293, 59),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "fcntl": (72, 25), "close_range": (436, 436), "select": (23,
    None), "pselect6": (270, 72), "poll": (7, None), "ppoll": (271, 73), "epoll_create": (213, None), "epoll_create1":
    (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22), "epoll_pwait2": (441, 441),
    "eventfd": (284, None), "eventfd2": (290, 19), "timerfd_create": (283, 85), "timerfd_settime": (286, 86),
    "timerfd_gettime": (287, 87), "signalfd": (282, None), "signalfd4": (289, 74), "sendto": (44, 206), "recvfrom": (45,
    207), "sendmsg": (46, 211), "recvmsg": (47, 212), "shutdown": (48, 210), "getsockname": (51, 204), "getpeername": (52,
    205), "getsockopt": (55, 209), "setsockopt": (54, 208), "nanosleep": (35, 101), "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None), "times":
    (100, 153), "alarm": (37, None), "setitimer": (38, 103), "getitimer": (36, 102), "getpid": (39, 172), "getppid": (110,
    173), "gettid": (186, 178), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "getgroups": (115, 158), "getresuid": (118, 148), "getresgid": (120, 150), "getpgrp": (111, None), "getpgid": (121,
    155), "getsid": (124, 156), "uname": (63, 160), "sysinfo": (99, 179), "getrusage": (98, 165), "getrlimit": (97, 163),
    "getcpu": (309, 168), "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getrandom": (318, 278), "exit": (60,
    93), "exit_group": (231, 94), "wait4": (61, 260), "waitid": (247, 95), "arch_prctl": (158, None), "set_tid_address":
    (218, 96), "set_robust_list": (273, 99), "get_robust_list": (274, 100), "rseq": (334, 293), "membarrier": (324, 283),
    "futex": (202, 98), "futex_waitv": (449, 449), "futex_wait": (455, 455), "futex_wake": (454, 454), "futex_requeue":
    (456, 456),
}  # fmt: skip
_THREAD = 0x00010000  # CLONE_THREAD: a thread of one's own is no new process
_NAMESPACES = 0x7E020080  # CLONE_NEW*: time, mount, cgroup, uts, ipc, user, pid and network
_OF_FLAGS = {"clone": (56, 220), "clone3": (435, 435)}
_BY_ARGUMENT: Mapping[str, tuple[tuple[int, int], int, int, tuple[int, ...]]] = {
    # (numbers), which argument, what of it counts, its allowed values
    "ioctl": ((16, 29), 1, 0xFFFFFFFF, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),  # TCGETS, sizes, FIONBIO, FIOCLEX
    "prctl": ((157, 167), 0, 0xFFFFFFFF, (15, 16)),  # the thread's name
    "socketpair": ((53, 199), 1, 0xFF, (1,)),  # a stream: one of datagrams could be sent elsewhere
}  # fmt: skip
_PRLIMIT = (302, 261)

Line = tuple[int, int, int, int]


def allowed_calls(machine: str) -> dict[str, int]:
    """The calls that are allowed whatever their arguments. Raises KeyError for a machine without a list."""
    column = _ARCHITECTURES[machine][1]
    return {name: number for name, numbers in _ALLOWED.items() if (number := numbers[column]) is not None}


def call_filter(machine: str) -> bytes:
    """The filter. What is refused fails with EPERM. Raises KeyError for a machine without a list."""
    architecture, column = _ARCHITECTURES[machine]
    refuse = (_ANSWER, 0, 0, REFUSE | errno.EPERM)
    code: list[Line] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_ANSWER, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        refuse,
    ]
    for number in allowed_calls(machine).values():
        code += [(_EQUAL, 0, 1, number), (_ANSWER, 0, 0, ALLOW)]
    # clone3's flags can't be looked at: as on a kernel without it, libc takes clone
    code += [(_EQUAL, 0, 1, _OF_FLAGS["clone3"][column]), (_ANSWER, 0, 0, REFUSE | errno.ENOSYS)]
    code += _when(_OF_FLAGS["clone"][column], [
        (_LOAD, 0, 0, _ARGUMENTS), (_ANY_BIT, 2, 0, _NAMESPACES), (_ANY_BIT, 0, 1, _THREAD), (_ANSWER, 0, 0, ALLOW), refuse,
    ])  # fmt: skip
    for numbers, argument, mask, values in _BY_ARGUMENT.values():
        look: list[Line] = [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), (0x54, 0, 0, mask)]
        for value in values:
            look += [(_EQUAL, 0, 1, value), (_ANSWER, 0, 0, ALLOW)]
        code += _when(numbers[column], [*look, refuse])
    # a limit may be asked for, of oneself, not set: no process and no new limit, each of 64 bits
    code += _when(_PRLIMIT[column], [
        (_LOAD, 0, 0, _ARGUMENTS + 16), (_EQUAL, 0, 3, 0), (_LOAD, 0, 0, _ARGUMENTS + 20), (_EQUAL, 0, 1, 0),
        (_ANSWER, 0, 0, ALLOW), refuse,
    ])  # fmt: skip
    code.append(refuse)
    return b"".join(struct.pack("=HBBI", *line) for line in code)


def _when(number: int, then: list[Line]) -> list[Line]:
    """``then``, each way through which ends in an answer, for the call of this number alone."""
    return [(_EQUAL, 0, len(then), number), *then]
