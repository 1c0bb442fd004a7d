"""Answers as JSON that fits a JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

_FENCED = re.compile(r"```[\w-]*\s*\n(.*?)```", re.DOTALL)
_REASON_CHARACTERS = 300


class Mismatch(Exception):  # noqa: N818 - said of an answer, not of the program
    """Why a text is not the JSON that was asked for, in one line."""


def instruction(schema: Mapping[str, Any]) -> str:
    """What the model is told."""
    return (
        "Answer with one JSON value that fits the JSON Schema below, and with nothing else: no text around it, no Markdown "
        f"fence, no numbers of memories.\nJSON Schema: {json.dumps(schema, ensure_ascii=False)}"
    )


def correction(reason: str) -> str:
    """What the model is told of an answer that doesn't fit."""
    return f"This does not fit the JSON Schema: {reason}\nAnswer again, with the JSON value that fits and nothing else."


def check_schema(schema: Any) -> None:
    """Raises Mismatch where ``schema`` is no JSON Schema."""
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, dict):
        raise Mismatch("it is no JSON object")
    try:
        validator = _validator_class(schema)
        validator.check_schema(schema, format_checker=validator.FORMAT_CHECKER)
    except SchemaError as error:
        raise Mismatch(_short(f"{error.json_path}: {error.message}")) from error
    except RecursionError as error:
        raise Mismatch("it is nested too deeply") from error


def read_answer(text: str, schema: Mapping[str, Any]) -> Any:
    """The JSON value in a model's answer: all of it, or what stands in its one fence. Raises Mismatch.

    A reference that leads out of the schema is not fetched.
    """
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        value = _parse(text)
        validator = _validator_class(schema)(schema, registry=Registry())
        error = best_match(validator.iter_errors(value))
    except Unresolvable as missing:
        raise Mismatch(f"the schema refers to {missing.ref}, which is not in it") from missing
    except RecursionError as deep:
        raise Mismatch("it is nested too deeply") from deep
    if error is not None:
        raise Mismatch(_short(f"{error.json_path}: {error.message}"))
    return value


def _parse(text: str) -> Any:
    fenced = _FENCED.findall(text)
    inner = fenced[0] if len(fenced) == 1 else text
    if not inner.strip():
        raise Mismatch("it is empty")
    try:
        return json.loads(inner, parse_constant=_refuse)
    except ValueError as error:
        raise Mismatch(f"it is no JSON ({error})") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _validator_class(schema: Mapping[str, Any]) -> Any:
    from jsonschema.validators import Draft202012Validator, validator_for

    return validator_for(schema, default=Draft202012Validator)


def _short(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= _REASON_CHARACTERS else line[: _REASON_CHARACTERS - 1] + "…"
