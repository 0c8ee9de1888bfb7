"""Encode numpy scalars and arrays, and astropy quantities, as JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from provagent.contract.values.types import instance_state, type_name

if TYPE_CHECKING:
    Json = Any

    class Walk(Protocol):
        """One encoding."""

        def encode(self, value: object) -> Json: ...


MAX_ARRAY = 16
_MAX_DTYPE = 200  # characters


def encode_scalar(value: Any, walk: Walk) -> Json:
    """Return a numpy scalar as JSON; without its value if the dtype has no JSON form."""
    if not type_name(type(value)).startswith("numpy:") or value.dtype.kind not in _NUMPY_KINDS:
        return encode_object(value)
    data = {"$type": "numpy", "dtype": value.dtype.str}
    if value.dtype.kind in "SU":  # an array drops zeros at the end
        return {**data, "value": walk.encode(value.item())}
    return {**data, "value": _numbers(value.reshape(1), walk)[0]}


def encode_array(value: Any, walk: Walk) -> Json:
    """Return an array as JSON; with its values only if it is a plain array of up to 16 items."""
    if type(value) is sys.modules["numpy"].ndarray:
        dtype = value.dtype
        if value.size <= MAX_ARRAY and dtype.kind in _NUMPY_KINDS:
            numbers = _numbers(value.reshape(-1), walk)
            shape = list(value.shape)
            return {"$type": "numpy", "dtype": dtype.str, "shape": shape, "value": numbers}
    return {**encode_object(value), **array_form(value)}


def array_form(value: Any) -> dict[str, Json]:
    """Return the shape and the dtype of a numpy array, without running code of a subclass."""
    ndarray = sys.modules["numpy"].ndarray
    dtype = str(ndarray.dtype.__get__(value))
    if len(dtype) > _MAX_DTYPE:  # it has many fields
        dtype = f"{dtype[:_MAX_DTYPE]}..."
    return {"shape": list(ndarray.shape.__get__(value)), "dtype": dtype}


def _numbers(array: Any, walk: Walk) -> list[Json]:
    """Encode the items of an array of one dimension."""
    numpy, kind = sys.modules["numpy"], array.dtype.kind
    if kind == "M":
        return list(numpy.datetime_as_string(array).tolist())
    if kind == "m":
        return list(array.astype("int64").tolist())
    if kind == "f" and array.dtype.itemsize > FLOAT64:
        return [numpy.format_float_scientific(item, unique=True) for item in array]
    if kind == "c" and array.dtype.itemsize > 2 * FLOAT64:  # Python has no such number
        parts = _numbers(array.real, walk), _numbers(array.imag, walk)
        return [list(pair) for pair in zip(*parts, strict=True)]
    return [walk.encode(item) for item in array.tolist()]


def encode_quantity(value: Any, walk: Walk) -> Json:
    """Return an astropy quantity as JSON: its value and its unit, if both have a JSON form."""
    ndarray, unit = sys.modules["numpy"].ndarray, instance_state(value).get("_unit")
    array = ndarray.view(value, ndarray)
    data = encode_array(array, walk)
    if data["$type"] != "numpy" or not type_name(type(unit)).startswith("astropy.units."):
        return encode_array(value, walk)
    if data["shape"] == []:
        data = data["value"][0] if array.dtype == float else encode_scalar(array[()], walk)
    return {"$type": "quantity", "value": data, "unit": unit_text(unit)}


def unit_of(value: Any) -> str | None:
    """Return the unit of an astropy quantity as text; None for any other array."""
    if type(value) is sys.modules["numpy"].ndarray:
        return None
    unit = instance_state(value).get("_unit")
    if not type_name(type(unit)).startswith("astropy.units."):
        return None
    return unit_text(unit)


def unit_text(unit: Any) -> str:
    """Return an astropy unit as text that astropy can read. ``str(unit)`` rounds the scale."""
    scale = getattr(unit, "scale", 1.0)
    if scale == 1.0:
        return str(unit)
    bases = zip(unit.bases, unit.powers, strict=True)
    return " ".join([repr(scale), *(f"{base}({power})" for base, power in bases)])


FLOAT64 = 8  # bytes of Python's float
_NUMPY_KINDS = frozenset("biufcMmUS")


def encode_object(value: object) -> Json:
    """Return an object as JSON: only the name of its class."""
    return {"$type": "object", "class": type_name(type(value))}
