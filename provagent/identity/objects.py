"""The content of Python's own types: their tokens, and functions that return their content."""

from __future__ import annotations

import gc
import struct
import sys
from collections import OrderedDict
from math import isnan
from types import FunctionType, MappingProxyType, MethodType
from typing import TYPE_CHECKING, Any

from provagent.contract.values.types import instance_state, type_name
from provagent.identity import functions
from provagent.identity.content import ByKey, InOrder, Second, UnidentifiableError, named
from provagent.isolation import introspection
from provagent.isolation.addresses import address_of

if TYPE_CHECKING:
    from provagent.identity.content import Content, Parts, Token


def _none(value: None, content: Content) -> bytes:  # noqa: ARG001
    return b"N"


def _bool(value: bool, content: Content) -> bytes:  # noqa: ARG001
    return b"T" if value else b"F"


def _int(value: int, content: Content) -> bytes:
    return content.leaf(b"i", value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))


def _float(value: float, content: Content) -> bytes:  # noqa: ARG001
    return b"f" + _pack(value)


def _complex(value: complex, content: Content) -> bytes:  # noqa: ARG001
    return b"c" + _pack(value.real) + _pack(value.imag)


def _pack(value: float) -> bytes:
    return _NAN if isnan(value) else struct.pack("<d", value)


def _str(value: str, content: Content) -> bytes:
    if len(value) > content.max_bytes:
        return content.part_of_leaf(b"s", value)
    return content.leaf(b"s", value.encode("utf-8", "surrogatepass"))


def _bytes(value: bytes, content: Content) -> bytes:
    return content.leaf(b"b", value)


def _bytearray(value: bytearray, content: Content) -> bytes:
    return content.leaf(b"B", value)


def _list(value: list[Any], content: Content) -> bytes:
    return content.in_order(value, b"l", value)


def _tuple(value: tuple[Any, ...], content: Content) -> bytes:
    return content.in_order(value, b"u", value)


def _in_order(value: InOrder, content: Content) -> bytes:
    return content.in_order(value, b"l", value.items)


def _set(value: set[Any], content: Content) -> bytes:
    return content.in_any_order(value, b"S", value)


def _frozenset(value: frozenset[Any], content: Content) -> bytes:
    return content.in_any_order(value, b"z", value)


def _dict(value: dict[Any, Any], content: Content) -> bytes:
    return content.by_key(value, b"d", value.items())


def _by_key(value: ByKey, content: Content) -> bytes:
    return content.by_key(value, b"d", value.pairs)


def _second(value: Second, content: Content) -> bytes:
    content.is_second = True
    return content.token(value.value)


def _function(value: Any, content: Content) -> bytes:
    how = _installed if functions.is_installed(value) else _by_code
    return how(value, content)


_installed = named("function", functions.installed)
_by_code = named("code", functions.by_code, is_second=True)


def _constant(value: object, content: Content) -> bytes:
    return content.leaf(b"e", type_name(type(value)).encode())


def _ordered(value: Any) -> Any:
    """Return the items of an OrderedDict in its order, without hashing a key."""
    pairs = {address_of(pair[0]): pair for pair in dict.items(value)}
    items = InOrder([pairs[address_of(key)] for key in OrderedDict.__iter__(value)])
    state = instance_state(value)
    return (items, state) if state else items


def _proxy(value: Any, content: Content) -> bytes:
    # The mapping behind the view may override its methods. It is read without calling the view.
    return content.in_order(value, b"p", gc.get_referents(value))


def _enum(value: Any) -> Any:
    state = instance_state(value)
    return state.get("_name_"), state.get("_value_")


def _class_place(value: type) -> Any:
    place = type_name(value)
    if "<" in place or "?" in place:
        raise UnidentifiableError(f"{place}: the name does not lead to this class")
    return functions.named_code(place, introspection.module_name(value))


def _module(value: Any) -> Any:
    name = instance_state(value).get("__name__")
    return functions.named_code(name, name)


def _by_name(value: functions.ByName, content: Content) -> bytes:
    content.has_states = True
    return content.token(value.name)


def _moment(value: Any) -> Any:
    return value.replace(tzinfo=None).isoformat(), value.fold, value.tzinfo


def _path(value: Any) -> Any:
    # A path caches its text on first access. So another path object makes the text.
    text = getattr(value, "_str", None) or str(type(value)(value))
    return type(value).__name__.removeprefix("Pure"), text


def _decimal_context(value: Any) -> Any:
    # The flags depend on earlier computations. They are not part of the content.
    names = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
    return [getattr(value, name) for name in names], dict(value.traps)


_NAN = struct.pack("<d", float("nan"))

