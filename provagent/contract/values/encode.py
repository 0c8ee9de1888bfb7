"""Encode Python values as JSON, without running code of their classes."""

from __future__ import annotations

from base64 import b64encode
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any

from provagent.contract.values import leaves
from provagent.contract.values.numbers import (
    encode_array,
    encode_object,
    encode_quantity,
    encode_scalar,
)
from provagent.contract.values.types import (
    TypeCache,
    fields_of,
    instance_state,
    kinds,
    overrides_reading,
    type_name,
)
from provagent.isolation.addresses import address_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Json = Any
    Leaf = Callable[[Any], Json]
    Encoder = Callable[[Any, "_Walk"], Json]

MAX_ITEMS = 1000
MAX_DEPTH = 8


def encode(value: Any, *, max_items: int = MAX_ITEMS, max_depth: int = MAX_DEPTH) -> Json:
    """Return ``value`` as JSON, with at most ``max_items`` items in all and ``max_depth`` levels.

    Raises RuntimeError if another thread changes a container at the same time.
    """
    kind = type(value)
    if (
        (kind is str and value.isascii())
        or (kind is int and _INT64_MIN <= value <= _INT64_MAX)
        or (kind is float and isfinite(value))
        or value is None
        or kind is bool
    ):
        return value
    return _Walk(max_items, max_depth).encode(value)


class _Walk:
    """One encoding: the number of items left, and the open containers."""

    __slots__ = ("left", "max_depth", "open")

    def __init__(self, max_items: int, max_depth: int) -> None:
        self.left = max_items
        self.max_depth = max_depth
        self.open: set[int] = set()

    def encode(self, value: object) -> Json:
        key = address_of(type(value))
        plain = _PLAIN.get(key)
        if plain:
            return plain(value)
        encoder = _encoder_of.known.get(key) or _encoder_of(type(value))
        return encoder(value, self)

    def container(
        self, value: object, items: Iterable[Any], length: int, build: Callable[..., Json]
    ) -> Json:
        address = address_of(value)
        if address in self.open or len(self.open) >= self.max_depth:
            return {"$type": "cut", "length": length}
        first = list(islice(items, self.left))
        self.left -= len(first)
        self.open.add(address)
        try:
            data = build(first, self)
        finally:
            self.open.discard(address)
        return data if len(first) == length else _cut(data, length)


def _find_encoder(cls: type) -> Encoder:
    names = kinds(cls)
    for name in ("enum:Enum", "numpy:generic", "astropy.utils.masked.core:Masked"):
        if name in names:
            return _INHERITED.get(name, _leaf(encode_object))
    read = fields_of(cls)
    if read is not None:
        return lambda value, walk: _fields(value, read(value), walk)
    if names and names[0] == type_name(cls) and names[0] in _EXACT:
        return _leaf(_EXACT[names[0]])
    for name in names:
        if name in _INHERITED and (name not in _BUILTIN or not overrides_reading(cls, name)):
            return _INHERITED[name]
    return _leaf(encode_object)


def _str(value: str) -> Json:
    return value if value.isascii() or _is_unicode(value) else _escaped(value)


def _int(value: int) -> Json:
    if _INT64_MIN <= value <= _INT64_MAX:
        return value
    # str() of a huge int takes quadratic time. Python refuses it beyond 4300 digits.
    return {
        "$type": "int",
        "value": str(value) if value.bit_length() <= _DECIMAL_BITS else hex(value),
    }


def _float(value: float) -> Json:
    return value if isfinite(value) else {"$type": "float", "value": repr(value)}


def _same(value: Json) -> Json:
    return value


def _escaped(value: str) -> Json:
    return {"$type": "str", "value": value.encode("unicode_escape").decode("ascii")}


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _cut(data: Json, length: int) -> Json:
    return {"$type": "cut", "value": data, "length": length}


def _items(first: list[Any], walk: _Walk) -> Json:
    return [walk.encode(item) for item in first]


def _pairs(first: list[tuple[Any, Any]], walk: _Walk) -> Json:
    if all(type(key) is str and key != "$type" and _is_unicode(key) for key, _ in first):
        return {key: walk.encode(item) for key, item in first}
    pairs = [[walk.encode(key), walk.encode(item)] for key, item in first]
    return {"$type": "dict", "value": pairs}


def _list(value: Any, walk: _Walk) -> Json:
    return walk.container(value, list.__iter__(value), list.__len__(value), _items)


def _dict(value: Any, walk: _Walk) -> Json:
    return walk.container(value, dict.items(value), dict.__len__(value), _pairs)


def _wrapped(value: Any, walk: _Walk) -> Json:
    return walk.encode(instance_state(value).get("data"))


