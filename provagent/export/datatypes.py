"""The datatype of a VOTable that an encoded value has.

Source: https://www.ivoa.net/documents/VOTable/, section 2.1.
"""

from __future__ import annotations

from typing import Any

TEXT = "char"

_OF_NUMPY = {  # by kind and bytes
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


def datatype(value: Any) -> str:
    """Return the datatype of a value, as ``provagent.value`` encodes it; else that of text."""
    if isinstance(value, dict):
        kind = value.get("$type")
        if kind == "numpy" and "shape" not in value:
            return _OF_NUMPY.get(str(value.get("dtype"))[1:], TEXT)
        return _OF_TYPE.get(str(kind), TEXT)
    return _OF_PYTHON.get(type(value), TEXT)
