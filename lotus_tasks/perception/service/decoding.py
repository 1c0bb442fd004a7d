"""Bytes to text, or the reason why they are none."""

from __future__ import annotations

import codecs
import hashlib
import re
from contextlib import suppress
from pathlib import PurePath

from lotus_tasks.perception.models import LARGEST_FILE_BYTES, Document, RawSource, Skip, TextKind
from lotus_tasks.perception.service.old_encodings import USUAL, guess_encoding

MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mdown", ".mkd", ".mkdn"})

UNREAD_FORMATS = {
    ".pdf": "PDF", ".doc": "Word", ".docx": "Word", ".odt": "OpenDocument", ".rtf": "RTF", ".epub": "EPUB", ".html": "HTML",
    ".htm": "HTML", ".xlsx": "Excel", ".xls": "Excel", ".ods": "OpenDocument", ".pptx": "PowerPoint", ".ppt": "PowerPoint",
    ".odp": "OpenDocument", ".eml": "e-mail", ".mbox": "e-mail", ".ipynb": "Jupyter",
}  # fmt: skip
"""Documents of formats that perception doesn't read, by suffix: the user hears which, instead of getting tag soup."""

_SIGNATURES = {b"%PDF-": "PDF", b"{\\rtf": "RTF", b"PK\x03\x04": "a ZIP archive or an office document"}
_BOMS = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
_WESTERN_SIGNS = "’‘“”„–—…«»€£§°ºª·•¡¿\xa0"
_WORD = re.compile(r"[^\W\d_]+")
_UNKNOWN = "it is not UTF-8, and which encoding it is in isn't clear; save it as UTF-8"
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|^PuTTY-User-Key-File-\d|^AGE-SECRET-KEY-1[A-Z0-9]", re.MULTILINE
)
"""PEM and OpenSSH, OpenPGP, PuTTY, age."""


def decode(raw: RawSource) -> Document | Skip:
    """The source's text. Nothing is guessed that isn't plausible: a wrong text would be remembered as if it were true."""
    text = _text_of(raw)
    reason = text.reason if isinstance(text, _Unreadable) else _reason_against(text)
    content_hash = hashlib.sha256(raw.content).hexdigest()
    if isinstance(text, _Unreadable) or reason:
        return Skip(
            source=raw.source,
            reason=reason,
            content_hash=content_hash,
            size_bytes=len(raw.content),
            modified_at=raw.modified_at,
            read_at=raw.read_at,
            withdraws=True,
        )
    return Document(
        source=raw.source,
        origin=raw.origin,
        kind=kind_of(raw.source),
        text=text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd"),
        content_hash=content_hash,
        size_bytes=len(raw.content),
        modified_at=raw.modified_at,
        read_at=raw.read_at,
    )


def kind_of(source: str) -> TextKind:
    """Markdown by its suffix; what comes from stdin is read as Markdown, of which plain text is a part."""
    return "markdown" if source.startswith("stdin:") or _suffix(source) in MARKDOWN_SUFFIXES else "text"


def unread_format(path: str) -> str | None:
    """The name of the format, where the suffix names one that perception doesn't read."""
    return UNREAD_FORMATS.get(_suffix(path))


class _Unreadable:
    def __init__(self, reason: str) -> None:
        self.reason = reason


def _suffix(source: str) -> str:
    return PurePath(source).suffix.lower()


def _text_of(raw: RawSource) -> str | _Unreadable:
    content = raw.content
    if reason := _reason_to_leave(raw):
        return _Unreadable(reason)
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                return _Unreadable(
                    f"it claims to be {encoding.removesuffix('-sig').upper()} and isn't; save it as UTF-8"
                )
    if b"\x1b$" in content and content.isascii():
        for encoding in ("iso2022_jp_2", "iso2022_kr"):  # they say so themselves, by their escape sequences
            with suppress(UnicodeDecodeError):
                return content.decode(encoding)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _damaged_utf8(content) or _of_old(content) or _Unreadable(_UNKNOWN)


def _reason_to_leave(raw: RawSource) -> str:
    if len(raw.content) > LARGEST_FILE_BYTES:
        return f"it is larger than {LARGEST_FILE_BYTES // 1_000_000} MB; split it"
    if not raw.content:
        return "it is empty"
    if name := unread_format(raw.source):
        return f"{name} is not read yet; export it as text or Markdown"
    for signature, name in _SIGNATURES.items():
        if raw.content.startswith(signature):
            return f"it is {name}, not text"
    has_mark = any(raw.content.startswith(mark) for mark, _ in _BOMS)
    return "it is binary, not text" if b"\x00" in raw.content and not has_mark else ""


def _damaged_utf8(content: bytes) -> str | None:
    """UTF-8 with a few broken bytes: they become U+FFFD, as long as there are more sound characters beyond ASCII than broken."""
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    beyond_ascii = sum(1 for character in text if character > "\x7f") - broken
    return text if beyond_ascii > broken and broken <= max(2, len(text) // 50) else None


def _of_old(content: bytes) -> str | None:
    """The text of one of the encodings before Unicode, where it is clear which."""
    encoding = guess_encoding(content)
    if encoding is None or encoding == USUAL:
        return _western(content) if encoding else None
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:  # beyond what was looked at
        return None


def _western(content: bytes) -> str | None:
    """Windows-1252, of which Latin-1 is a part: plausible where nearly all is ASCII and the rest are letters and quotes."""
    high = sum(1 for byte in content if byte > 0x7F)
    if high > 0.3 * len(content):
        return None
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    odd = sum(
        1 for character in text if character > "\x7f" and not (character.isalpha() or character in _WESTERN_SIGNS)
    )
    return None if _CONTROLS.search(text) or odd > 0.2 * high or _is_another_script(text) else text


def _is_another_script(text: str) -> bool:
    """Whether the words with letters beyond ASCII have hardly any other: Cyrillic, Greek, Hebrew … in an encoding of their own.

    In languages that Windows-1252 is for, such a letter stands among ASCII's in nearly every word.
    """
    mixed = foreign = 0
    for word in _WORD.findall(text):
        if not word.isascii():
            if any(character < "\x80" for character in word):
                mixed += 1
            elif len(word) > 1:
                foreign += 1
    return foreign * 4 > mixed + foreign


def _reason_against(text: str) -> str:
    if not text.strip():
        return "it is empty"
    if len(_CONTROLS.findall(text)) > 0.02 * len(text):
        return "it is binary, not text"
    if _PRIVATE_KEY.search(text, 0, 20_000):
        return "it holds a private key, which is not for remembering"
    return ""
