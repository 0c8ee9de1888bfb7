"""The VOTable datatype of an encoded value.

Source: https://www.ivoa.net/documents/VOTable/, section 2.1.
"""

from __future__ import annotations

import re
from typing import Any

TEXT = "char"

_OF_NUMPY = {  # numpy kind and size in bytes -> datatype
    "b1": "boolean",
    "u1": "unsignedByte",
    "i1": "short",
    "i2": "short",
    "u2": "int",
    "i4": "int",
    "u4": "long",
    "i8": "long",
    "f2": "float",
    "f4": "float",
    "f8": "double",
    "c8": "floatComplex",
    "c16": "doubleComplex",
}
_OF_PYTHON = {bool: "boolean", int: "long", float: "double"}
_OF_TYPE = {"float": "double", "complex": "doubleComplex", "quantity": "double"}


_TEXTS = re.compile(r"[<>=|]?[US](\d+)")  # a dtype of texts, and their length in characters
_NAMED = re.compile(r"(bool|uint|int|float|complex)([0-9]{0,3})")  # the name of a dtype


def datatype(value: Any) -> str:
    """Return the datatype of a value encoded by ``provagent.contract.values``.

    The default is the datatype of text. The datatype of an array is the datatype of its items.
    """
    return known_datatype(value) or TEXT


def known_datatype(value: Any) -> str | None:
    """Return the datatype of a value, or None if VOTable has no datatype for the items of an array.

    VOTable has no datatype for unsigned integers of 8 bytes, times, records and objects.
    """
    if not isinstance(value, dict):
        return _OF_PYTHON.get(type(value), TEXT)
    kind, inner = value.get("$type"), value.get("value")
    if "dtype" in value:
        dtype = str(value["dtype"])
        return TEXT if _TEXTS.fullmatch(dtype) else _OF_NUMPY.get(_code(dtype))
    if kind == "quantity" and isinstance(inner, dict):
        return known_datatype(inner)
    return _OF_TYPE.get(str(kind), TEXT)


def arraysize(value: Any) -> str | None:
    """Return the size of an array in VOTable notation: the axis that varies fastest comes first.

    For texts the first number is the number of characters.
    """
    if not isinstance(value, dict):
        return None
    if value.get("$type") == "quantity":
        return arraysize(value.get("value"))
    shape = value.get("shape")
    if not shape or not isinstance(shape, list):
        return None
    text = _TEXTS.fullmatch(str(value.get("dtype")))
    return "x".join(map(str, [*([text[1]] if text else []), *reversed(shape)]))


def _code(dtype: str) -> str:
    """Return the kind and byte size of a dtype (``f8``), from this form or from ``float64``."""
    named = _NAMED.fullmatch(dtype)
    if named is None:
        return dtype[1:]
    return f"{named[1][0]}{int(named[2] or 8) // 8}"
