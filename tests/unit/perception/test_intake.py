"""What becomes of a path: commands, chunks, or the reason why neither."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from lotus_tasks.commands.codec import read_command
from lotus_tasks.commands.perception import Ingest, Ingested
from lotus_tasks.errors import InvalidInput, NotFound
from lotus_tasks.events import Event, PerceptCaptured
from lotus_tasks.origins import OWN_FILE
from lotus_tasks.perception.models import Chunk, Document, FolderPage, Percept, RawSource, Skip
from lotus_tasks.perception.service.chunking import CHUNKER
from lotus_tasks.perception.service.intake import Intake
from lotus_tasks.values import CommandId, PerceptId, RunId, derive_command_id, utc_now
from lotus_tasks.work import CommandSpec, Outcome

COMMAND = CommandId(uuid.UUID(int=7))
FOLLOW_UP = derive_command_id("follow-up")


@dataclass
class Order:
    """A command as a body sees it."""

    payload: dict[str, Any]
    command_id: CommandId = COMMAND
    run_id: RunId | None = None
    name: str = "perception.ingest"
    attempt: int = 1
    max_attempts: int = 3
    fence: int = 1
    queued_at: datetime = field(default_factory=utc_now)

    def cancelled(self) -> bool:
        return False

    def stopping(self) -> bool:
        return False

    def is_current(self) -> bool:
        return True


@dataclass
class Shelf:
    """Files in memory."""

    contents: dict[str, bytes] = field(default_factory=dict)
    page: FolderPage | None = None
    skip: Skip | None = None
    links: dict[str, str] = field(default_factory=dict)

    def is_folder(self, path: str) -> bool:
        return self.page is not None

    def read(self, path: str) -> RawSource | Skip:
        if self.skip:
            return self.skip
        if path not in self.contents:
            raise NotFound(f"{path} does not exist")
        return RawSource(origin=OWN_FILE, source=path, content=self.contents[path], modified_at=None, read_at=utc_now())

    def real(self, path: str) -> str:
        return self.links.get(path, path)

    def is_gone(self, path: str) -> bool:
        return path not in self.contents

    def list_files(self, folder: str, *, after: str | None, limit: int) -> FolderPage:
        assert self.page is not None
        return self.page


@dataclass
class Memo:
    """A store that keeps the last write of each source."""

    known: dict[str, Percept] = field(default_factory=dict)
    chunks: dict[str, Sequence[Chunk]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    is_later: bool = False

    def find(self, source: str) -> Percept | None:
        return self.known.get(source)

    def replace(
        self, tx, document: Document, chunks: Sequence[Chunk], follow_ups: Sequence[CommandId], note: str
    ) -> PerceptId | None:
        if self.is_later:
            return None
        self.chunks[document.source] = chunks
        return self._keep(document.source, "captured", document.content_hash, len(chunks), follow_ups)

    def sources_below(self, folder: str) -> list[str]:
        return [source for source, one in self.known.items() if source.startswith(f"{folder}/") and one.chunk_count]

    def skip(self, tx, skip: Skip, follow_ups: Sequence[CommandId]) -> PerceptId | None:
        return self._keep(skip.source, "skipped", skip.content_hash, 0, follow_ups)

    def fail(self, tx, source: str, reason: str) -> None:
        self.failed[source] = reason

    def list(self, *, status: str | None, limit: int) -> list[dict[str, Any]]:
        raise NotImplementedError

    def _keep(
        self, source: str, status: str, content_hash: str, count: int, follow_ups: Sequence[CommandId]
    ) -> PerceptId:
        percept_id = PerceptId(uuid.uuid4())
        self.known[source] = Percept(
            id=percept_id, source=source, status=status, content_hash=content_hash, chunker=CHUNKER, chunk_count=count,
            follow_ups=follow_ups, settled=True,
        )  # fmt: skip
        return percept_id


@dataclass
class Commit:
    """The transaction of a command: what was published in it."""

    conn: Any = None
    events: list[Event] = field(default_factory=list)

    def publish(self, event: Event) -> None:
        self.events.append(event)

    def submit(self, spec: CommandSpec) -> CommandId:
        raise AssertionError("intake submits with its outcome")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def memo() -> Memo:
    return Memo()


@pytest.fixture
def intake(shelf: Shelf, memo: Memo) -> Intake:
    return Intake(files=shelf, store=memo, follow_ups=lambda _command: [FOLLOW_UP])


def take_in(intake: Intake, payload: dict[str, Any], **order) -> Outcome[Ingested]:
    return intake.take_in(read_command(Ingest, payload), Order(payload, **order))


def commit(outcome: Outcome) -> list[Event]:
    tx = Commit()
    if outcome.write is not None:
        outcome.write(tx)
    return tx.events


def test_a_file_is_captured_with_its_chunks_and_the_event(intake, shelf, memo):
    shelf.contents["/n/a.md"] = b"# Boat\n\nThe key is here.\n"
    outcome = take_in(intake, {"path": "/n/a.md"})
    (event,) = commit(outcome)
    assert memo.chunks["/n/a.md"] == [Chunk(heading="Boat", text="The key is here.")]
    assert event == PerceptCaptured(percept_id=memo.known["/n/a.md"].id, source="/n/a.md")
    assert outcome.result.status == "captured"
    assert outcome.result.follow_ups == (FOLLOW_UP,)


def test_unchanged_content_is_not_read_into_chunks_again(intake, shelf):
    shelf.contents["/n/a.md"] = b"The key is here."
    commit(take_in(intake, {"path": "/n/a.md"}))
    again = take_in(intake, {"path": "/n/a.md"})
    assert again.result.status == "unchanged"
    assert again.result.follow_ups == (FOLLOW_UP,)
    assert again.write is None


@pytest.mark.parametrize("change", [{"settled": False}, {"chunker": 0}, {"status": "failed"}, {"content_hash": "x"}])
def test_what_was_not_remembered_or_was_cut_otherwise_is_read_again(intake, shelf, memo, change):
    shelf.contents["/n/a.md"] = b"The key is here."
    commit(take_in(intake, {"path": "/n/a.md"}))
    memo.known["/n/a.md"] = replace(memo.known["/n/a.md"], **change)
    assert take_in(intake, {"path": "/n/a.md"}).result.status == "captured"


def test_a_reading_that_a_later_one_overtook_publishes_nothing(intake, shelf, memo):
    shelf.contents["/n/a.md"] = b"The key is here."
    memo.is_later = True
    assert commit(take_in(intake, {"path": "/n/a.md"})) == []


def test_a_binary_file_is_skipped_with_its_reason_and_no_event(intake, shelf, memo):
    shelf.contents["/n/a.bin"] = b"\x00\x01"
    outcome = take_in(intake, {"path": "/n/a.bin"})
    assert commit(outcome) == []
    assert (outcome.result.status, outcome.result.reason) == ("skipped", "it is binary, not text")
    assert memo.known["/n/a.bin"].status == "skipped"


def test_a_file_that_became_empty_withdraws_what_it_said(intake, shelf, memo):
    shelf.contents["/n/a.md"] = b"The key is here."
    commit(take_in(intake, {"path": "/n/a.md"}))
    shelf.contents["/n/a.md"] = b""
    (event,) = commit(take_in(intake, {"path": "/n/a.md"}))
    assert event == PerceptCaptured(percept_id=memo.known["/n/a.md"].id, source="/n/a.md")


def test_a_file_that_can_not_be_opened_any_more_withdraws_nothing(intake, shelf):
    shelf.contents["/n/a.md"] = b"The key is here."
    commit(take_in(intake, {"path": "/n/a.md"}))
    shelf.skip = Skip(source="/n/a.md", reason="it can't be opened: permission denied", read_at=utc_now())
    assert commit(take_in(intake, {"path": "/n/a.md"})) == []


def test_a_file_that_is_gone_is_a_failure_that_is_noted(intake, memo):
    outcome = take_in(intake, {"path": "/n/gone.md"})
    commit(outcome)
    assert (outcome.result.status, outcome.result.reason) == ("failed", "/n/gone.md does not exist")
    assert memo.failed == {"/n/gone.md": "/n/gone.md does not exist; what it said is kept"}


def test_a_folder_becomes_one_command_a_file_and_one_for_the_rest(intake, shelf):
    shelf.page = FolderPage(files=["/n/a.md", "/n/b.md"], after="/n/b.md", ignored={"hidden": 1})
    outcome = take_in(intake, {"path": "/n"})
    assert [spec.payload for spec in outcome.commands] == [
        {"path": "/n/a.md"},
        {"path": "/n/b.md"},
        {"path": "/n", "after": "/n/b.md"},
    ]
    assert outcome.result.commands == tuple(spec.id for spec in outcome.commands[:2])
    assert outcome.result.more == outcome.commands[2].id


def test_a_folder_read_again_by_the_same_command_makes_the_same_commands(intake, shelf):
    shelf.page = FolderPage(files=["/n/a.md"], after=None, ignored={})
    first, second = (take_in(intake, {"path": "/n"}) for _ in range(2))
    other = take_in(intake, {"path": "/n"}, command_id=CommandId(uuid.UUID(int=8)))
    assert [spec.id for spec in first.commands] == [spec.id for spec in second.commands]
    assert first.commands[0].id != other.commands[0].id


def test_given_content_is_read_like_a_file(intake, memo):
    outcome = take_in(intake, {"source": "stdin:1f", "content": base64.b64encode(b"hello").decode()})
    commit(outcome)
    assert memo.chunks["stdin:1f"] == [Chunk(heading="", text="hello")]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"path": ""},
        {"path": 7},
        {"path": "notes/a.md"},
        {"path": "https://example.test/"},
        {"content": "aGk="},
        {"source": "/etc/passwd", "content": "aGk="},
        {"source": "stdin:1f", "content": "not Base64!"},
    ],
)
def test_a_payload_that_makes_no_sense_is_refused(intake, payload):
    with pytest.raises(InvalidInput):
        take_in(intake, payload)
