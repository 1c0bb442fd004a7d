"""The embedded Chroma's process."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

from stack import wait_until

from lotus_tasks.local.home import PROJECT
from lotus_tasks.stack import chroma


def test_a_server_whose_folder_is_gone_ends_and_the_next_one_makes_it_anew(tmp_path: Path) -> None:
    folder = tmp_path / "chroma"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "lotus_tasks.stack.chroma", *options]
    for _ in range(2):
        server = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            wait_until(lambda: chroma.answers("127.0.0.1", port), timeout_s=20, what="Chroma")
            assert server.poll() is None
            shutil.rmtree(folder)
            _, said = server.communicate(timeout=15)
            assert (server.returncode, "is gone" in said) == (1, True)
        finally:
            server.kill()
            server.communicate()
