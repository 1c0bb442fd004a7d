"""Arithmetic, and nothing but arithmetic."""

from __future__ import annotations

import time

import pytest

from lotus_tasks.errors import InvalidInput
from lotus_tasks.reasoning.service.arithmetic import evaluate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("6 * 7", "42"),
        ("(2 + 3) * 4 ** 0.5", "10.0"),
        ("round(10 / 3, 2)", "3.33"),
        ("max(1, sqrt(81), 3)", "9.0"),
        ("-7 // 2", "-4"),
        ("7 % 3", "1"),
        ("2 * pi > 6", "True"),
        ("2 ** 64 if 1 < 2 else 0", "18446744073709551616"),
        ("(-1) ** 99999999999", "-1"),
        ("2 ** -3", "0.125"),
        ("round(2.5)", "2"),
        ("round(1234, -2)", "1200"),
    ],
)
def test_it_reckons(expression, value):
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "1 / 0",
        "1 +",
        "x",
        "'a' * 9",
        "[1, 2]",
        "open('/etc/passwd')",
        "__import__('os').system('id')",
        "(1).__class__",
        "abs.__self__",
        "lambda: 1",
        "[i for i in range(9)]",
        "9 ** 9 ** 9",
        "10 ** 100000",
        "3999999 ** 3999999",
        "2 ** 9999 * 2 ** 9999",
        "1 << 9999999999",
        "round(5, -10 ** 9)",
        "'%9999999999d' % 1",
        "f'{1:9999999999d}'",
        "max('abc')",
        "2 ^ 3",
        "None",
        "(1).real",
        "1" * 501,
        "(" * 200,
    ],
)
def test_anything_else_is_refused_at_once(expression):
    started = time.monotonic()
    with pytest.raises(InvalidInput):
        evaluate(expression)
    assert time.monotonic() - started < 1
