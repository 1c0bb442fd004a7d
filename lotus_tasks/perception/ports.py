"""What perception needs of the world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lotus_tasks.commands.perception import PerceptLine
from lotus_tasks.perception.models import Chunk, Document, FolderPage, Percept, RawSource, Skip
from lotus_tasks.values import CommandId, PerceptId
from lotus_tasks.work import Transaction


class Files(Protocol):
    """The user's files."""

    def is_folder(self, path: str) -> bool:
        """Whether ``path`` is a folder. Raises NotFound where there is nothing."""

    def real(self, path: str) -> str:
        """The path without links in it: a file has one name, whichever way leads to it."""

    def is_gone(self, path: str) -> bool:
        """Whether there is surely nothing; False where it can't be told."""

    def read(self, path: str) -> RawSource | Skip:
        """The file's bytes, or why there are none to be had. Raises NotFound where there is nothing."""

    def list_files(self, folder: str, *, after: str | None, limit: int) -> FolderPage:
        """Up to ``limit`` readable files under ``folder`` in a fixed order, from behind ``after`` on."""


class PerceptStore(Protocol):
    """What was read. The writes belong to the transaction of the command that read it."""

    def find(self, source: str) -> Percept | None:
        """What is kept of the source."""

    def replace(
        self, tx: Transaction, document: Document, chunks: Sequence[Chunk], follow_ups: Sequence[CommandId], note: str
    ) -> PerceptId | None:
        """Keep this version in place of the older one, with a note where there is one to make.

        None where a later reading is kept already.
        """

    def sources_below(self, folder: str) -> Sequence[str]:
        """The sources in the folder that say anything."""

    def skip(self, tx: Transaction, skip: Skip, follow_ups: Sequence[CommandId]) -> PerceptId | None:
        """Keep that there was nothing to read; None where a later reading is kept already."""

    def fail(self, tx: Transaction, source: str, reason: str) -> None:
        """Note on what is kept of the source that it can't be read any more."""

    def list(self, *, status: str | None, limit: int) -> Sequence[PerceptLine]:
        """What was read, the latest first."""
