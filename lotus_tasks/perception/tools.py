"""Perception's tools: the user's files in the folders they allowed, and public web pages. All of it is text from outside."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lotus_tasks import bootstrap
from lotus_tasks.errors import Cancelled, HandBack, InvalidInput
from lotus_tasks.origins import OUTSIDE, OWN_FILE
from lotus_tasks.perception.adapters.local_files import LocalFiles
from lotus_tasks.perception.adapters.web import Web
from lotus_tasks.perception.models import Document, Skip
from lotus_tasks.perception.service.decoding import decode
from lotus_tasks.tools import MAX_ANSWER_CHARACTERS, Tool, ToolAnswer, ToolContext, tool
from lotus_tasks.work import Work

MOST_ENTRIES = 200
MOST_HITS = 50
SEARCH_S = 10.0
LARGEST_SEARCHED_BYTES = 1_000_000
_LINE_CHARACTERS = 300


@tool("perception", answers_as=OWN_FILE, is_offered=bootstrap.has_folders)
def read_file(
    context: ToolContext,
    path: Annotated[str, Field(description="inside a folder the user allowed")],
    first_line: Annotated[int, Field(ge=1, description="where to begin, for the rest of a long file")] = 1,
) -> ToolAnswer:
    """Read a text file of the user's."""
    del context
    real = bootstrap.allowed_folders().find(path)
    document = _read(real, _files())
    lines = document.text.split("\n")
    if first_line > len(lines):
        raise InvalidInput(f"{path} has {len(lines)} lines")
    text, shown = "", 0
    for line in lines[first_line - 1 :]:
        if text and len(text) + len(line) > MAX_ANSWER_CHARACTERS - 200:
            break
        text += f"{line}\n"
        shown += 1
    left = len(lines) - (first_line - 1 + shown)
    if left:
        text += f"[{left} lines more: go on with first_line={first_line + shown}]"
    return ToolAnswer(text=text, sources=[str(real)])


@tool("perception", answers_as=OWN_FILE, is_offered=bootstrap.has_folders)
def list_files(
    context: ToolContext,
    folder: Annotated[str, Field(description="inside a folder the user allowed; empty for those folders")] = "",
) -> ToolAnswer:
    """List what is in a folder of the user's: its folders, and its files with size and date."""
    del context
    folders = bootstrap.allowed_folders()
    if not folder and len(folders.folders) > 1:
        return ToolAnswer(text="\n".join(f"{path}/" for path in folders.folders))
    real = folders.find(folder or ".")
    if not real.is_dir():
        raise InvalidInput(f"{folder} is no folder")
    try:
        closed = bootstrap.closed_places()
        visible = sorted(
            (one for one in real.iterdir() if not one.name.startswith(".")), key=lambda one: one.name.lower()
        )
        entries = [one for one in visible if not closed.reason_against(one)]
    except OSError as error:
        raise InvalidInput(f"{folder} can't be listed: {error.strerror}") from error
    lines = [_described(entry) for entry in entries[:MOST_ENTRIES]]
    if len(entries) > MOST_ENTRIES:
        lines.append(f"[{len(entries) - MOST_ENTRIES} more]")
    if len(visible) > len(entries):
        lines.append(f"[{len(visible) - len(entries)} closed to tools]")
    return ToolAnswer(text="\n".join(lines) or "The folder is empty.", sources=[str(real)])


