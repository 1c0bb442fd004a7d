"""Frozen dataclasses to JSON and back.

Reading is lenient with rows that are stored: what isn't known is passed over, what is missing or null takes the field's default.
A value of another type is refused with InvalidInput, which names the field and says what it is.
"""

from __future__ import annotations

import dataclasses
import types
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from lotus_tasks.errors import InvalidInput

T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)


class Command(Generic[R_co]):
    """The root of all commands: a dataclass whose fields are the payload. ``R_co``: the class of its result.

    ``verb`` is ``module.verb``, the name of the task; a verb that every module has (``use_tool``) is named without a module. A
    field without a value (None) isn't written.
    """

    __slots__ = ()
    verb: ClassVar[str]

    @classmethod
    def upgraded(cls, payload: Mapping[str, object]) -> Mapping[str, object]:
        """A payload of an older form in today's; here, as it is."""
        return payload


@dataclasses.dataclass(frozen=True, slots=True)
class Nothing:
    """The result of a command that has none."""


def absent(default: object = None) -> Any:
    """A field that isn't written while it has its default."""
    return dataclasses.field(default=default, metadata=_ABSENT)


_ABSENT: Final = {"absent": True}


def read(cls: type[T], value: object) -> T:
    """The JSON object as an instance of ``cls``. Raises InvalidInput naming the field that is wrong, and what it should be."""
    try:
        found: T = _reader(cls)(value)  # type: ignore[arg-type]  # a class is hashable
    except _Wrong as wrong:
        path, told = ".".join(reversed(wrong.path)), wrong.value
        if told is dataclasses.MISSING:
            raise InvalidInput(f"the field {path!r} is missing: it is {wrong.expected}") from None
        what = f"the field {path!r}" if path else f"what {cls.__name__} is read from"
        raise InvalidInput(f"{what} is {wrong.expected}, not {wrong.shown}") from None
    return found


C = TypeVar("C", bound="Command[Any]")


def read_command(cls: type[C], payload: Mapping[str, object]) -> C:
    """The command in a row's payload. Raises InvalidInput as read() does."""
    return read(cls, cls.upgraded(payload))


def write(value: object) -> dict[str, Any]:
    """A dataclass, or a mapping, as a JSON object."""
    written: dict[str, Any] = _plain(value)
    return written


class _Wrong(Exception):  # noqa: N818 - a message to read() only
    """``value`` is not what is ``expected``; ``form``: it may be a text, but not this one.

    ``path``: the fields it stands in, the innermost first.
    """

    def __init__(self, expected: str, value: object, *, form: bool = False) -> None:
        self.expected = expected
        self.value = value
        # A text that is read from a text may be anything, also long or secret: it isn't shown.
        self.shown = "this text" if form and isinstance(value, str) else type(value).__name__
        self.path: list[str] = []

    def within(self, name: str) -> _Wrong:
        self.path.append(name)
        return self


_Read = Callable[[Any], Any]
_TEXT: Final = frozenset({str})
_AS_IT_IS: Final[Mapping[Any, frozenset[type]]] = {
    str: _TEXT,
    bool: frozenset({bool}),
    int: frozenset({int}),
    float: frozenset({float}),
}
"""The JSON types that need no reading, by the field's."""


@cache
def _reader(hint: Any) -> _Read:
    """What reads a value of this type."""
    hint = getattr(hint, "__supertype__", hint)  # of a NewType
    if dataclasses.is_dataclass(hint):
        return _object_reader(hint)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _choice_reader({member.value: member for member in hint})
    return _generic_reader(hint, get_origin(hint), get_args(hint))


def _generic_reader(hint: Any, origin: Any, inner: tuple[Any, ...]) -> _Read:
    if origin is Literal:
        return _choice_reader({one: one for one in inner})
    if origin in (types.UnionType, Union) and len(inner) == 2 and type(None) in inner:
        some = _reader(inner[0] if inner[1] is type(None) else inner[1])
        return lambda value: None if value is None else some(value)
    if origin is tuple and inner[1:] == (Ellipsis,):
        return _list_reader(_reader(inner[0]))
    if origin is Mapping:
        return _mapping_reader(_reader(inner[1]))
    raise TypeError(f"no JSON is known for {hint}")


