"""Arithmetic that can't do anything else: numbers, names and functions from a list, and no number that takes long to reckon.

A whole number of a million digits would hold up every thread of the process while it is made; so sizes are known before.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from simpleeval import InvalidExpression, SimpleEval

from lotus_tasks.errors import InvalidInput

MAX_CHARACTERS = 500
LARGEST_BITS = 14_000
"""Of a whole number: about the 4 300 digits that Python still writes out."""


def evaluate(expression: str) -> str:
    """The value of ``expression`` as text. Raises InvalidInput for what is no arithmetic or is too large."""
    if len(expression) > MAX_CHARACTERS:
        raise InvalidInput(f"the expression is longer than {MAX_CHARACTERS} characters")
    try:
        value = _evaluator().eval(expression)
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


def _evaluator() -> SimpleEval:
    evaluator = SimpleEval(operators=dict(_OPERATORS), functions=_FUNCTIONS, names=_NAMES)
    # Text has no place here: formatting it ('%9999999999d' % 1) takes any amount of memory.
    kept = {kind: evaluator.nodes[kind] for kind in _NODES if kind in evaluator.nodes}
    evaluator.nodes = {**kept, ast.Constant: _number}
    return evaluator


def _number(node: ast.Constant) -> int | float:
    if not isinstance(node.value, (int, float)):
        raise TypeError(f"{node.value!r} is no number")
    return node.value


def _bits(value: Any) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def _check(bits: int) -> None:
    if bits > LARGEST_BITS:
        raise ValueError("the number is too large")


def _multiply(left: Any, right: Any) -> Any:
    _check(_bits(left) + _bits(right))
    return left * right


def _raise_to(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        # Of 1 and -1 every power is small; of anything else, a power of many bits is not.
        _check(_bits(left) * abs(right) if abs(left) > 1 else 0)
    return left**right


def _shift(left: Any, right: Any) -> Any:
    _check(_bits(left) + max(right, 0))
    return left << right


def _round(value: Any, digits: int = 0) -> Any:
    if not -LARGEST_BITS < digits < LARGEST_BITS:
        raise ValueError("a number is rounded to fewer digits than that")
    return round(value, digits) if digits else round(value)


def _refuse_caret(_left: Any, _right: Any) -> Any:
    raise ValueError("^ is no power; write **")


_NODES = (ast.Expr, ast.Expression, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Name)
_OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _multiply,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _raise_to,
    ast.LShift: _shift,
    ast.RShift: operator.rshift,
    ast.BitXor: _refuse_caret,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
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
    "round": _round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}
_NAMES = {"e": math.e, "pi": math.pi, "tau": math.tau}
