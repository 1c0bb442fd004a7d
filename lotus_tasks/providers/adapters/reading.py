"""What comes over a wire, whatever its shape: lines, events, fields, and the pieces of a reply.

Servers that imitate a vendor leave fields out, send null, a list for a text, or a whole document where a stream was asked for.
What can be understood is; anything else raises ValueError, which `failures.translated` makes a fault of that provider.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from lotus_tasks.providers.models import Delta, StopDelta, TextDelta, ThoughtDelta
from lotus_tasks.providers.service.thoughts import ThoughtSplitter
from lotus_tasks.values import join_surrogates

DONE: Final = "[DONE]"
"""The event by which a stream of chat completions ends."""
_MOST_TOKENS = 2**31
"""More is no count, and no integer to PostgreSQL."""
_LONGEST_LINE = 32 * 2**20
_FIELD = re.compile(r"(data|event|id|retry):")
_TEXTS = ("text", "output_text", "refusal")
_THOUGHTS = ("thinking", "thought", "reasoning", "reasoning_text")


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines of a body. They end with LF alone: httpx's own reader also ends them at characters that JSON may hold."""
    rest = b""
    chunks = _without_mark(chunks)
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()
        if len(rest) > _LONGEST_LINE:
            raise ValueError(f"a line of more than {_LONGEST_LINE} bytes")
    if rest:
        yield rest.removesuffix(b"\r").decode()


def _without_mark(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The body without the byte order mark that some servers begin a text with."""
    begun = b""
    whole = iter(chunks)
    for chunk in whole:
        begun += chunk
        if len(begun) >= len(codecs.BOM_UTF8):
            break
    yield begun.removeprefix(codecs.BOM_UTF8)
    yield from whole


def events(body: Iterable[str]) -> Iterator[Any]:
    """The documents of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), ``DONE`` as itself.

    A body that holds no event is one document. A ``ping`` is none. An ``error`` event's document is ``{"error": …}`` in any case.
    """
    data: list[str] = []
    loose: list[str] = []
    name, seen = "", False
    for line in body:
        if field := _FIELD.match(line):
            seen = True
            value = line[field.end() :].removeprefix(" ")
            name = value if field[1] == "event" else name
            data += [value] if field[1] == "data" else []
        elif not line.strip():
            yield from _documents(name, data)
            name, data = "", []
        elif seen and line.startswith("{"):  # an error, as some servers send it into a stream
            yield json.loads(line)
        elif not line.startswith(":"):
            loose.append(line)
    yield from _documents(name, data)
    if loose and not seen:
        yield json.loads("\n".join(loose))


def _documents(name: str, data: list[str]) -> Iterator[Any]:
    """One event is one document; some servers forget the empty line between two."""
    if name == "ping":
        return
    try:
        found = [_document("\n".join(data))]
    except ValueError:
        if len(data) < 2:
            raise
        found = [_document(one) for one in data]
    for document in found:
        if name == "error" and document is not DONE and not (isinstance(document, Mapping) and document.get("error")):
            yield {"error": document}
        elif document is not None:
            yield document


def _document(text: str) -> Any:
    if text.startswith(DONE):
        return DONE
    return json.loads(text) if text.strip() else None


def documents(body: Iterable[str]) -> Iterator[Any]:
    """The documents of a body with one in each line, or of one that is a single document over several lines."""
    kept = ""
    count = 0
    for line in body:
        kept += line
        if not kept.strip():
            continue
        try:
            found = json.loads(kept)
        except ValueError:
            if count:
                raise
            kept += "\n"
        else:
            kept = ""
            count += 1
            if found is not None:
                yield found
    if kept.strip():
        yield json.loads(kept)


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """The object that ``value`` is; an empty one for null."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} that is a {type(value).__name__}")  # noqa: TRY004 - it is the server's reply
    return value


def listed(value: Any, what: str) -> list[Any]:
    """The list that ``value`` is; an empty one for null."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{what} that are a {type(value).__name__}")  # noqa: TRY004 - it is the server's reply
    return value


def text(value: Any, what: str) -> str:
    """The text that ``value`` is; an empty one for null."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{what} that is a {type(value).__name__}")  # noqa: TRY004 - it is the server's reply
    return value


def count(value: Any) -> int:
    """How many tokens were counted; 0 for what is no number or can be none: an answer isn't thrown away for its bill."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 < value < _MOST_TOKENS else 0


def speech(value: Any, what: str = "content") -> Iterator[TextDelta | ThoughtDelta]:
    """The text and the thoughts in a message's content: a text, a part, or a list of parts."""
    if isinstance(value, list):
        for part in value:
            yield from speech(part, what)
    elif isinstance(value, Mapping):
        yield from _part(value, what)
    elif said := text(value, what):
        yield TextDelta(said)


def _part(part: Mapping[str, Any], what: str) -> Iterator[TextDelta | ThoughtDelta]:
    kind = part.get("type")
    names = _THOUGHTS if kind in _THOUGHTS else _TEXTS
    found = [part[name] for name in (*names, "text", "content") if part.get(name) is not None]
    if kind not in {None, *_TEXTS, *_THOUGHTS} or not found:
        raise ValueError(f"{what} with a part of type {kind!r}")
    for piece in speech(found[0], what):
        yield ThoughtDelta(piece.text) if kind in _THOUGHTS else piece


def thought(value: Any) -> Iterator[ThoughtDelta]:
    """What stands in a field for thoughts."""
    for piece in speech(value, "thinking"):
        yield ThoughtDelta(piece.text)


def heard(deltas: Generator[Delta, None, None], *, splits: bool = False) -> Iterator[Delta]:
    """The pieces of a reply with no character cut in two and, where it ``splits``, no thought in the text."""
    said, thoughts = _Halves(), _Halves()
    splitter = ThoughtSplitter() if splits else None
    with closing(deltas):
        for delta in deltas:
            match delta:
                case TextDelta(piece):
                    whole = said.join(piece)
                    yield from splitter.feed(whole) if splitter else (TextDelta(whole),)
                case ThoughtDelta(piece):
                    yield ThoughtDelta(thoughts.join(piece))
                case StopDelta():
                    yield from _rest(said, thoughts, splitter)
                    yield delta
                case _:
                    yield delta
        yield from _rest(said, thoughts, splitter)


def _rest(said: _Halves, thoughts: _Halves, splitter: ThoughtSplitter | None) -> Iterator[Delta]:
    left, left_thought = said.rest(), thoughts.rest()
    if left_thought:
        yield ThoughtDelta(left_thought)
    if splitter is not None:
        yield from splitter.feed(left)
        yield from splitter.finish()
    elif left:
        yield TextDelta(left)


class _Halves:
    """Puts the two surrogates of a character together that came in two pieces: JSON may name each by itself."""

    def __init__(self) -> None:
        self._first = ""

    def join(self, piece: str) -> str:
        """The piece with what was kept of the one before, without a first half at its end."""
        whole = join_surrogates(self._first + piece)
        self._first = whole[-1] if whole and "\ud800" <= whole[-1] <= "\udbff" else ""
        return whole[: len(whole) - len(self._first)]

    def rest(self) -> str:
        """A half that stayed alone."""
        rest, self._first = self._first, ""
        return rest