@tool("perception", answers_as=OWN_FILE, is_offered=bootstrap.has_folders)
def search_files(
    context: ToolContext,
    text: Annotated[
        str, Field(min_length=1, max_length=200, description="what a line has to hold; case doesn't matter")
    ],
    folder: Annotated[str, Field(description="inside a folder the user allowed; empty for all of them")] = "",
    names: Annotated[str, Field(description="only files named so, e.g. *.md")] = "*",
) -> ToolAnswer:
    """Find lines in the user's text files."""
    folders = bootstrap.allowed_folders()
    roots = [folders.find(folder)] if folder else [folders.find(str(path)) for path in folders.folders]
    if not roots:
        folders.find(".")
    hits: list[str] = []
    sources: dict[str, None] = {}
    until = time.monotonic() + SEARCH_S
    files = _files()
    for path in _walk(roots, names, files):
        _look(context.work)
        if time.monotonic() > until:
            hits.append(f"[stopped after {SEARCH_S:g} s: name a folder]")
            break
        for number, line in _matches(path, text.casefold(), files):
            hits.append(f"{_named(str(path))}:{number}: {' '.join(line.split())[:_LINE_CHARACTERS]}")
            sources[str(path)] = None
            if len(hits) == MOST_HITS:
                hits.append(f"[more than {MOST_HITS} lines hold it: be more exact]")
                return ToolAnswer(text="\n".join(hits), sources=list(sources))
    return ToolAnswer(text="\n".join(hits) or "No line holds it.", sources=list(sources))


@tool("perception", answers_as=OUTSIDE, address_argument="url")
def fetch_url(
    context: ToolContext, url: Annotated[str, Field(max_length=2000, description="a public http or https address")]
) -> ToolAnswer:
    """Read a public web page: its readable text, without menus and pictures."""
    from lotus_tasks.perception.service.pages import read_page

    # In the test-suite, which sets this for model clients too, this machine is all that can be reached.
    web = Web(allow_loopback=os.environ.get("LOTUS_TEST_LOOPBACK_ONLY") == "1")
    # Where the user's yes was for this host, no redirect carries the address's words on to another.
    stay_at = str(context.work.payload.get("destination") or "")
    fetched = web.fetch(url, stay_at=stay_at, interrupt=lambda: _look(context.work))
    text = fetched.text
    if fetched.is_html:
        page = read_page(text)
        text = f"{page.title}\n\n{page.text}" if page.title and page.title not in page.text[:500] else page.text
    if not text.strip():
        raise InvalidInput(f"{fetched.url} has no readable text; it may need a browser")
    if fetched.cut:
        text += "\n[the page goes on]"
    return ToolAnswer(text=f"{fetched.url}\n\n{text}", sources=[fetched.url])


def _read(path: Path, files: LocalFiles) -> Document:
    raw = files.read(str(path))
    found = raw if isinstance(raw, Skip) else decode(raw)
    if isinstance(found, Skip):
        raise InvalidInput(f"{path}: {found.reason}")
    return found


def _files() -> LocalFiles:
    return LocalFiles(closed=bootstrap.closed_places())


def _described(entry: Path) -> str:
    try:
        if entry.is_dir():
            return f"{_named(entry.name)}/"
        state = entry.stat()
    except OSError as error:
        return f"{_named(entry.name)}  ({error.strerror})"
    modified_at = datetime.fromtimestamp(state.st_mtime, UTC).astimezone()
    return f"{_named(entry.name)}  {state.st_size} bytes  {modified_at:%Y-%m-%d %H:%M}"


def _named(name: str) -> str:
    """A name on one line: one with a line break would be read as lines of the answer."""
    return name if name.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in name)


def _walk(roots: list[Path], names: str, files: LocalFiles) -> Iterator[Path]:
    seen: set[str] = set()
    for root in roots:
        if root.is_file():
            yield root
            continue
        after: str | None = None
        while True:
            page = files.list_files(str(root), after=after, limit=200)
            for name in page.files:
                if name not in seen and fnmatch(Path(name).name, names):
                    seen.add(name)
                    yield Path(name)
            after = page.after
            if after is None:
                break


def _matches(path: Path, wanted: str, files: LocalFiles) -> Iterator[tuple[int, str]]:
    try:
        if path.stat().st_size > LARGEST_SEARCHED_BYTES:
            return
        document = _read(path, files)
    except (OSError, InvalidInput):
        return
    for number, line in enumerate(document.text.split("\n"), 1):
        if wanted in line.casefold():
            yield number, line


def _look(work: Work) -> None:
    if work.cancelled():
        raise Cancelled("the run was cancelled")
    if work.stopping():
        raise HandBack("the worker is stopping")


TOOLS: tuple[Tool, ...] = (read_file, list_files, search_files, fetch_url)
"""What the manifest names."""
