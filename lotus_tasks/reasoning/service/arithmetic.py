"""Arithmetic that can't do anything else: names and functions from a list, operands of bounded size."""

from __future__ import annotations

import math

from simpleeval import InvalidExpression, SimpleEval

from lotus_tasks.errors import InvalidInput

_FUNCTIONS = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": max,
    "min": min,
    "round": round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}
_NAMES = {"e": math.e, "pi": math.pi, "tau": math.tau}
MAX_CHARACTERS = 500


def evaluate(expression: str) -> str:
    """The value of ``expression`` as text. Raises InvalidInput for what is no arithmetic or is too large."""
    if len(expression) > MAX_CHARACTERS:
        raise InvalidInput(f"the expression is longer than {MAX_CHARACTERS} characters")
    try:
        value = SimpleEval(functions=_FUNCTIONS, names=_NAMES).eval(expression)
        written = str(value)  # refuses an integer of more than 4 300 digits
    except (
        InvalidExpression,
        ArithmeticError,
        ValueError,
        TypeError,
        SyntaxError,
        RecursionError,
        MemoryError,
    ) as error:
        raise InvalidInput(f"{expression!r} can't be calculated: {error}") from error
    if not isinstance(value, (int, float)):
        raise InvalidInput(f"{expression!r} is no arithmetic")
    return written