SCALARS: dict[type, Token] = {
    type(None): _none,
    bool: _bool,
    int: _int,
    float: _float,
    complex: _complex,
    str: _str,
    bytes: _bytes,
}
CONTAINERS: dict[type, Token] = {
    bytearray: _bytearray,
    list: _list,
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _frozenset,
    InOrder: _in_order,
    ByKey: _by_key,
    Second: _second,
    MappingProxyType: _proxy,
    FunctionType: _function,
    functions.ByName: _by_name,
    MethodType: named("method", functions.bound),
    type(...): _constant,
    type(NotImplemented): _constant,
}
# type -> (label in the digest, function that returns the content of a value of exactly this type)
EXACT: dict[str, tuple[str, Parts]] = {
    "_io:BytesIO": ("bytes in memory", lambda value: value.getvalue()),
    "_io:StringIO": ("text in memory", lambda value: value.getvalue()),
    "array:array": ("array", lambda value: (value.typecode, InOrder(value))),
    **functions.EXACT,
    "builtins:module": ("module", _module),
    "builtins:range": ("range", lambda value: (value.start, value.stop, value.step)),
    "builtins:slice": ("slice", lambda value: (value.start, value.stop, value.step)),
    "collections:ChainMap": ("chain", instance_state),
    "collections:UserDict": ("userdict", instance_state),
    "collections:UserList": ("userlist", instance_state),
    "collections:deque": ("deque", lambda value: (value.maxlen, list(value))),
    "datetime:date": ("date", lambda value: value.isoformat()),
    "datetime:datetime": ("datetime", _moment),
    "datetime:time": ("time", _moment),
    "datetime:timedelta": ("timedelta", lambda at: (at.days, at.seconds, at.microseconds)),
    "datetime:timezone": ("timezone", lambda value: value.utcoffset(None)),
    "decimal:Context": ("context", _decimal_context),
    "decimal:Decimal": ("decimal", str),
    "fractions:Fraction": ("fraction", lambda value: (value.numerator, value.denominator)),
    "functools:partial": ("partial", lambda value: (value.func, value.args, value.keywords)),
    "random:Random": ("random", lambda value: value.getstate()),
    "re:Pattern": ("pattern", lambda value: (value.pattern, value.flags)),
    "types:SimpleNamespace": ("namespace", instance_state),
    "uuid:UUID": ("uuid", lambda value: value.int),
    "zoneinfo:ZoneInfo": ("zone", lambda value: value.key),
}
for _kind in ("Address", "Network", "Interface"):
    for _version in ("IPv4", "IPv6"):
        EXACT[f"ipaddress:{_version}{_kind}"] = ("ip", str)
for _module_name in ("pathlib", "pathlib._local"):
    for _flavour in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        EXACT[f"{_module_name}:{_flavour}"] = ("path", _path)
# type -> function that returns the content of a subclass instance as a value of the base
BASES: dict[str, Parts] = {
    "builtins:int": int.__int__,
    "builtins:float": float.__float__,
    "builtins:str": str.__str__,
    "builtins:bytes": bytes.__bytes__,
    "builtins:bytearray": lambda value: bytearray.__getitem__(value, slice(None)),
    "builtins:list": lambda value: list(list.__iter__(value)),
    "builtins:tuple": lambda value: tuple(tuple.__iter__(value)),
    "builtins:dict": ByKey,
    "builtins:set": set,
    "builtins:frozenset": frozenset,
}


def _of_array(value: Any) -> Any:
    kind = sys.modules["array"].array
    return kind.typecode.__get__(value), kind.tolist(value)


def _of_deque(value: Any) -> Any:
    kind = sys.modules["collections"].deque
    return kind.maxlen.__get__(value), list(kind.__iter__(value))


def _of_time(value: Any) -> Any:
    kind: Any = sys.modules["datetime"]
    kind = kind.datetime if introspection.is_a(value, kind.datetime) else kind.date
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond", "fold", "tzinfo")
    return [getattr(kind, name).__get__(value) for name in names if hasattr(kind, name)]


def _of_duration(value: Any) -> Any:
    kind: Any = sys.modules["datetime"].timedelta
    return [getattr(kind, name).__get__(value) for name in ("days", "seconds", "microseconds")]


def _of_decimal(value: Any) -> Any:
    return list(sys.modules["decimal"].Decimal.as_tuple(value))


# type -> function that returns the base's part of an instance of a subclass, which is read by state
EXTENDED: dict[str, Parts] = {
    **BASES,
    "array:array": _of_array,
    "builtins:complex": lambda value: complex(
        complex.real.__get__(value), complex.imag.__get__(value)
    ),
    "collections:deque": _of_deque,
    "datetime:date": _of_time,
    "datetime:datetime": _of_time,
    "datetime:timedelta": _of_duration,
    "decimal:Decimal": _of_decimal,
}
# Types of the next table that earlier versions read otherwise
SECOND = frozenset(("collections:OrderedDict",))
# type -> function that returns the content of a value of this type or of a subclass
INHERITED: dict[str, Parts] = {
    "enum:Enum": _enum,
    "builtins:type": _class_place,
    "collections:OrderedDict": _ordered,
    "collections:defaultdict": ByKey,
}
