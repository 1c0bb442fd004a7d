"""The filter of system calls, run by hand over calls of both machines: this machine could only try its own."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from lotus_tasks.reasoning.adapters.python_calls import ALLOW, KILL, REFUSE, allowed_calls, call_filter

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
REFUSED = REFUSE | errno.EPERM
# From asm/unistd_64.h and asm-generic/unistd.h.
ATTACKS = {
    "x86_64": {
        "chown": 92, "fchown": 93, "lchown": 94, "fchownat": 260, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190,
        "removexattr": 197, "shmget": 29, "shmat": 30, "msgget": 68, "semget": 64, "mq_open": 240, "memfd_create": 319,
        "memfd_secret": 447, "fallocate": 285, "mlock": 149, "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "kill": 62,
        "tkill": 200, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_open": 434,
        "pidfd_send_signal": 424, "pidfd_getfd": 438, "io_uring_setup": 425, "io_uring_enter": 426, "socket": 41, "connect": 42,
        "bind": 49, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308, "fsopen": 430,
        "open_tree": 428, "move_mount": 429, "mount_setattr": 442, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "keyctl": 250, "add_key": 248, "mknod": 133, "mknodat": 259, "openat2": 437, "open_by_handle_at": 304, "setuid": 105,
        "setresuid": 117, "setrlimit": 160, "personality": 135, "inotify_add_watch": 254, "seccomp": 317, "capset": 126,
        "sched_setaffinity": 203, "setpriority": 141, "setsid": 112, "clock_settime": 227, "reboot": 169, "kexec_load": 246,
    },
    "aarch64": {
        "fchown": 55, "fchownat": 54, "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "shmget": 194,
        "shmat": 196, "msgget": 186, "semget": 190, "mq_open": 180, "memfd_create": 279, "memfd_secret": 447, "fallocate": 47,
        "mlock": 228, "execve": 221, "execveat": 281, "kill": 129, "tkill": 130, "ptrace": 117, "process_vm_readv": 270,
        "process_vm_writev": 271, "pidfd_open": 434, "pidfd_send_signal": 424, "pidfd_getfd": 438, "io_uring_setup": 425,
        "io_uring_enter": 426, "socket": 198, "connect": 203, "bind": 200, "mount": 40, "umount2": 39, "pivot_root": 41,
        "chroot": 51, "unshare": 97, "setns": 268, "fsopen": 430, "open_tree": 428, "move_mount": 429, "mount_setattr": 442,
        "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "keyctl": 219, "add_key": 217, "mknodat": 33, "openat2": 437,
        "open_by_handle_at": 265, "setuid": 146, "setresuid": 147, "setrlimit": 164, "personality": 92,
        "inotify_add_watch": 27, "seccomp": 277, "capset": 91, "sched_setaffinity": 122, "setpriority": 140, "setsid": 157,
        "clock_settime": 112, "reboot": 142, "kexec_load": 104,
    },
}  # fmt: skip


LATER = {"fchmodat2", "futex_wait", "futex_wake", "futex_requeue"}
"""Of Linux 6.6 and 6.7."""


def answer(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the kernel's interpreter of classic BPF would return."""
    values = [value & (1 << 64) - 1 for value in (*arguments, *(0,) * (6 - len(arguments)))]
    data = struct.pack("=IIQ6Q", number, audit or AUDIT[machine], 0, *values)
    lines = list(struct.iter_unpack("=HBBI", call_filter(machine)))
    assert len(lines) <= 4096
    accumulator = place = 0
    while True:
        code, yes, no, value = lines[place]
        place += 1
        match code:
            case 0x20:
                accumulator = struct.unpack_from("=I", data, value)[0]
            case 0x54:
                accumulator &= value
            case 0x06:
                return value
            case 0x15 | 0x35 | 0x45:
                holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
                place += yes if holds else no
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


@pytest.fixture(params=sorted(AUDIT))
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def numbers(machine: str) -> dict[str, int]:
    names = ("clone", "clone3", "ioctl", "prctl", "prlimit64", "socketpair")
    return dict(
        zip(
            names,
            {"x86_64": (56, 435, 16, 157, 302, 53), "aarch64": (220, 435, 29, 167, 261, 199)}[machine],
            strict=True,
        )
    )


def test_every_attack_is_refused(machine: str):
    assert {name for name, number in ATTACKS[machine].items() if answer(machine, number) != REFUSED} == set()


def test_every_call_of_the_list_is_allowed_and_no_other(machine: str):
    allowed = set(allowed_calls(machine).values())
    assert len(allowed) == len(allowed_calls(machine)), "two names have one number"
    special = set(numbers(machine).values())
    assert {number for number in range(600) if answer(machine, number) == ALLOW} - special == allowed


def test_the_number_of_another_architecture_ends_the_program(machine: str):
    assert answer(machine, 0, audit=0x40000003) == KILL
    assert answer("x86_64", 0x40000000 | 1) == REFUSED  # x32


@pytest.mark.parametrize(
    ("machine", "header"),
    [("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), ("aarch64", "/usr/include/asm-generic/unistd.h")],
)
def test_every_number_is_the_kernels_own(machine: str, header: str):
    """By the headers of linux-libc-dev. ARM64 takes the generic table, whose 3264 names are those of 64 bits there."""
    if not Path(header).is_file():
        pytest.skip(f"{header} is not installed")
    text = Path(header).read_text(encoding="utf-8")
    found = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)\s*$", text, re.MULTILINE)
    kernels = {("newfstatat" if name == "fstatat" else name): int(number) for name, number in found}
    ours = allowed_calls(machine) | numbers(machine) | ATTACKS[machine]
    known = {name: number for name, number in ours.items() if name in kernels}
    assert known == {name: kernels[name] for name in known}
    # A header is of its own kernel: names that came later are missing, and nothing else is.
    assert set(ours) - set(kernels) <= LATER


def test_a_thread_is_made_and_no_process_nor_namespace(machine: str):
    clone = numbers(machine)["clone"]
    assert answer(machine, clone, 0x3D0F00) == ALLOW  # what libc asks for a thread
    assert answer(machine, clone, 0x01200011) == REFUSED  # fork
    for namespace in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert answer(machine, clone, 0x3D0F00 | namespace) == REFUSED
    assert answer(machine, numbers(machine)["clone3"]) == REFUSE | errno.ENOSYS


def test_arguments_are_looked_at(machine: str):
    of = numbers(machine)
    assert answer(machine, of["ioctl"], 0, 0x5401) == ALLOW  # TCGETS
    assert answer(machine, of["ioctl"], 0, 0x5412) == REFUSED  # TIOCSTI
    assert answer(machine, of["prctl"], 15) == ALLOW
    assert answer(machine, of["prctl"], 38) == REFUSED
    assert answer(machine, of["prlimit64"], 0, 7, 0, 1) == ALLOW
    assert answer(machine, of["prlimit64"], 0, 7, 1 << 32, 0) == REFUSED
    assert answer(machine, of["prlimit64"], 0, 7, 4096, 0) == REFUSED
    assert answer(machine, of["socketpair"], 1, 1 | 0o2000000) == ALLOW
    assert answer(machine, of["socketpair"], 1, 2) == REFUSED


def test_there_is_no_filter_for_a_machine_without_a_list():
    with pytest.raises(KeyError):
        call_filter("riscv64")
