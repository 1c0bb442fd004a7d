"""What `ask` reads before it asks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lotus_tasks.cli.inputs import read_attachments
from lotus_tasks.errors import InvalidInput


@pytest.mark.timeout(60)
def test_a_pipe_nobody_writes_into_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "thing")
    with pytest.raises(InvalidInput, match="thing is not a regular file"):
        read_attachments((str(tmp_path / "thing"),))
