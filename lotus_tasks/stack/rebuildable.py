"""One rule for the stores that can be rebuilt, Valkey and Chroma: what can't be opened is set aside and begun empty. Stdlib only.

The launcher asks here before each start of such a server. Folders are made, permissions of our own files are mended, and a
server whose last start never came to the end is examined on evidence: it is started on its files, in the launcher's hand; only
where it refuses them by itself, for no lack of room, and the same server begins on an empty folder beside them, are the files
at fault. So a full disk, a wrong binary, a server that was killed or one that only takes long never cost a file.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Literal, Protocol

from lotus_tasks.local.home import Home
from lotus_tasks.stack.set_aside import set_aside

TRIAL_S = 60.0
"""How long a server may take to open its files in a trial; one that takes longer is left to go on by itself."""
_TAIL_BYTES = 1_000_000
_LAUNCHING = "lotus: launching "
NO_ROOM = (
    "no space left",
    "disk is full",
    "disk quota",
    "cannot allocate memory",
    "out of memory",
    "oom",
    "too many open files",
    "address already in use",
    "read-only file system",
    "database is locked",
)
"""Words that tell of the machine, not of the files: nothing is set aside for them (lower case)."""

_STAMP = re.compile(r"^\d+:[A-Z] .*? [#*.-] |\x1b\[[0-9;]*m")
"""What Valkey puts before each line, and colours."""
Answer = str | None
"""Of a server that was asked: None: not yet; "": its files are well; else what it says is wrong with them."""


class Ask(Protocol):
    """How the server on trial is; one on new files must also take what is written."""

    def __call__(self, *, is_new: bool) -> Answer:
        """None: not yet; "": it is well; else what it says is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A server's files, LOTUS_HOME/data/``name``.

    ``whole``: what its log says when it has opened them; ``broken``: what it says when it found later that they are damaged.
    ``command_on(folder)``: the server on other files, at an address of its own, where ``ask`` asks it.
    """

    name: str
    whole: str
    command_on: Callable[[Path], Sequence[str]]
    ask: Ask
    broken: str = ""
    check: Callable[[Path], str] = lambda _: ""
    """What an integrity check of the files at rest finds wrong; "" for nothing."""


def make_ready(home: Home, store: Store) -> None:
    """Before each start: the folder is there and ours to use, and what can't be opened is out of the way."""
    folder = home.data / store.name
    home.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.path.lexists(folder) and not folder.is_dir():
        _put_aside(home, store, "there was a file where its folder belongs")
    folder.mkdir(mode=0o700, exist_ok=True)
    mend_permissions(folder)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        _put_aside(home, store, "its folder is another user's, and closed to us")
        folder.mkdir(mode=0o700)
    if any(folder.iterdir()) and _is_suspect(home, store):
        _examine(home, store, folder)
    _say(f"{_LAUNCHING}{store.name}")


def mend_permissions(folder: Path) -> None:
    """Give ourselves what a server needs: all of its folders, reading and writing of its files. What isn't ours stays."""
    for path in [folder, *_entries(folder)]:
        try:
            state = path.lstat()
            if os.getuid() == 0 and state.st_uid != 0:
                os.chown(path, 0, 0, follow_symlinks=False)
            needed = 0o700 if stat.S_ISDIR(state.st_mode) else 0o600
            if not stat.S_ISLNK(state.st_mode) and state.st_mode & needed != needed:
                path.chmod(stat.S_IMODE(state.st_mode) | needed)
                _say(f"lotus: {path} was closed to its owner; opened again")
        except OSError as error:
            _say(f"lotus: {path} can't be mended: {error.strerror}")


def _entries(folder: Path) -> list[Path]:
    found = []
    for place, folders, files in os.walk(folder):
        for name in folders:  # opened before the walk goes down into it
            _open_folder(Path(place) / name)
        found += [Path(place) / name for name in (*folders, *files)]
    return found


