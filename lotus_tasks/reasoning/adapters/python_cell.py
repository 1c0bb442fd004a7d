"""Runs inside the box: gives up everything it can, then runs the program. Stdlib only; no LOTUS import.

Standard input holds one line of JSON, the orders (python_box.py writes them), and then the program. One after the other:
limits by setrlimit(2); a root of its own, in which nothing else of this machine exists (mount(2), pivot_root(2)), unless
bubblewrap has made one; another user where root started it, and no capability; Landlock with every right that the kernel
knows (https://docs.kernel.org/userspace-api/landlock.html); and the system calls of the list, no other (seccomp(2)).
"""

import ctypes
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

CPU_S, MEMORY_BYTES, FILE_BYTES, FOLDER_BYTES = 10, 512 * 1024 * 1024, 1024 * 1024, 64 * 1024 * 1024
UNCONFINED = 97
FOLDER = "/box"
NOBODY = 60600  # of 60578 to 61183, which nobody has: https://systemd.io/UIDS-GIDS/
MOST_NAMES = 20_000
MOST_THREADS = 256

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_PATH_BENEATH, _VERSION = 1, 1
_RIGHTS = (13, 14, 15, 15, 16)  # how many rights on files each version of Landlock knows, the first one first
_READ = 0b1101  # execute, read a file, list a folder
_OF_FILE = 0b111 | 1 << 14 | 1 << 15  # those that a rule on a file may name: with truncate and ioctl
_NETWORK, _SCOPES = 0b11, 0b11  # bind and connect (version 4); abstract sockets and signals (version 6)
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_BIND, _RECURSIVE, _PRIVATE, _REMOUNT = 0x1000, 0x4000, 1 << 18, 0x20
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _NO_PROGRAMS = 1, 2, 4, 8
_DETACH = 2
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER, _DROP, _DUMPABLE = 38, 22, 2, 24, 4  # of prctl(2)

libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


class _Ruleset(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("files", "network", "scopes"))


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def confine(orders: dict[str, Any]) -> None:
    """Raises OSError where the kernel can't."""
    limits = {
        resource.RLIMIT_CPU: CPU_S,
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if orders["counts_threads"]:
        limits[resource.RLIMIT_NPROC] = MOST_THREADS
    for which, value in limits.items():
        resource.setrlimit(which, (value, value))
    if orders["makes_root"]:
        enter_root(orders)
    os.chdir(FOLDER)
    give_up_rights(orders["user"])
    restrict_files(orders["readable"])
    code = bytes.fromhex(orders["filter"])
    check(libc.prctl(_SECCOMP, _FILTER, ctypes.byref(_Program(len(code) // 8, code)), 0, 0))


def enter_root(orders: dict[str, Any]) -> None:
    """A root that holds what Python needs, read-only, and an empty folder of FOLDER_BYTES in memory."""
    user = orders["user"] or 0
    new = Path(orders["scratch"])
    mount("none", "/", flags=_RECURSIVE | _PRIVATE)
    mount("tmpfs", new, kind="tmpfs", flags=_NO_SETUID | _NO_DEVICES, options="size=1m,mode=755")
    devices = [path for path in orders["readable"] if path.startswith("/dev/")]
    for path in orders["readable"]:
        bind(Path(path), new / path.lstrip("/"), is_device=path in devices)
    (new / FOLDER.lstrip("/")).mkdir()
    options = f"size={FOLDER_BYTES},nr_inodes={MOST_NAMES},mode=700,uid={user},gid={user}"
    mount(
        "tmpfs", new / FOLDER.lstrip("/"), kind="tmpfs", flags=_NO_SETUID | _NO_DEVICES | _NO_PROGRAMS, options=options
    )
    os.chdir(new)
    check(libc.syscall(_PIVOT_ROOT[os.uname().machine], b".", b"."))
    check(libc.umount2(b".", _DETACH))
    mount("none", "/", flags=_REMOUNT | _BIND | _READ_ONLY | _NO_SETUID | _NO_DEVICES)


def bind(path: Path, place: Path, *, is_device: bool) -> None:
    """A link stays a link: where /lib leads to /usr/lib, it does so inside."""
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if path.is_symlink():
        if not place.is_symlink():
            place.symlink_to(path.readlink())
        return
    if place.exists() and not is_device and place.samefile(path):
        return  # it lies in one that is there already
    if path.is_dir():
        place.mkdir(exist_ok=True)
    else:
        place.touch()
    mount(path, place, flags=_BIND | _RECURSIVE)
    closed = _READ_ONLY | _NO_SETUID | (0 if is_device else _NO_DEVICES)
    mount("none", place, flags=_REMOUNT | _BIND | closed | kept_flags(place))


def kept_flags(place: Path) -> int:
    """In a user namespace a mount keeps the restrictions that it had outside."""
    return os.statvfs(place).f_flag & (_NO_SETUID | _NO_DEVICES | _NO_PROGRAMS)


def give_up_rights(user: int | None) -> None:
    """No capability is left, and none can be had again."""
    for capability in range(64):
        libc.prctl(_DROP, capability, 0, 0, 0)  # fails for those that this kernel hasn't
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    check(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    check(libc.capset(header, (ctypes.c_uint32 * 6)()))
    check(libc.prctl(_DUMPABLE, 0, 0, 0, 0))


def restrict_files(readable: list[str]) -> None:
    """Landlock: what is in ``readable`` can be read, the folder used, nothing else be touched."""
    version = check(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION))
    every = (1 << _RIGHTS[min(version, len(_RIGHTS)) - 1]) - 1
    attributes = _Ruleset(every, _NETWORK if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = check(libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0))
    for path, rights in [*((path, _READ) for path in readable), ("/dev/null", _OF_FILE), (FOLDER, every)]:
        if not Path(path).exists():
            continue
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = _Rule((rights if Path(path).is_dir() else rights & _OF_FILE) & every, handle)
        check(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
        os.close(handle)
    check(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def mount(
    source: str | Path, target: str | Path, *, kind: str | None = None, flags: int = 0, options: str | None = None
) -> None:
    """The system call of that name. Raises OSError."""
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    check(libc.mount(*texts[:3], ctypes.c_ulong(flags), texts[3]))


def check(answer: int) -> int:
    """The answer of a call, or its OSError."""
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


if __name__ == "__main__":
    orders_line, _, program = sys.stdin.read().partition("\n")
    try:
        confine(json.loads(orders_line))
    except OSError as error:
        sys.stderr.write(f"this machine can't shut a program off ({error})\n")
        sys.exit(UNCONFINED)
    exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})  # noqa: S102 - that is what the cell is for
