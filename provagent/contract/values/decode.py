"""Decode encoded values."""

from __future__ import annotations

import importlib
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from provagent.contract.values.numbers import FLOAT64

Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectText:
    """The recorded parts of a value that cannot be decoded.

    ``text`` of an enum names its member.
    """

    class_name: str
    text: str | None = None
    digest: str | None = None
    value: Any = field(default=None, hash=False)
    fields: Mapping[str, Any] | None = field(default=None, hash=False)
    shape: tuple[int, ...] | None = None
    dtype: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The first part of a value, and the length of the whole in characters or items."""

    value: Any = field(default=None, hash=False)
    length: int | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Redacted:
    """A value that was a secret."""


class NumberWithUnit(NamedTuple):
    """A quantity, if astropy is not installed."""

    value: Any
    unit: str


def decode(data: Json) -> Any:
    """Return the value that ``encode`` encoded, or its recorded parts.

    A value that cannot be restored becomes ObjectText, Cut or Redacted. A dict with an unknown
    ``$type``, which a newer version may have written, is returned unchanged. Only classes of the
    standard library, numpy and astropy are looked up. Raises ValueError, KeyError or TypeError if
    ``data`` is not a result of ``encode``.
    """
    if type(data) is list:
        return [decode(item) for item in data]
    if type(data) is not dict:
        return data
    decoder = DECODERS.get(data.get("$type", ""))
    if decoder is not None:
        return decoder(data)
    return data if "$type" in data else {key: decode(item) for key, item in data.items()}


def _decode_complex(data: Json) -> complex:
    real, imaginary = data["value"]
    return complex(decode(real), decode(imaginary))


def _decode_moment(data: Json) -> Any:
    moment = _standard("datetime", data["$type"]).fromisoformat(data["value"])
    if "zone" in data:
        moment = moment.replace(tzinfo=_standard("zoneinfo", "ZoneInfo")(data["zone"]))
    return moment.replace(fold=1) if "fold" in data else moment


def _standard(module: str, name: str) -> Any:
    """Return a name of a module of the standard library, imported only when needed."""
    return getattr(importlib.import_module(module), name)


def _decode_path(data: Json) -> Any:
    """Return the path, or a pure path if it comes from another operating system."""
    name, written = data["class"], decode(data["value"])
    native = _standard("pathlib", "Path")(written)
    if type(native).__name__ == name:
        return native
    return _standard("pathlib", name if name.startswith("Pure") else f"Pure{name}")(written)


def _decode_numpy(data: Json) -> Any:
    value = decode(data["value"])
    try:
        import numpy  # noqa: ICN001 (as it is named in the records)
    except ImportError:
        return value
    dtype = numpy.dtype(data["dtype"])
    if dtype.kind == "c" and dtype.itemsize > 2 * FLOAT64:
        parts = numpy.array(value, f"{dtype.byteorder}f{dtype.itemsize // 2}")
        value = parts.reshape(-1, 2).view(dtype)
    if "shape" in data:
        return numpy.array(value, dtype).reshape(data["shape"])
    return dtype.type(value) if dtype.kind in "SU" else numpy.array([value], dtype).flat[0]


def _decode_quantity(data: Json) -> Any:
    value, unit = decode(data["value"]), data["unit"]
    try:
        from astropy.units import Quantity
    except ImportError:
        return NumberWithUnit(value, unit)
    try:
        return Quantity(value, unit, dtype=None)  # None: integers stay integers
    except ValueError:  # a unit that the program defined
        return NumberWithUnit(value, unit)


def _decode_object(data: Json) -> ObjectText:
    shape, fields = data.get("shape"), data.get("fields")
    return ObjectText(
        class_name=data["class"],
        text=data.get("text", data.get("name")),
        digest=data.get("digest"),
        value=decode(data.get("value")),
        fields=None if fields is None else {key: decode(item) for key, item in fields.items()},
        shape=None if shape is None else tuple(shape),
        dtype=data.get("dtype"),
    )


def _decode_cut(data: Json) -> Cut:
    return Cut(
        value=decode(data.get("value")), length=data.get("length"), digest=data.get("digest")
    )


DECODERS: dict[str, Callable[[Json], Any]] = {
    "float": lambda data: float(data["value"]),
    "int": lambda data: int(data["value"], 0),
    "str": lambda data: data["value"].encode("ascii").decode("unicode_escape"),
    "complex": _decode_complex,
    "bytes": lambda data: b64decode(data["value"], validate=True),
    "bytearray": lambda data: bytearray(b64decode(data["value"], validate=True)),
    "datetime": _decode_moment,
    "date": _decode_moment,
    "time": _decode_moment,
    "timedelta": lambda data: _standard("datetime", "timedelta")(*data["value"]),
    "Decimal": lambda data: _standard("decimal", "Decimal")(data["value"]),
    "UUID": lambda data: _standard("uuid", "UUID")(data["value"]),
    "path": _decode_path,
    "tuple": lambda data: tuple(decode(data["value"])),
    "set": lambda data: set(decode(data["value"])),
    "frozenset": lambda data: frozenset(decode(data["value"])),
    "range": lambda data: range(*decode(data["value"])),
    "slice": lambda data: slice(*decode(data["value"])),
    "dict": lambda data: {decode(key): decode(item) for key, item in data["value"]},
    "enum": _decode_object,
    "numpy": _decode_numpy,
    "quantity": _decode_quantity,
    "object": _decode_object,
    "cut": _decode_cut,
    "redacted": lambda _: Redacted(),
}
