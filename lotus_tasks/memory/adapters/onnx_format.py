"""Writes ONNX files: the few messages of the format that a graph needs, in protobuf's encoding.

The package ``onnx`` (26 MB) would do the same for the one graph that LOTUS builds once. Field numbers are those of onnx.proto3
(IR version 8, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3), the encoding is https://protobuf.dev/programming-guides/encoding.
Each function returns one encoded message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Final

_VARINT: Final = 0
_LENGTH: Final = 2
_FIXED32: Final = 5
_FLOAT_ATTRIBUTE: Final = 1
_INT_ATTRIBUTE: Final = 2
_EXTERNAL: Final = 1


class ElementType(IntEnum):
    """TensorProto.DataType, those used here."""

    FLOAT = 1
    UINT8 = 2
    INT32 = 6
    INT64 = 7


def encode_node(
    operator: str, inputs: Iterable[str], outputs: Iterable[str], attributes: Mapping[str, float], *, domain: str = ""
) -> bytes:
    """NodeProto. Attributes are whole numbers or floats, by the type of the value."""
    parts = [*(_text(1, name) for name in inputs), *(_text(2, name) for name in outputs), _text(4, operator)]
    parts += [_bytes(5, _attribute(name, value)) for name, value in sorted(attributes.items())]
    if domain:
        parts.append(_text(7, domain))
    return b"".join(parts)


def encode_numbers(name: str, values: Sequence[int]) -> bytes:
    """TensorProto of int64 in one dimension, its values inside."""
    packed = b"".join(_varint(value) for value in values)
    return _number(1, len(values)) + _number(2, ElementType.INT64) + _bytes(7, packed) + _text(8, name)


def encode_external(
    name: str, kind: ElementType, shape: Iterable[int], *, file: str, offset: int, length: int
) -> bytes:
    """TensorProto whose values are ``length`` bytes of ``file``, beside the graph, from ``offset`` on."""
    place = {"location": file, "offset": str(offset), "length": str(length)}
    entries = [_bytes(13, _text(1, key) + _text(2, value)) for key, value in place.items()]
    dimensions = [_number(1, size) for size in shape]
    return b"".join([*dimensions, _number(2, kind), _text(8, name), *entries, _number(14, _EXTERNAL)])


def encode_value(name: str, kind: ElementType, shape: Iterable[int | str]) -> bytes:
    """ValueInfoProto: an input or output. A dimension is a size or the name of one."""
    sizes = b"".join(_bytes(1, _text(2, one) if isinstance(one, str) else _number(1, one)) for one in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, sizes)))


def encode_graph(
    name: str, *, nodes: Iterable[bytes], constants: Iterable[bytes], inputs: Iterable[bytes], outputs: Iterable[bytes]
) -> bytes:
    """GraphProto of encoded nodes, tensors and values."""
    parts = [*(_bytes(1, node) for node in nodes), _text(2, name), *(_bytes(5, constant) for constant in constants)]
    parts += [*(_bytes(11, value) for value in inputs), *(_bytes(12, value) for value in outputs)]
    return b"".join(parts)


def encode_model(graph: bytes, *, ir_version: int, opsets: dict[str, int]) -> bytes:
    """ModelProto: the file's content. ``opsets``: operators' version by domain."""
    versions = [_bytes(8, _text(1, domain) + _number(2, version)) for domain, version in opsets.items()]
    return b"".join([_number(1, ir_version), _bytes(7, graph), *versions])


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _INT_ATTRIBUTE)
    return _text(1, name) + _key(2, _FIXED32) + struct.pack("<f", value) + _number(20, _FLOAT_ATTRIBUTE)


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number as its 64-bit complement."""
    rest = value & 0xFFFF_FFFF_FFFF_FFFF
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def _number(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _key(field, _LENGTH) + _varint(len(content)) + content


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
