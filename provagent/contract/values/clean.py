"""Clean JSON values that UTF-8 cannot encode, or that are too large or too deep.

Python's JSON reader accepts lone surrogates, NaN, infinity and numbers of any length. Each of them
breaks a later step: SQLite, orjson, or a recursive function.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from provagent.contract.file_names import is_utf8, name_to_text

MAX_DEPTH = 100  # the maximum that the recorder writes
# Exceptions that one bad value may cause. The guards around events and values catch only these.
BAD_VALUE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_SHALLOW = 2 * MAX_DEPTH  # bytes: shorter JSON cannot be too deep
_CUT = {"$type": "cut"}
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_DECIMAL_BITS = 1024


def clean(value: Any, depth: int = 0) -> Any:
    """Return a JSON value in the encoding of events, at most ``MAX_DEPTH`` levels deep.

    A text with lone surrogates is written as a file name is. Raises nothing.
    """
    if isinstance(value, str):
        return value if is_utf8(value) else name_to_text(value)
    if isinstance(value, dict):
        if depth == MAX_DEPTH:
            return _CUT
        return {clean(key): clean(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        if depth == MAX_DEPTH:
            return _CUT
        return [clean(inner, depth + 1) for inner in value]
    if isinstance(value, float) and not isfinite(value):
        return {"$type": "float", "value": repr(value)}
    if isinstance(value, int) and not _INT64_MIN <= value <= _INT64_MAX:
        is_short = value.bit_length() <= _DECIMAL_BITS
        return {"$type": "int", "value": str(value) if is_short else hex(value)}
    return value


def may_be_deep(line: bytes) -> bool:
    """Return whether a line of JSON may have more than ``MAX_DEPTH`` levels, by a fast test."""
    return len(line) > _SHALLOW and line.count(b"{") + line.count(b"[") > MAX_DEPTH


def is_deep(value: Any) -> bool:
    """Return whether a JSON value has more than ``MAX_DEPTH`` levels."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True
