"""What the user hands to `ask`: the question, files, a schema. Each is read here, and refused with one clear line."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from lotus_tasks.errors import InvalidInput
from lotus_tasks.origins import OUTSIDE, OWN_FILE
from lotus_tasks.reasoning.models import Attachment

MAX_QUESTION_BYTES = 256 * 1024
"""More than any model takes; a longer text belongs into memory (`ingest`) or a file (`-f`)."""
MAX_FILES_BYTES = 1024 * 1024
MAX_SCHEMA_CHARACTERS = 64 * 1024


def read_question(text: tuple[str, ...]) -> str:
    """The question from the arguments, or from standard input for "-". Raises InvalidInput for one that can't be asked."""
    if text == ("-",):
        if sys.stdin is None:  # closed by whoever called
            raise InvalidInput("standard input is closed; give the question as an argument")
        raw = sys.stdin.buffer.read(MAX_QUESTION_BYTES + 1)
        try:
            question = raw.decode("utf-8") if len(raw) <= MAX_QUESTION_BYTES else raw.decode("utf-8", "replace")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"standard input is not UTF-8 text (byte {error.start})") from error
        size = len(raw)
    else:
        question = decode_argument(" ".join(text))
        size = len(question.encode("utf-8"))
    if size > MAX_QUESTION_BYTES:
        raise InvalidInput(
            f"the question is longer than {MAX_QUESTION_BYTES // 1024} KB; put long text into memory with `ingest`, "
            "or give the model a file with `-f`"
        )
    if not question.strip():
        raise InvalidInput('the question is empty; try: manage.py ask "where is the spare key?"')
    return question.strip()


def is_piped() -> bool:
    """Whether standard input is other than a terminal, so that others may have written what it says."""
    return sys.stdin is not None and not sys.stdin.isatty()


def read_piped() -> list[Attachment]:
    """Standard input as what the question is about. Raises InvalidInput for what isn't text, or is too much."""
    if sys.stdin is None:
        raise InvalidInput("standard input is closed; give the question alone")
    raw = sys.stdin.buffer.read(MAX_FILES_BYTES + 1)
    if len(raw) > MAX_FILES_BYTES:
        raise InvalidInput(f"standard input is longer than {MAX_FILES_BYTES // 1024} KB; use `ingest` for it")
    try:
        content = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"standard input is not UTF-8 text (byte {error.start})") from error
    if "\x00" in content:
        raise InvalidInput("standard input is binary; only text can be given to the model")
    return [Attachment(name="standard input", text=content, origin=OUTSIDE)]


def read_told(text: str) -> str:
    """A text to be kept, from the argument, or from standard input for "-". Raises InvalidInput for an empty one, and for what is
    no UTF-8: a text that lost letters would be kept for good.
    """
    try:
        if text != "-":
            told = os.fsencode(text).decode("utf-8")
        elif sys.stdin is None:
            raise InvalidInput("standard input is closed; give the text as an argument")
        else:
            told = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        where = "standard input" if text == "-" else "the text"
        raise InvalidInput(f"{where} is not UTF-8 (byte {error.start}); nothing was kept") from error
    if not told.strip():
        raise InvalidInput("there is nothing to remember: the text is empty")
    return told


def decode_argument(value: str) -> str:
    """An argument as text: bytes that are no UTF-8 arrive as lone surrogates (PEP 383), which nothing else takes."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def read_attachments(files: tuple[str, ...]) -> list[Attachment]:
    """The files as text. Raises InvalidInput for one that can't be read, isn't text, or is too much."""
    attachments: list[Attachment] = []
    total = 0
    for name in files:
        if not name:
            raise InvalidInput("a file's name is empty")
        path = Path(name)
        try:
            path = path.expanduser()
            if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe without a writer would be waited for
                raise InvalidInput(f"{name} is not a regular file")
            with path.open("rb") as file:
                raw = file.read(MAX_FILES_BYTES + 1)
            content = raw.decode("utf-8-sig") if len(raw) <= MAX_FILES_BYTES else ""
        except OSError as error:
            raise InvalidInput(f"{name} can't be read: {error.strerror}") from error
        except RuntimeError as error:  # ~somebody, who has no home here
            raise InvalidInput(f"{name} can't be read: there is no such user") from error
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"{name} is not UTF-8 text (byte {error.start}); only text can be given to the model"
            ) from error
        total += len(raw)
        if total > MAX_FILES_BYTES:
            raise InvalidInput(
                f"{name}: files of more than {MAX_FILES_BYTES // 1024} KB together; use `ingest` for them"
            )
        if "\x00" in content:
            raise InvalidInput(f"{name} is a binary file; only text can be given to the model")
        attachments.append(Attachment(name=decode_argument(path.name), text=content, origin=OWN_FILE))
    return attachments


def read_schema(name: str) -> dict[str, Any]:
    """The JSON Schema in a file. Raises InvalidInput for one that can't be read or is none."""
    from lotus_tasks.reasoning.service.structuring import Mismatch, check_schema

    (file,) = read_attachments((name,))
    try:
        schema = json.loads(file.text)
        check_schema(schema)
    except (ValueError, RecursionError, Mismatch) as error:
        raise InvalidInput(f"{name} is no JSON Schema: {' '.join(str(error).split())}") from error
    if len(file.text) > MAX_SCHEMA_CHARACTERS:
        raise InvalidInput(f"{name} is longer than {MAX_SCHEMA_CHARACTERS // 1024} K; no model follows such a schema")
    found: dict[str, Any] = schema
    return found