def _tuple(value: Any, walk: _Walk) -> Json:
    def build(first: list[Any], walk: _Walk) -> Json:
        return {"$type": "tuple", "value": _items(first, walk)}

    return walk.container(value, tuple.__iter__(value), tuple.__len__(value), build)


def _set_of(kind: type[set[Any] | frozenset[Any]]) -> Encoder:
    def build(first: list[Any], walk: _Walk) -> Json:
        # In an order that does not depend on PYTHONHASHSEED.
        return {"$type": kind.__name__, "value": sorted(_items(first, walk), key=repr)}

    return lambda value, walk: walk.container(
        value, kind.__iter__(value), kind.__len__(value), build
    )


def _bytes_of(kind: type[bytes | bytearray]) -> Encoder:
    def encode_bytes(value: Any, walk: _Walk) -> Json:
        length = kind.__len__(value)
        first = b64encode(kind.__getitem__(value, slice(0, walk.left))).decode("ascii")
        data = {"$type": kind.__name__, "value": first}
        return data if length <= walk.left else _cut(data, length)

    return encode_bytes


def _bounds(value: Any, walk: _Walk) -> Json:
    bounds = [walk.encode(bound) for bound in (value.start, value.stop, value.step)]
    return {"$type": type(value).__name__, "value": bounds}


def _fields(value: object, fields: dict[str, Any], walk: _Walk) -> Json:
    def build(first: list[tuple[str, Any]], walk: _Walk) -> Json:
        encoded = {name: walk.encode(item) for name, item in first}
        return {"$type": "object", "class": type_name(type(value)), "fields": encoded}

    return walk.container(value, dict.items(fields), len(fields), build)


def _enum(value: Any, walk: _Walk) -> Json:
    state = instance_state(value)
    name = walk.encode(state.get("_name_"))
    data = {"$type": "enum", "class": type_name(type(value)), "name": name}
    return {**data, "value": walk.encode(state.get("_value_"))}


def _complex(value: Any) -> Json:
    return {"$type": "complex", "value": [_float(value.real), _float(value.imag)]}


def _written(kind: str) -> Leaf:
    return lambda value: {"$type": kind, "value": str(value)}


def _leaf(leaf: Leaf) -> Encoder:
    return lambda value, _: leaf(value)


def _path(value: Any) -> Json:
    return {"$type": "path", "class": type(value).__name__, "value": _str(str(value))}


_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_DECIMAL_BITS = 1024


# By the address of the type: a lookup of the class by hash would call its metaclass.
_PLAIN: dict[int, Callable[[Any], Json]] = {
    address_of(type(None)): _same,
    address_of(bool): _same,
    address_of(int): _int,
    address_of(float): _float,
    address_of(str): _str,
}
_EXACT: dict[str, Leaf] = {
    "builtins:complex": _complex,
    "datetime:date": leaves.date,
    "datetime:datetime": leaves.moment,
    "datetime:time": leaves.moment,
    "datetime:timedelta": leaves.timedelta,
    "builtins:function": leaves.function,
    "builtins:builtin_function_or_method": leaves.function,
    "decimal:Decimal": _written("Decimal"),
    "uuid:UUID": _written("UUID"),
}
for _place in ("pathlib", "pathlib._local"):
    for _flavour in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        _EXACT[f"{_place}:{_flavour}"] = _path


# Types whose subclasses are read with the methods of the built-in class.
_BUILTIN: dict[str, Encoder] = {
    "builtins:int": _leaf(lambda value: _int(int.__int__(value))),
    "builtins:float": _leaf(lambda value: _float(float.__float__(value))),
    "builtins:str": _leaf(lambda value: _str(str.__str__(value))),
    "builtins:bytes": _bytes_of(bytes),
    "builtins:bytearray": _bytes_of(bytearray),
    "builtins:list": _list,
    "builtins:tuple": _tuple,
    "builtins:dict": _dict,
    "builtins:set": _set_of(set),
    "builtins:frozenset": _set_of(frozenset),
}
_INHERITED: dict[str, Encoder] = {
    **_BUILTIN,
    "builtins:range": _bounds,
    "builtins:slice": _bounds,
    "builtins:type": _leaf(leaves.class_),
    "collections:OrderedDict": _dict,
    "collections:UserDict": _wrapped,
    "collections:UserList": _wrapped,
    "collections:defaultdict": _dict,
    "enum:Enum": _enum,
    "numpy:generic": encode_scalar,
    "numpy:ndarray": encode_array,
    "astropy.units.quantity:Quantity": encode_quantity,
}
_encoder_of = TypeCache(_find_encoder)
