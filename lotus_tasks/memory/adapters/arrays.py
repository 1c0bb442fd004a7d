"""PostgreSQL's arrays of numbers as numpy arrays, without a Python object for each element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from lotus_tasks.spine.database import Connection

_HEADER_BYTES: Final = 20
"""Of a one-dimensional array: dimensions, flags, element type, length, lower bound (src/backend/utils/adt/arrayfuncs.c)."""


class _ArrayLoader(Loader):
    """Reads a one-dimensional binary array without nulls."""

    format = Format.BINARY
    wire: np.dtype[Any]
    native: np.dtype[Any]

    def load(self, data: Buffer) -> Any:
        raw = bytes(data)
        if len(raw) < _HEADER_BYTES:
            return np.empty(0, self.native)
        return np.frombuffer(raw, self.wire, offset=_HEADER_BYTES)["value"].astype(self.native)


def _loader(code: str, native: type) -> type[_ArrayLoader]:
    wire = np.dtype([("bytes", ">i4"), ("value", code)])
    return type(f"_Loader{code[1:]}", (_ArrayLoader,), {"wire": wire, "native": np.dtype(native)})


_LOADERS: Final[Mapping[str, type[_ArrayLoader]]] = {
    "int2[]": _loader(">i2", np.int32),
    "int4[]": _loader(">i4", np.int32),
    "int8[]": _loader(">i8", np.int64),
    "float8[]": _loader(">f8", np.float64),
}
_OIDS: Final = {"int2[]": 1005, "int4[]": 1007, "int8[]": 1016, "float8[]": 1022}
"""From pg_type: fixed in every PostgreSQL."""


def numeric_cursor(conn: Connection) -> Any:
    """A cursor that reads binary results, arrays of numbers as numpy arrays."""
    cursor = conn.cursor(binary=True)
    for name, loader in _LOADERS.items():
        cursor.adapters.register_loader(_OIDS[name], loader)
    return cursor
