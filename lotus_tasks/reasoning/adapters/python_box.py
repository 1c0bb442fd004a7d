"""Runs a Python program apart: limits on time and memory, no network, and a root of its own with nothing in it.

Namespaces (of files, network, processes, System V memory and, where that is allowed, users) come from unshare(1) or bubblewrap;
the root, Landlock and the list of system calls from python_cell.py. Which way works on this machine is tried once, with a
program that has to meet walls; where none does, as outside Linux, nothing is run and the tool isn't offered.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lotus_tasks.errors import HandBack, InvalidInput, Permanent
from lotus_tasks.reasoning.adapters import python_calls, python_cell

WALL_S = 10.0
PROGRAM_BYTES = 100 * 1024
OUTPUT_BYTES = 64 * 1024
_TRIED_AGAIN_S = 600.0
_CELL = Path(python_cell.__file__)
_FIRST_PROGRAM = """
import os, socket
try:
    socket.socket()
except PermissionError:
    print(os.getcwd(), os.path.exists("/etc/passwd"), os.path.exists("/proc/self"))
"""
_FIRST_ANSWER = f"{python_cell.FOLDER} False False\n"
_SCRATCH = "{scratch}"
"""Stands in a way's command for the folder of one program."""
_UNSHARED = ("--mount", "--net", "--ipc", "--pid", "--uts", "--fork", "--kill-child")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How namespaces are had. ``makes_root``: the cell makes the root itself. ``user``: who it becomes, where root starts it."""

    name: str
    command: tuple[str, ...]
    makes_root: bool = True
    user: int | None = None


class _Found:
    """The way that works here, or why none does; looked for again after a while."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.way: Way | None = None
        self.reason = ""
        self.tried_at = -_TRIED_AGAIN_S

    def look(self) -> tuple[Way | None, str]:
        with self.lock:
            if self.way is None and time.monotonic() - self.tried_at >= _TRIED_AGAIN_S:
                self.way, self.reason = _try_ways()
                self.tried_at = time.monotonic()
            return self.way, self.reason


_found = _Found()


def box_trouble() -> str:
    """Why no program can be run on this machine; empty where one can."""
    return _found.look()[1]


def box_way() -> str:
    """How programs are shut off here, in a few words; empty where they can't be."""
    way, _ = _found.look()
    return way.name if way is not None else ""


def run_in_box(code: str, *, stop: Callable[[], bool]) -> str:
    """What the program printed, and how it ended where that wasn't well.

    ``stop``: asked fifty times a second; when it says so the program is ended and HandBack raised. Raises Permanent where this
    machine can't shut a program off.
    """
    if len(code.encode()) > PROGRAM_BYTES:
        raise InvalidInput(f"the program is longer than {PROGRAM_BYTES // 1024} KB")
    way, reason = _found.look()
    if way is None:
        raise Permanent(f"no program is run: {reason}")
    said, status, ended = _run(way, code, stop)
    if status == python_cell.UNCONFINED:
        raise Permanent(said.strip())
    if ended:
        return f"{said}\n[{ended}]"
    return said if status == 0 else f"{said}\n[exit code {status}]"


def _run(way: Way, code: str, stop: Callable[[], bool]) -> tuple[str, int, str]:
    """What it said, its exit code, and why it was ended, where it was."""
    with (
        tempfile.TemporaryDirectory(prefix="lotus-python-") as scratch,
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as output,
    ):
        given.write(json.dumps(_orders(way, scratch)).encode() + b"\n" + code.encode())
        given.seek(0)
        process = subprocess.Popen(
            [
                *(scratch if part is _SCRATCH else part for part in way.command),
                _python(),
                "-I",
                "-S",
                "/cell.py" if not way.makes_root else str(_CELL),
            ],
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "HOME": python_cell.FOLDER, "LANG": "C.UTF-8"},
            stdin=given,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        ended = _wait(process, stop, None if way.makes_root else Path(scratch))
        output.seek(0)
        return output.read(OUTPUT_BYTES).decode("utf-8", "replace"), process.returncode, ended


