"""Attack: a program in the box, after the user's yes, against everything that isn't its own. Each way in which this machine
can shut a program off is attacked."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lotus_tasks.errors import Permanent
from lotus_tasks.local.home import PROJECT
from lotus_tasks.reasoning.adapters import python_box, python_cell
from lotus_tasks.reasoning.adapters.python_box import Way

CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    done = libc.syscall(ctypes.c_long(number), *arguments)
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done
"""
SETXATTR, SHMGET, MEMFD, FALLOCATE, IO_URING, PTRACE, KILL = (
    {"x86_64": (188, 29, 319, 285, 425, 101, 62), "aarch64": (5, 194, 279, 47, 425, 117, 129)}
).get(platform.machine(), (0,) * 7)
UNSHARE, MOUNT, KEYCTL, BPF, PERSONALITY, HANDLE = (
    {"x86_64": (272, 165, 250, 321, 135, 304), "aarch64": (97, 40, 219, 280, 92, 265)}
).get(platform.machine(), (0,) * 6)


@pytest.fixture(scope="module", params=["namespaces", "bubblewrap", "user namespaces"])
def way(request: pytest.FixtureRequest) -> Way:
    if sys.platform != "linux":
        pytest.skip("no box here")
    for one in python_box._ways():
        if one.name == request.param:
            said, status, _ = python_box._run(one, python_box._FIRST_PROGRAM, lambda: False)
            if (status, said) == (0, python_box._FIRST_ANSWER):
                return one
    pytest.skip(f"this machine has no {request.param}")


def test_a_machine_that_has_all_that_the_box_needs_has_a_box():
    """Else a fault of the box's own would look as if the machine couldn't, and every attack below be left out."""
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
        pytest.skip("the box needs Linux on x86-64 or ARM64")
    create_ruleset, version = 444, 1
    if ctypes.CDLL(None).syscall(ctypes.c_long(create_ruleset), None, ctypes.c_size_t(0), version) < 1:
        pytest.skip("this kernel has no Landlock")
    for way in python_box._ways():
        if way.makes_root and subprocess.run([*way.command, "true"], capture_output=True, check=False).returncode == 0:
            said, status, _ = python_box._run(way, python_box._FIRST_PROGRAM, lambda: False)
            assert (status, said) == (0, python_box._FIRST_ANSWER), way.name


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    file = tmp_path / "letter.txt"
    file.write_text("dear all")
    file.chmod(0o644)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    return file


def attack(way: Way, code: str) -> str:
    """What the program said: each attack prints `through` where it succeeds."""
    said, status, ended = python_box._run(way, f"{CALL}\n{code}\nprint('through')", lambda: False)
    assert status != python_cell.UNCONFINED, said
    return said + ended


ON_A_FILE = (
    "os.chmod(victim, 0o777)", "os.truncate(victim, 0)", "os.utime(victim, (0, 0))", "os.chown(victim, 1, 1)",
    "os.setxattr(victim, 'user.a', b'x')", f"call({SETXATTR}, victim.encode(), b'user.a', b'x', ctypes.c_size_t(1), 0)",
    "os.stat(victim)", "os.lstat(victim)", "os.listdir(os.path.dirname(victim))", "os.open(victim, os.O_PATH)",
    "os.readlink(victim)", "os.access(victim, os.F_OK) or 1 / 0", "os.unlink(victim)", "os.rename(victim, 'a')",
    "os.link(victim, 'a')", "os.symlink(victim, 'a'); open('a').read()", "open(victim, 'a')", "os.statvfs(victim)",
    "os.chdir(os.path.dirname(victim))", "os.listxattr(victim)", "open('/proc/1/root' + victim).read()",
    "open('/../../..' + victim).read()", "os.mkdir('x'); os.chroot('x')",
)  # fmt: skip


@pytest.mark.parametrize("code", ON_A_FILE)
def test_on_a_file_of_the_user_s(way: Way, victim: Path, code: str):
    before = (victim.read_text(), victim.stat().st_mode, victim.stat().st_mtime, victim.stat().st_uid)
    said = attack(way, f"victim = {str(victim)!r}\n{code}")
    assert "through" not in said
    assert "Error" in said
    assert (victim.read_text(), victim.stat().st_mode, victim.stat().st_mtime, victim.stat().st_uid) == before
    assert os.listxattr(victim) == []
    assert list(victim.parent.iterdir()) == [victim]


ON_PYTHON = (
    "os.chmod(os.__file__, 0o777)", "os.utime(os.__file__, (0, 0))", "os.truncate(os.__file__, 0)", "open(os.__file__, 'a')",
    "os.chown(os.__file__, 1, 1)", "os.unlink(os.__file__)", "open('/new', 'w')", "os.mkdir('/etc/new')",
    "os.chmod('/dev/null', 0)", "os.chmod('/', 0o777)",
)  # fmt: skip


