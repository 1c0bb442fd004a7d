"""What `ask` reads before it asks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lotus_tasks.cli.inputs import read_attachments
from lotus_tasks.errors import InvalidInput


def test_a_pipe_nobody_writes_into_is_refused_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To open it is to wait for a writer, for ever."""

    def opened(self: Path, *_: object, **__: object) -> None:
        raise AssertionError(f"{self} was opened")

    os.mkfifo(tmp_path / "thing")
    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(InvalidInput, match="thing is not a regular file"):
        read_attachments((str(tmp_path / "thing"),))