def _wait(process: subprocess.Popen[bytes], stop: Callable[[], bool], folder: Path | None) -> str:
    """Wait for the program's own end; why it was ended, where it was. ``folder``: what it fills, where no mount bounds it."""
    deadline = time.monotonic() + WALL_S
    look_at = 0.0
    try:
        while process.poll() is None:
            if stop():
                raise HandBack("the program was ended with the worker")
            if time.monotonic() > deadline:
                return f"ended after {WALL_S:g} s"
            if folder is not None and time.monotonic() > look_at:
                if _bytes_in(folder) > python_cell.FOLDER_BYTES:
                    return f"ended: it wrote more than {python_cell.FOLDER_BYTES // 1024 // 1024} MB"
                look_at = time.monotonic() + 0.1
            time.sleep(0.02)
        return ""
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _bytes_in(folder: Path) -> int:
    """What is on the disk, a block for each name at least. A program that removes while this looks is no trouble."""
    total = 0
    for place, folders, files in os.walk(folder, onerror=None):
        total += 4096 * (len(folders) + len(files))
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118 - it may be many
        if total > python_cell.FOLDER_BYTES:
            break
    return total


def _orders(way: Way, scratch: str) -> Mapping[str, Any]:
    return {
        "makes_root": way.makes_root,
        "scratch": scratch,
        "user": way.user,
        "readable": _readable(),
        "filter": python_calls.call_filter(platform.machine()).hex(),
        # Before 5.14 every process of this user counted, those outside, too.
        "counts_threads": os.getuid() != 0 and _kernel() >= (5, 14),
    }


def _try_ways() -> tuple[Way | None, str]:
    if sys.platform != "linux":
        return None, f"a program can't be shut off on {platform.system()}"
    try:
        python_calls.call_filter(platform.machine())
    except KeyError:
        return None, f"there is no list of system calls for {platform.machine()}"
    reasons = []
    for way in _ways():
        try:
            said, status, _ = _run(way, _FIRST_PROGRAM, lambda: False)
        except OSError as error:
            said, status = str(error), -1
        if status == 0 and said == _FIRST_ANSWER:
            return way, ""
        reasons.append(f"{way.name}: {(said.strip().splitlines() or [f'exit code {status}'])[-1][:200]}")
    return None, "; ".join(reasons) or "neither unshare (util-linux) nor bwrap (bubblewrap) is installed"


def _ways() -> Iterator[Way]:
    unshare, bwrap = shutil.which("unshare"), shutil.which("bwrap")
    if unshare and os.getuid() == 0:
        yield Way(name="namespaces", command=(unshare, *_UNSHARED), user=python_cell.NOBODY)
    if unshare:
        yield Way(name="user namespaces", command=(unshare, "--user", "--map-root-user", *_UNSHARED))
    if bwrap:  # last: it can't bound how many files a program makes, so its folder is watched
        yield Way(name="bubblewrap", command=tuple(_bubblewrap(bwrap)), makes_root=False)


def _bubblewrap(bwrap: str) -> Iterator[str]:
    yield from (bwrap, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL")
    for path in _readable():
        if Path(path).is_symlink():
            yield from ("--symlink", str(Path(path).readlink()), path)
        elif path.startswith("/dev/"):
            yield from ("--dev-bind", path, path, "--remount-ro", path)
        else:
            yield from ("--ro-bind", path, path)
    yield from ("--ro-bind", str(_CELL), "/cell.py")
    yield from ("--bind", _SCRATCH, python_cell.FOLDER, "--remount-ro", "/", "--chdir", "/")


def _readable() -> list[str]:
    """What Python needs to run: itself and the system's libraries, outer folders first."""
    base = Path(sys.base_prefix)
    wanted = {
        *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/nix/store"),
        *("/etc/ld.so.cache", "/dev/null", "/dev/zero", "/dev/urandom"),
        *(str(base / name) for name in ("bin", "lib", sys.platlibdir)),
        sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), str(Path(_python()).parent),
    }  # fmt: skip
    return sorted(path for path in wanted if Path(path).exists())


def _python() -> str:
    """The interpreter itself, without the virtual environment around it."""
    return str(Path(getattr(sys, "_base_executable", "") or sys.executable).resolve())


def _kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2] if part.isdigit())
