"""What a server has compressed, unpacked by steps: never more at a time than one step, however small what came was."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from lotus_tasks.errors import InvalidInput, Permanent

STEP_BYTES = 64 * 1024
MOST_CODINGS = 2
"""More, one in the other, are no page but a bomb."""
ACCEPTED = "gzip, deflate"
"""What is asked for (RFC 9110, 8.4)."""


def unpack(pieces: Iterable[bytes], codings: str) -> Iterator[bytes]:
    """The content of ``pieces``, packed as the header Content-Encoding says. Lazy: what isn't taken isn't unpacked.

    Raises InvalidInput for a packing that can't be undone, Permanent for damaged content.
    """
    names = [name for one in codings.lower().split(",") if (name := one.strip()) not in {"", "identity"}]
    if len(names) > MOST_CODINGS:
        raise InvalidInput(f"it is packed {len(names)} times over")
    content = iter(pieces)
    for name in reversed(names):
        if name not in {"gzip", "x-gzip", "deflate"}:
            raise InvalidInput(f"it is packed as {name[:40]}, which was not asked for")
        content = _inflate(content, many=name != "deflate")
    return content


def _inflate(pieces: Iterator[bytes], *, many: bool) -> Iterator[bytes]:
    """``many``: gzip, which may be several members one after the other; else deflate, with zlib's head or without."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) > 1:
            break
    bits = 31 if many else 15 if _has_zlib_head(head) else -15
    unpacker = zlib.decompressobj(bits)
    try:
        for piece in chain((head,), pieces):
            rest = piece
            while True:
                content = unpacker.decompress(rest, STEP_BYTES)
                if content:
                    yield content
                rest = unpacker.unconsumed_tail
                if unpacker.eof:
                    rest = unpacker.unused_data
                    if not many or not (rest.startswith(b"\x1f") or not rest):
                        return  # what follows is none of it
                    unpacker = zlib.decompressobj(bits)
                if not rest and len(content) < STEP_BYTES:
                    break
    except zlib.error as error:
        raise Permanent(f"its compression is damaged: {error}") from error


def _has_zlib_head(head: bytes) -> bool:
    """RFC 1950, 2.2."""
    return len(head) > 1 and head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