def _open_folder(folder: Path) -> None:
    try:
        if not folder.is_symlink() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            folder.chmod(0o700)
    except OSError:
        return  # said by mend_permissions


def _is_suspect(home: Home, store: Store) -> bool:
    """Whether the last start never came to the end, or ended because of its files."""
    try:
        with (home.log / f"{store.name}.log").open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return False
    _, launched, last = text.rpartition(f"{_LAUNCHING}{store.name}")
    _, opened, since = last.rpartition(store.whole)
    return bool(launched and not opened) or bool(store.broken and store.broken in since)


def _examine(home: Home, store: Store, folder: Path) -> None:
    found = store.check(folder)
    on_files = _Trial(store, folder).run(is_new=False)
    if on_files.outcome == "opened" and not found:
        return
    words = on_files.words if on_files.outcome == "refused" else found
    if on_files.outcome == "undecided" or tells_of_the_machine(words):
        _say(f"lotus: {store.name} did not open its files ({words or on_files.words}); they are left as they are")
        return
    empty = Path(tempfile.mkdtemp(prefix=f"{store.name}-trial-", dir=home.data))
    try:
        on_nothing = _Trial(store, empty).run(is_new=True)
    finally:
        shutil.rmtree(empty, ignore_errors=True)
    if on_nothing.outcome != "opened":
        _say(
            f"lotus: {store.name} doesn't begin on an empty folder either ({on_nothing.words}); its files are left as they are"
        )
        return
    _put_aside(home, store, words)
    folder.mkdir(mode=0o700)


def tells_of_the_machine(words: str) -> bool:
    """Whether a server's words are about room or the like, which its files can't help."""
    return any(one in words.lower() for one in NO_ROOM)


def _put_aside(home: Home, store: Store, reason: str) -> None:
    aside = set_aside(home, store.name, reason)
    _say(f"lotus: {aside.line()}; {store.name} begins empty and is filled again")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    outcome: Literal["opened", "refused", "undecided"]
    words: str = ""


class _Trial:
    """A server on ``folder``, started and ended here. It ends with us, if we are told to."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def run(self, *, is_new: bool) -> _Result:
        with tempfile.TemporaryFile() as output:
            server = subprocess.Popen(
                self._store.command_on(self._folder), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
            former = signal.signal(signal.SIGTERM, _end_with(server))
            try:
                result = self._watch(server, is_new=is_new)
            finally:
                _end(server)
                signal.signal(signal.SIGTERM, former)
            if result is not None:
                return result
            output.seek(0)
            return _Result(outcome=_outcome_of(server.returncode), words=last_words(output.read()))

    def _watch(self, server: subprocess.Popen[bytes], *, is_new: bool) -> _Result | None:
        """How it answers; None where it ended by itself."""
        deadline = time.monotonic() + TRIAL_S
        while server.poll() is None:
            answer = self._store.ask(is_new=is_new)
            if answer == "":
                return _Result(outcome="opened")
            if answer is not None:
                return _Result(outcome="refused", words=answer)
            if time.monotonic() > deadline:
                return _Result(outcome="undecided", words=f"no answer within {TRIAL_S:g} s")
            time.sleep(0.03)
        return None


def _outcome_of(code: int) -> Literal["refused", "undecided"]:
    """A server that ended by itself, or by its own fault, has refused; one that was told to end says nothing of its files."""
    return "undecided" if code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, 0) else "refused"


def _end_with(server: subprocess.Popen[bytes]) -> Callable[[int, FrameType | None], None]:
    def end(number: int, _: FrameType | None) -> None:
        server.kill()
        sys.exit(128 + number)

    return end


def _end(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def last_words(output: bytes) -> str:
    """The end of what a server wrote: its last line that says something."""
    lines = [" ".join(line.split()) for line in output.decode("utf-8", "replace").splitlines()]
    telling = [_STAMP.sub("", line) for line in lines if len(line) > 8 and not line.startswith(("note:", "***"))]
    return telling[-1].partition(": make a backup")[0][-300:] if telling else "it ended without a word"