@pytest.mark.parametrize("code", ON_PYTHON)
def test_on_what_python_itself_is_read_from(way: Way, code: str):
    before = Path(os.__file__).stat()
    assert "through" not in attack(way, code)
    after = Path(os.__file__).stat()
    assert (after.st_mode, after.st_mtime, after.st_size) == (before.st_mode, before.st_mtime, before.st_size)


@pytest.mark.parametrize(
    "code",
    [
        f"call({SHMGET}, 0, ctypes.c_size_t(2_000_000_000), 0o1600)",
        f"call({MEMFD}, b'a', 0)",
        "os.memfd_create('a')",
        f"call({FALLOCATE}, os.open('a', os.O_RDWR | os.O_CREAT), 0, ctypes.c_long(0), ctypes.c_long(50_000_000))",
        "held = [bytearray(100_000_000) for _ in range(6)]",
        "import mmap\nheld = [mmap.mmap(-1, 100_000_000) for _ in range(6)]",
        "import time\nfor n in range(100): open(str(n), 'wb').write(bytes(1_000_000)), time.sleep(0.01)",
        "import time\nfor n in range(100_000): os.mkdir(str(n)), n % 1000 or time.sleep(0.01)",
    ],
)
def test_on_memory_beyond_its_limit(way: Way, code: str):
    assert "through" not in attack(way, code)


ON_PROCESSES = (
    "while True: os.fork()",
    "import subprocess; subprocess.run([os.sys.executable, '-c', '1'], check=True)",
    "import multiprocessing; multiprocessing.Process(target=print).start()",
    "os.execv(os.sys.executable, ['python', '-c', 'print(\"through\")'])",
)


@pytest.mark.parametrize("code", ON_PROCESSES)
def test_on_the_process_table(way: Way, code: str):
    assert "through" not in attack(way, f"import sys\nos.sys = sys\n{code}")


