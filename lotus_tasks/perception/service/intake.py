"""What becomes of a path: a folder's files become commands, a file becomes chunks, or the reason why it doesn't."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from lotus_tasks.commands.perception import Ingest, Ingested
from lotus_tasks.errors import InvalidInput, NotFound
from lotus_tasks.events import PerceptCaptured
from lotus_tasks.origins import OUTSIDE
from lotus_tasks.perception.models import MOST_CHUNKS, Document, Percept, RawSource, Skip
from lotus_tasks.perception.ports import Files, PerceptStore
from lotus_tasks.perception.service.chunking import CHUNKER, chunk
from lotus_tasks.perception.service.decoding import decode
from lotus_tasks.values import CommandId, utc_now
from lotus_tasks.work import CommandSpec, Outcome, Transaction, Work

FILES_A_PAGE = 500
"""How many files of a folder one command takes on; the rest is the next command's, so none is ever long."""

MOST_WITHDRAWN = 5000
"""How many files that are gone one reading of a folder withdraws; the next one goes on."""

FollowUps = Callable[[CommandId], Sequence[CommandId]]
"""The commands that a percept.captured published by this command starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Takes in what a command names. Its result has ``kind`` (file or folder) and what the ingesting user wants to hear."""

    files: Files
    store: PerceptStore
    follow_ups: FollowUps

    def take_in(self, asked: Ingest, work: Work) -> Outcome[Ingested]:
        """Read what is asked for. Raises InvalidInput where that is neither a path nor a source with its content."""
        if asked.content is not None:
            return self._take_in_raw(work, _given(asked.source, asked.content))
        path = asked.path
        if not path:
            raise InvalidInput("perception.ingest needs a path, or a source and its content")
        if path.startswith(("http://", "https://")):
            raise InvalidInput(
                f"{path}: reading web pages is not supported yet; save the page as text and ingest the file"
            )
        if not os.path.isabs(path):  # noqa: PTH117 - a path is a text here: it is the percept's name
            raise InvalidInput(f"{path!r} is not an absolute path; a worker has a working directory of its own")
        if asked.link_to:
            return self._keep_skip(work, _withdrawn(path, f"it is a link; it is kept as {asked.link_to}"))
        if (real := self.files.real(path)) == path:
            return self._take_in_path(asked, work, path)
        outcome = self._take_in_path(asked, work, real)
        return replace(outcome, commands=[*outcome.commands, *self._withdraw_link(work, path, real)])

    def _withdraw_link(self, work: Work, link: str, real: str) -> list[CommandSpec]:
        """A command for each source that an older version kept under the link's name, or below it."""
        known = self.store.find(link)
        kept = [link] if known is not None and known.chunk_count else []
        kept += self.store.sources_below(link)[:MOST_WITHDRAWN]
        return [
            CommandSpec.of(
                Ingest(path=one, link_to=real + one.removeprefix(link)),
                key=f"{work.command_id}@{one}",
            )
            for one in kept
        ]

    def _take_in_path(self, asked: Ingest, work: Work, path: str) -> Outcome[Ingested]:
        try:
            if self.files.is_folder(path):
                return self._take_in_folder(asked, work, path)
            found = self.files.read(path)
        except NotFound as error:
            if asked.gone:
                return self._keep_skip(work, _withdrawn(path, "it is gone; what it said is withdrawn"))
            return self._miss(path, str(error))
        return self._keep_skip(work, found) if isinstance(found, Skip) else self._take_in_raw(work, found)

    def _take_in_folder(self, asked: Ingest, work: Work, path: str) -> Outcome[Ingested]:
        page = self.files.list_files(path, after=asked.after, limit=FILES_A_PAGE)
        commands = [CommandSpec.of(Ingest(path=file), key=f"{work.command_id}:{file}") for file in page.files]
        if page.after is None:
            commands += self._withdraw_gone(work, path)
        more = None
        if page.after is not None:
            more = CommandSpec.of(Ingest(path=path, after=page.after), key=f"{work.command_id}>{page.after}")
        return Outcome(
            result=Ingested(
                kind="folder",
                source=path,
                commands=tuple(spec.id for spec in commands),
                more=more.id if more else None,
                ignored=page.ignored,
            ),
            commands=[*commands, *((more,) if more else ())],
        )

    def _withdraw_gone(self, work: Work, folder: str) -> list[CommandSpec]:
        """A command for each file of the folder that was read once and is gone."""
        gone = [one for one in self.store.sources_below(folder) if self.files.is_gone(one)]
        return [
            CommandSpec.of(Ingest(path=file, gone=True), key=f"{work.command_id}-{file}")
            for file in gone[:MOST_WITHDRAWN]
        ]

    def _take_in_raw(self, work: Work, raw: RawSource) -> Outcome[Ingested]:
        document = decode(raw)
        if isinstance(document, Skip):
            return self._keep_skip(work, document)
        known = self.store.find(document.source)
        if _is_unchanged(known, document):
            return Outcome(
                result=_result("unchanged", document.source, chunks=known.chunk_count, follow_ups=known.follow_ups)
            )
        every = chunk(document)
        chunks, note = every[:MOST_CHUNKS], ""
        if len(every) > MOST_CHUNKS:
            note = (
                f"only its beginning is remembered, {MOST_CHUNKS:,} of {len(every):,} pieces; split it to have the rest"
            )
        follow_ups = self.follow_ups(work.command_id)

        def keep(tx: Transaction) -> None:
            percept_id = self.store.replace(tx, document, chunks, follow_ups, note)
            if percept_id is not None:
                tx.publish(PerceptCaptured(percept_id=percept_id, source=document.source))

        return Outcome(
            result=_result("captured", document.source, reason=note, chunks=len(chunks), follow_ups=follow_ups),
            write=keep,
        )

    def _keep_skip(self, work: Work, skip: Skip) -> Outcome[Ingested]:
        """Where an older version was captured and the content has become unreadable, what it said is withdrawn."""
        known = self.store.find(skip.source)
        withdraws = skip.withdraws and known is not None and known.chunk_count > 0
        follow_ups = self.follow_ups(work.command_id) if withdraws else ()

        def keep(tx: Transaction) -> None:
            percept_id = self.store.skip(tx, skip, follow_ups)
            if percept_id is not None and withdraws:
                tx.publish(PerceptCaptured(percept_id=percept_id, source=skip.source))

        return Outcome(result=_result("skipped", skip.source, reason=skip.reason, follow_ups=follow_ups), write=keep)

    def _miss(self, path: str, reason: str) -> Outcome[Ingested]:
        note = f"{reason}; what it said is kept"
        return Outcome(result=_result("failed", path, reason=reason), write=lambda tx: self.store.fail(tx, path, note))


def _is_unchanged(known: Percept | None, document: Document) -> TypeGuard[Percept]:
    """Read before with the same content by the same chunker, and nothing that followed from it has failed."""
    return (
        known is not None
        and known.status == "captured"
        and known.content_hash == document.content_hash
        and known.chunker == CHUNKER
        and known.settled
    )


def _withdrawn(path: str, reason: str) -> Skip:
    return Skip(source=path, reason=reason, read_at=utc_now(), withdraws=True)


def _given(source: str | None, encoded: str) -> RawSource:
    if source is None or ":" not in source or os.path.isabs(source):  # noqa: PTH117
        raise InvalidInput("content given with the command needs a source of its own, such as stdin:NAME")
    try:
        content = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise InvalidInput(f"the content of {source} is not Base64") from error
    # What comes through a pipe may be by anyone.
    return RawSource(source=source, origin=OUTSIDE, content=content, modified_at=None, read_at=utc_now())


def _result(
    status: str, source: str, *, reason: str = "", chunks: int = 0, follow_ups: Sequence[CommandId] = ()
) -> Ingested:
    return Ingested(
        kind="file", source=source, status=status, reason=reason, chunks=chunks, follow_ups=tuple(follow_ups)
    )