def _object_reader(cls: Any) -> _Read:
    hints = get_type_hints(cls)
    fields = []
    for field in dataclasses.fields(cls):
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        hint = getattr(hints[field.name], "__supertype__", hints[field.name])
        exact = _AS_IT_IS.get(hint) or (_TEXT if hint == (str | None) else frozenset())
        fields.append((field.name, exact, _reader(hint), optional))

    def read_object(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _Wrong("an object", value)
        given = {}
        for name, exact, reader, optional in fields:
            one = value.get(name)
            if type(one) in exact:
                given[name] = one
            elif one is not None:
                try:
                    given[name] = reader(one)
                except _Wrong as wrong:
                    raise wrong.within(name) from None
            elif not optional:
                given[name] = _nothing(name, reader)
        return cls(**given)

    return read_object


def _nothing(name: str, reader: _Read) -> Any:
    """None, for a field without a default that may have no value. Raises _Wrong where it must have one."""
    try:
        return reader(None)
    except _Wrong as wrong:
        raise _Wrong(wrong.expected, dataclasses.MISSING).within(name) from None


def _list_reader(item: _Read) -> _Read:
    def read_list(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise _Wrong("a list", value)
        try:
            return tuple([item(one) for one in value])
        except _Wrong:
            for number, one in enumerate(value):
                try:
                    item(one)
                except _Wrong as wrong:
                    raise wrong.within(str(number)) from None
            raise

    return read_list


def _mapping_reader(item: _Read) -> _Read:
    def read_mapping(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _Wrong("an object", value)
        found = {}
        for name, one in value.items():
            try:
                found[name] = item(one)
            except _Wrong as wrong:
                raise wrong.within(str(name)) from None
        return found

    return read_mapping


def _choice_reader(choices: Mapping[Any, Any]) -> _Read:
    expected = f"one of {', '.join(map(str, choices))}"

    def read_choice(value: Any) -> Any:
        if not isinstance(value, str) or value not in choices:
            raise _Wrong(expected, value, form=True)
        return choices[value]

    return read_choice


def _read_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _Wrong("text", value)


def _read_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _Wrong("true or false", value)


def _read_whole(value: Any) -> int:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and int(value) == value:
        return int(value)
    raise _Wrong("a whole number", value)


def _read_number(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise _Wrong("a number", value)


def _read_id(value: Any) -> uuid.UUID:
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(_read_text(value))
    except ValueError as error:
        raise _Wrong("a UUID", value, form=True) from error


def _read_moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(_read_text(value))
    except ValueError as error:
        raise _Wrong("an ISO 8601 moment", value, form=True) from error


_SCALARS: Final[Mapping[Any, _Read]] = {
    str: _read_text,
    bool: _read_bool,
    int: _read_whole,
    float: _read_number,
    uuid.UUID: _read_id,
    datetime: _read_moment,
    object: lambda value: value,
}


def _plain(value: Any) -> Any:
    cls = type(value)
    return value if cls in _PLAIN else _writer(cls)(value)  # type: ignore[arg-type]  # as above


_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


@cache
def _writer(cls: Any) -> _Read:
    """What writes a value of this class as JSON."""
    if dataclasses.is_dataclass(cls):
        return _object_writer(cls)
    for base, writer in _WRITERS.items():
        if issubclass(cls, base):
            return writer
    raise TypeError(f"no JSON is known for {cls.__name__}")


_WRITERS: Final[Mapping[type, _Read]] = {
    Enum: lambda value: value.value,
    str: str,
    Mapping: lambda value: {str(name): _plain(one) for name, one in value.items()},
    Sequence: lambda value: [_plain(one) for one in value],
    uuid.UUID: str,
    datetime: datetime.isoformat,
}


def _object_writer(cls: Any) -> _Read:
    otherwise = None if issubclass(cls, Command) else dataclasses.MISSING
    fields = [
        (field.name, field.default if "absent" in field.metadata else otherwise) for field in dataclasses.fields(cls)
    ]

    def write_object(value: Any) -> dict[str, Any]:
        written = {}
        for name, unwritten in fields:
            one = getattr(value, name)
            if one != unwritten:
                written[name] = _plain(one)
        return written

    return write_object


def result_class(command: type[Command[R_co]]) -> type[R_co]:
    """The class of a command's result."""
    (base,) = (base for base in command.__orig_bases__ if get_origin(base) is Command)  # type: ignore[attr-defined]
    found: type[R_co] = get_args(base)[0]
    return found