def test_a_bomb_of_threads_ends_with_the_program(way: Way, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(python_box, "WALL_S", 3.0)
    code = (
        "import threading, time\nthreading.stack_size(32768)\n"
        "while True:\n    threading.Thread(target=time.sleep, args=(60,)).start()"
    )
    started = time.monotonic()
    assert "through" not in attack(way, code)
    assert time.monotonic() - started < 30


def test_on_other_processes(way: Way):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            for code in (
                f"os.kill({other.pid}, 9)", "os.kill(-1, 9)", "os.kill(0, 9)", f"call({KILL}, {other.pid}, 9)",
                f"call({PTRACE}, 16, {other.pid}, 0, 0)", f"open('/proc/{other.pid}/environ').read()", "os.listdir('/proc')",
                f"os.pidfd_open({other.pid})", f"os.sched_setaffinity({other.pid}, {{0}})", f"os.setpriority(0, {other.pid}, 19)",
                f"import resource; resource.prlimit({other.pid}, resource.RLIMIT_NOFILE)",
            ):  # fmt: skip
                assert "through" not in attack(way, code), code
            assert other.poll() is None
        finally:
            other.kill()


ON_THE_KERNEL = (
    "import socket; socket.socket()", "import socket; socket.socket(socket.AF_UNIX)",
    "import socket; socket.socket(socket.AF_NETLINK, 3)",
    "import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    f"call({IO_URING}, 8, ctypes.create_string_buffer(120))",
    f"call({UNSHARE}, 0x10000000)", f"call({MOUNT}, b'none', b'/box', b'tmpfs', 0, 0)", f"call({KEYCTL}, 0, -3, 1)",
    f"call({BPF}, 0, 0, 0)", f"call({PERSONALITY}, 0x0040000)", "os.mkfifo('a')", "os.mknod('a', 0o60600, 0)", "os.setuid(0)",
    f"call({HANDLE}, -100, ctypes.create_string_buffer(128), 0)", "import fcntl; fcntl.ioctl(0, 0x5412, b'x')", "os.nice(-5)",
    "import resource; resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)",
)  # fmt: skip


@pytest.mark.parametrize("code", ON_THE_KERNEL)
def test_on_the_network_and_the_kernel(way: Way, code: str):
    said = attack(way, code)
    assert "through" not in said
    assert "Error" in said


OTHER_USER = """
import json, os, sys
orders = json.load(sys.stdin)
if os.getuid() == 0:
    os.setgroups([]); os.setgid(orders["user"]); os.setuid(orders["user"])
sys.path.insert(0, orders["project"])
from lotus_tasks.reasoning.adapters import python_box
told = {"uid": os.getuid(), "way": python_box.box_way(), "trouble": python_box.box_trouble(), "said": []}
for code in orders["codes"] if told["way"] else []:
    told["said"].append(python_box.run_in_box(code, stop=lambda: False))
print(json.dumps(told))
"""


def interpreters() -> Iterator[list[str]]:
    """Commands that begin Python as a user who isn't root: another one, who needs a Python to read, or without root's rights."""
    for command in (["/usr/bin/python3"], ["unshare", "--user", "--map-user=1000", "--map-group=1000", sys.executable]):
        if shutil.which(command[0]):
            yield [*command, "-I"]


@pytest.mark.timeout(300)
def test_the_same_by_a_user_who_is_not_root(victim: Path):
    """As root too: a LOTUS of root's is the rarer one."""
    if os.getuid() != 0:
        pytest.skip("the other tests are this one here")
    place = f"victim = {str(victim)!r}\n"
    codes = [place + code for code in ON_A_FILE] + list(ON_PYTHON + ON_PROCESSES + ON_THE_KERNEL)
    orders = {"user": 65534, "project": str(PROJECT), "codes": [f"{CALL}\n{code}\nprint('through')" for code in codes]}
    before = (victim.read_text(), victim.stat().st_mode, victim.stat().st_mtime, victim.stat().st_uid)
    told = {"way": "", "trouble": "there is no Python for another user"}
    for command in interpreters():
        done = subprocess.run(
            [*command, "-c", OTHER_USER], input=json.dumps(orders), capture_output=True, text=True, check=False, timeout=250
        )  # fmt: skip
        told = json.loads(done.stdout) if done.returncode == 0 else {"way": "", "trouble": done.stderr[-300:]}
        if told["way"]:
            break
    if not told["way"]:
        pytest.skip(f"no box without root here: {told['trouble']}")
    assert told["uid"] != 0
    assert len(told["said"]) == len(codes)
    assert [code for code, said in zip(codes, told["said"], strict=True) if "through" in said] == []
    assert (victim.read_text(), victim.stat().st_mode, victim.stat().st_mtime, victim.stat().st_uid) == before


def test_on_an_abstract_socket_through_the_kernel_s_own_pair(way: Way):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        name = f"\0lotus-test-{os.getpid()}"
        server.bind(name)
        server.settimeout(0.2)
        code = f"import socket\na, b = socket.socketpair()\na.sendto(b'x', {name!r})"
        assert "through" not in attack(way, code)
        with pytest.raises(TimeoutError):
            server.recv(10)


def test_landlock_holds_where_the_mounts_would_let_it_through(way: Way):
    """The root of the box may be listed by its own mode; it is none of what Landlock's rules name."""
    said = attack(way, "os.listdir('/')")
    assert "through" not in said
    assert "PermissionError" in said


def test_what_it_may_do_it_can_do(way: Way):
    code = (
        "import shutil, json, sqlite3, asyncio, threading, decimal, zoneinfo, hashlib, tempfile, random\n"
        "open('a', 'w').write('x'); shutil.copy2('a', 'b'); os.mkdir('c'); os.chmod('b', 0o600); os.rename('b', 'c/b')\n"
        "db = sqlite3.connect('d'); db.execute('CREATE TABLE t (x)'); db.execute('INSERT INTO t VALUES (1)'); db.commit()\n"
        "asyncio.run(asyncio.sleep(0)); t = threading.Thread(target=print); t.start(); t.join()\n"
        "tempfile.NamedTemporaryFile(dir='.').write(b'x'); shutil.rmtree('c')\n"
        "print(sorted(os.listdir()), hashlib.sha256(b'').hexdigest()[:4])"
    )
    assert attack(way, code) == "\n['a', 'd'] e3b0\nthrough\n"


def test_it_has_no_capability_and_can_gain_none(way: Way):
    seen: list[str] = []

    def look() -> bool:
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                line = (status.parent / "cmdline").read_bytes().split(b"\0")
                text = status.read_text()
            except OSError:
                continue
            is_cell = (
                bool(line[0].endswith(b"python") or b"/python3" in line[0]) and line[-2:-1] and b"cell.py" in line[-2]
            )
            if is_cell and "\nSeccomp:\t2" in text:
                seen.append(text)
        return False

    said, _, _ = python_box._run(way, "import time\ntime.sleep(1)\nprint('slept')", look)
    assert said == "slept\n"
    assert seen
    for which in ("CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"):
        assert f"{which}:\t0000000000000000" in seen[-1]
    assert "NoNewPrivs:\t1" in seen[-1]


def test_where_nothing_shuts_a_program_off_none_is_run_or_offered(monkeypatch: pytest.MonkeyPatch):
    from lotus_tasks.cli import doctor
    from lotus_tasks.reasoning.tools import run_python

    monkeypatch.setattr(python_box, "_found", python_box._Found())
    monkeypatch.setattr(python_box, "_ways", lambda: iter([Way(name="hope", command=("false",))]))
    with pytest.raises(Permanent, match="hope"):
        python_box.run_in_box("print('through')", stop=lambda: False)
    assert not run_python.is_offered()
    (finding,) = doctor.examine_box()
    assert finding.status == "note"
    assert "hope" in finding.what
