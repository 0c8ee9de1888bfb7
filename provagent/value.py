"""Python values as JSON, and back: the one encoding that events use.

JSON's own values stand for themselves. What JSON has not is an object with the key
``$type``:

=====================  ====================================================
``$type``              other keys
=====================  ====================================================
``float``              ``value``: ``"nan"``, ``"inf"``, ``"-inf"``
``int``                ``value``: decimal text, beyond 64 bits; hexadecimal
                       with ``0x`` beyond 1024
``str``                ``value``: text with escapes, as in Python source;
                       text that UTF-8 has not (lone surrogates)
``complex``            ``value``: [real, imaginary]
``bytes``,             ``value``: base64
``bytearray``
``datetime``, ``date``, ``value``: ISO 8601; ``zone`` where it is named,
``time``               ``fold`` where it is 1
``timedelta``          ``value``: [days, seconds, microseconds]
``Decimal``, ``UUID``  ``value``: text
``path``               ``value``: text, ``class``: ``PosixPath`` and the like
``tuple``, ``set``,    ``value``: list of encoded values
``frozenset``
``range``, ``slice``   ``value``: [start, stop, step]
``dict``               ``value``: list of [key, value]; keys are not all text,
                       or one of them is ``$type``
``enum``               ``class``, ``name``, ``value``
``numpy``              ``dtype``, ``value``: a numpy scalar; with ``shape`` an
                       array of at most 16 items, ``value`` lists them (C order).
                       datetime64 is ISO 8601, timedelta64 a count, a longdouble text
``quantity``           ``value`` (a number, or ``numpy``), ``unit``: an astropy
                       Quantity of at most 16 numbers
``object``             ``class`` (module:QualName), ``text`` when it was asked
                       for, ``digest`` of what it stands for, where known;
                       ``fields`` of a dataclass, named tuple, attrs class or
                       pydantic model; ``shape`` and ``dtype`` of an array
``cut``                ``value``: the first part (none in a cycle, or too deep),
                       ``length`` of the whole (in characters or items),
                       ``digest`` of the whole's JSON
``redacted``           nothing: the value is a secret
=====================  ====================================================

Subclasses of the built-in types are written as those, unless they override how they
are read. Encoding runs no code of the values' own classes: types are known by identity,
instances are read through the descriptors of the interpreter.
"""

from __future__ import annotations

import importlib
import sys
import weakref
from base64 import b64decode, b64encode
from dataclasses import Field, dataclass, field
from itertools import islice
from math import isfinite
from types import (
    BuiltinFunctionType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Json = Any
    Leaf = Callable[[Any], Json]
    Encoder = Callable[[Any, "_Walk"], Json]
    Fields = Callable[[object], dict[str, Any]]

T = TypeVar("T")

MAX_ITEMS = 1000
MAX_DEPTH = 8
MAX_ARRAY = 16

# Read past whatever the class or its metaclass overrides.
_mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_namespace: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_module: Callable[[type], object] = type.__dict__["__module__"].__get__
_qualname: Callable[[type], object] = type.__dict__["__qualname__"].__get__
_module_namespace: Callable[[Any], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectText:
    """What was written of a value that cannot be given back; ``text`` names an enum's member."""

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
    """A quantity, where astropy is not installed."""

    value: Any
    unit: str


def encode(value: Any, *, max_items: int = MAX_ITEMS, max_depth: int = MAX_DEPTH) -> Json:
    """Return ``value`` as JSON, of at most ``max_items`` items in all, ``max_depth`` deep.

    Raises RuntimeError when another thread changes a container meanwhile.
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


def decode(data: Json) -> Any:
    """Return the value that ``encode`` was given, or what is left of it.

    What cannot be given back comes as ObjectText, Cut or Redacted; an unknown ``$type``,
    which a newer version may have written, as the dict that it is. No class is looked up
    but those of the standard library, numpy and astropy.
    Raises ValueError, KeyError or TypeError when ``data`` is not what ``encode`` returns.
    """
    if type(data) is list:
        return [decode(item) for item in data]
    if type(data) is not dict:
        return data
    decoder = _DECODERS.get(data.get("$type", ""))
    if decoder is not None:
        return decoder(data)
    return data if "$type" in data else {key: decode(item) for key, item in data.items()}


def text(data: Json, limit: int = 80) -> str:
    """Return an encoded value as one line of at most ``limit`` printable characters."""
    line = data if type(data) is str else _line(data, limit)
    line = line[: limit + 1] if line[: limit + 1].isprintable() else repr(line[: limit + 1])[1:-1]
    return line if len(line) <= limit else line[: limit - 1] + "…"


def type_name(cls: type) -> str:
    """Return ``module:QualName`` of a class without asking its metaclass."""
    return _type_names.known.get(id(cls)) or _type_names(cls)


def _find_type_name(cls: type) -> str:
    module, name = _module(cls), _qualname(cls)
    return f"{module if type(module) is str else '?'}:{name if type(name) is str else '?'}"


def kinds(cls: type) -> list[str]:
    """Return the names of a class and its bases, in the order of resolution.

    A class that merely bears the name of another one is left out.
    """
    return [type_name(base) for base in _mro(cls) if _is_what_it_says(base)]


def overrides_reading(cls: type, base_name: str) -> bool:
    """Whether a subclass of a built-in type changes how values of it are read."""
    for base in _mro(cls):
        if type_name(base) == base_name:
            return False
        if any(name in _namespace(base) for name in _READING):
            return True
    return True


def has_slots(cls: type, base_name: str) -> bool:
    """Whether a subclass of a built-in type keeps anything in slots."""
    for base in _mro(cls):
        if type_name(base) == base_name:
            return False
        if any(type(at) is MemberDescriptorType for at in _namespace(base).values()):
            return True
    return True


def fields_of(cls: type) -> Fields | None:
    """Return a reader of the declared fields of instances of ``cls``.

    There is one for dataclasses, named tuples, attrs classes and pydantic models that
    leave ``__getattribute__`` alone. It reads slots and ``__dict__``: no property, no
    default factory, no ``__getattr__`` runs, and a field that is not set is left out.
    """
    names = _declared(cls)
    if names is None or type(_lookup(cls, "__getattribute__")) is not WrapperDescriptorType:
        return None
    if issubclass(cls, tuple):
        return lambda value: dict(zip(names, tuple.__iter__(value), strict=False))  # type: ignore[arg-type]
    found = {name: _lookup(cls, name) for name in names}
    slots = {name: at for name, at in found.items() if type(at) is MemberDescriptorType}

    def read(value: object) -> dict[str, Any]:
        state = instance_state(value)
        fields = {}
        for name in names:
            item = _slot(slots[name], value) if name in slots else state.get(name, found[name])
            if item is not _MISSING:
                fields[name] = item
        extra = fields.pop("__pydantic_extra__", None)
        return {**fields, **extra} if extra else fields

    return read


def instance_state(value: object) -> dict[str, Any]:
    """Return a copy of an instance's ``__dict__``; empty where it has none."""
    at = _lookup(type(value), "__dict__")
    if type(at) not in (GetSetDescriptorType, MemberDescriptorType):
        return {}
    return dict.copy(at.__get__(value))


class TypeCache(Generic[T]):
    """What was found out about each type.

    It does not keep types alive, and never hashes or compares them: a metaclass may have
    its own ways. ``known`` holds what was found by the ``id`` of the type.
    """

    def __init__(self, find: Callable[[type], T]) -> None:
        self._find = find
        self.known: dict[int, T] = {}
        self._alive: dict[int, weakref.ref[type]] = {}

    def __call__(self, cls: type) -> T:
        found = self.known.get(id(cls))
        return self._learn(cls) if found is None else found

    def clear(self) -> None:
        self.known.clear()

    def _learn(self, cls: type) -> T:
        key = id(cls)
        known, alive = self.known, self._alive

        def forget(_: weakref.ref[type]) -> None:
            known.pop(key, None)
            alive.pop(key, None)

        found = self._find(cls)
        alive[key] = weakref.ref(cls, forget)
        known[key] = found
        return found


_type_names: TypeCache[str] = TypeCache(_find_type_name)


class _Walk:
    """One encoding: how many items are left, and which containers are open."""

    __slots__ = ("left", "max_depth", "open")

    def __init__(self, max_items: int, max_depth: int) -> None:
        self.left = max_items
        self.max_depth = max_depth
        self.open: set[int] = set()

    def encode(self, value: object) -> Json:
        key = id(type(value))
        plain = _PLAIN.get(key)
        if plain:
            return plain(value)
        encoder = _encoder_of.known.get(key) or _encoder_of(type(value))
        return encoder(value, self)

    def container(
        self, value: object, items: Iterable[Any], length: int, build: Callable[..., Json]
    ) -> Json:
        if id(value) in self.open or len(self.open) >= self.max_depth:
            return {"$type": "cut", "length": length}
        first = list(islice(items, self.left))
        self.left -= len(first)
        self.open.add(id(value))
        try:
            data = build(first, self)
        finally:
            self.open.discard(id(value))
        return data if len(first) == length else _cut(data, length)


def _find_encoder(cls: type) -> Encoder:
    names = kinds(cls)
    for name in ("enum:Enum", "numpy:generic", "astropy.utils.masked.core:Masked"):
        if name in names:
            return _INHERITED.get(name, _leaf(_object))
    read = fields_of(cls)
    if read is not None:
        return lambda value, walk: _fields(value, read(value), walk)
    if names and names[0] == type_name(cls) and names[0] in _EXACT:
        return _leaf(_EXACT[names[0]])
    for name in names:
        if name in _INHERITED and (name not in _BUILTIN or not overrides_reading(cls, name)):
            return _INHERITED[name]
    return _leaf(_object)


def _str(value: str) -> Json:
    return value if value.isascii() or _is_unicode(value) else _escaped(value)


def _int(value: int) -> Json:
    if _INT64_MIN <= value <= _INT64_MAX:
        return value
    # str() of a huge int is quadratic, and refused by the interpreter beyond 4300 digits
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


def _tuple(value: Any, walk: _Walk) -> Json:
    def build(first: list[Any], walk: _Walk) -> Json:
        return {"$type": "tuple", "value": _items(first, walk)}

    return walk.container(value, tuple.__iter__(value), tuple.__len__(value), build)


def _set_of(kind: type[set[Any] | frozenset[Any]]) -> Encoder:
    def build(first: list[Any], walk: _Walk) -> Json:
        # in an order that does not hang on PYTHONHASHSEED
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
    data = {"$type": "enum", "class": type_name(type(value)), "name": state.get("_name_")}
    return {**data, "value": walk.encode(state.get("_value_"))}


def _complex(value: Any) -> Json:
    return {"$type": "complex", "value": [_float(value.real), _float(value.imag)]}


def _written(kind: str) -> Leaf:
    return lambda value: {"$type": kind, "value": str(value)}


def _leaf(leaf: Leaf) -> Encoder:
    return lambda value, _: leaf(value)


def _timedelta(value: Any) -> Json:
    return {"$type": "timedelta", "value": [value.days, value.seconds, value.microseconds]}


def _path(value: Any) -> Json:
    return {"$type": "path", "class": type(value).__name__, "value": _str(str(value))}


def _date(value: Any) -> Json:
    return {"$type": "date", "value": value.isoformat()}


def _moment(value: Any) -> Json:
    zone = value.tzinfo
    zone_kind = None if zone is None else type_name(type(zone))
    key = zone.key if zone_kind == "zoneinfo:ZoneInfo" else None
    if key is None and zone_kind not in {None, "datetime:timezone"}:
        return _object(value)  # its offset is found by code of its own
    data = {"$type": type(value).__name__, "value": value.isoformat()}
    if key is not None:
        data["zone"] = key
    return {**data, "fold": 1} if value.fold else data


def _function(value: Any) -> Json:
    module, name = value.__module__, value.__qualname__
    place = f"{module if type(module) is str else '?'}:{name if type(name) is str else '?'}"
    return {**_object(value), "text": place}


def _class(value: Any) -> Json:
    return {**_object(value), "text": type_name(value)}


def _object(value: object) -> Json:
    return {"$type": "object", "class": type_name(type(value))}


def _numpy_scalar(value: Any, walk: _Walk) -> Json:
    if not type_name(type(value)).startswith("numpy:") or value.dtype.kind not in _NUMPY_KINDS:
        return _object(value)
    data = {"$type": "numpy", "dtype": value.dtype.str}
    if value.dtype.kind in "SU":  # an array drops the zeros at their end
        return {**data, "value": walk.encode(value.item())}
    return {**data, "value": _numbers(value.reshape(1), walk)[0]}


def _array(value: Any, walk: _Walk) -> Json:
    ndarray = sys.modules["numpy"].ndarray
    shape = list(ndarray.shape.__get__(value))
    dtype = ndarray.dtype.__get__(value)
    if type(value) is ndarray and value.size <= MAX_ARRAY and dtype.kind in _NUMPY_KINDS:
        numbers = _numbers(value.reshape(-1), walk)
        return {"$type": "numpy", "dtype": dtype.str, "shape": shape, "value": numbers}
    return {**_object(value), "shape": shape, "dtype": str(dtype)}


def _numbers(array: Any, walk: _Walk) -> list[Json]:
    """Encode the items of an array of one dimension."""
    numpy, kind = sys.modules["numpy"], array.dtype.kind
    if kind == "M":
        return list(numpy.datetime_as_string(array).tolist())
    if kind == "m":
        return list(array.astype("int64").tolist())
    if kind == "f" and array.dtype.itemsize > _FLOAT64:
        return [numpy.format_float_scientific(item, unique=True) for item in array]
    if kind == "c" and array.dtype.itemsize > 2 * _FLOAT64:  # Python has no such number
        parts = _numbers(array.real, walk), _numbers(array.imag, walk)
        return [list(pair) for pair in zip(*parts, strict=True)]
    return [walk.encode(item) for item in array.tolist()]


def _quantity(value: Any, walk: _Walk) -> Json:
    ndarray, unit = sys.modules["numpy"].ndarray, instance_state(value).get("_unit")
    array = ndarray.view(value, ndarray)
    data = _array(array, walk)
    if data["$type"] != "numpy" or not type_name(type(unit)).startswith("astropy.units."):
        return _array(value, walk)
    if data["shape"] == []:
        data = data["value"][0] if array.dtype == float else _numpy_scalar(array[()], walk)
    return {"$type": "quantity", "value": data, "unit": unit_text(unit)}


def unit_text(unit: Any) -> str:
    """Return an astropy unit as text that astropy reads back: its own rounds the scale."""
    scale = getattr(unit, "scale", 1.0)
    if scale == 1.0:
        return str(unit)
    bases = zip(unit.bases, unit.powers, strict=True)
    return " ".join([repr(scale), *(f"{base}({power})" for base, power in bases)])


def _is_what_it_says(cls: type) -> bool:
    module, name = _module(cls), _qualname(cls)
    found = sys.modules.get(module) if type(module) is str else None
    if type(name) is not str or not issubclass(type(found), ModuleType):
        return False
    first, *inner = name.split(".")
    place = _module_namespace(found).get(first)
    for part in inner:
        place = _namespace(place).get(part) if isinstance(place, type) else None
    return place is cls or any(cls is nameless for nameless in _NAMELESS)


def _lookup(cls: type, name: str) -> Any:
    """Find a class attribute as it stands in the class, unbound."""
    for base in _mro(cls):
        if name in _namespace(base):
            return _namespace(base)[name]
    return _MISSING


def _declared(cls: type) -> tuple[str, ...] | None:
    named = _lookup(cls, "_fields")
    if issubclass(cls, tuple) and type(named) is tuple:
        return named
    by_name = _lookup(cls, "__dataclass_fields__")
    if type(by_name) is dict:
        return tuple(
            name
            for name, at in by_name.items()
            if type(at) is Field and at._field_type.name == "_FIELD"  # type: ignore[attr-defined]  # noqa: SLF001
        )
    by_name = _lookup(cls, "__pydantic_fields__")
    if type(by_name) is dict:
        return (*by_name, "__pydantic_extra__")
    attributes = _lookup(cls, "__attrs_attrs__")
    if isinstance(attributes, tuple):
        return tuple(at.name for at in attributes)
    return None


def _slot(at: MemberDescriptorType, value: object) -> Any:
    try:
        return at.__get__(value)
    except AttributeError:
        return _MISSING


def _decode_complex(data: Json) -> complex:
    real, imaginary = data["value"]
    return complex(decode(real), decode(imaginary))


def _decode_moment(data: Json) -> Any:
    moment = _standard("datetime", data["$type"]).fromisoformat(data["value"])
    if "zone" in data:
        moment = moment.replace(tzinfo=_standard("zoneinfo", "ZoneInfo")(data["zone"]))
    return moment.replace(fold=1) if "fold" in data else moment


def _standard(module: str, name: str) -> Any:
    """Import late: a program that encodes pays for none of these."""
    return getattr(importlib.import_module(module), name)


def _decode_path(data: Json) -> Any:
    """Return the path; pure, when it is of another operating system."""
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
    if dtype.kind == "c" and dtype.itemsize > 2 * _FLOAT64:
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
    except ValueError:  # a unit that the program had defined for itself
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


def _line(data: Json, limit: int) -> str:
    kind = data.get("$type") if type(data) is dict else None
    if type(data) is list:
        return _series("[", (_part(item, limit) for item in data), "]", limit)
    if type(data) is dict and (kind is None or kind not in _DECODERS):
        return _series("{", _named(data, ": ", limit), "}", limit)
    if type(data) is not dict:
        return str(data)  # a number, True, None
    if kind in _LINES:
        return _LINES[kind](data, limit)
    value = data["value"]
    return value if type(value) is str else str(decode(data))


def _part(data: Json, limit: int) -> str:
    return repr(data[:limit]) if type(data) is str else text(data, limit)


def _named(data: dict[str, Json], between: str, limit: int) -> Iterable[str]:
    return (f"{key}{between}{_part(item, limit)}" for key, item in data.items())


def _series(before: str, parts: Iterable[str], after: str, limit: int) -> str:
    """Join as many parts as there is room for."""
    line = before
    room = limit - len(after) - len(", …")
    for count, part in enumerate(parts):
        comma = ", " if count else ""
        if len(line) + len(comma) + len(part) > room:
            return f"{line}{comma}…{after}"
        line += comma + part
    return line + after


def _text_of_object(data: Json, limit: int) -> str:
    name = data["class"].rpartition(":")[2].rpartition(".")[2]
    if "fields" in data:
        return _series(f"{name}(", _named(data["fields"], "=", limit), ")", limit)
    if "shape" in data:
        return f"<{name} {' x '.join(map(str, data['shape'])) or 'scalar'} {data['dtype']}>"
    return data.get("text") or f"<{name}>"


def _text_of_cut(data: Json, limit: int) -> str:
    if "value" not in data:
        return "…"
    line = text(data["value"], limit - len(", …"))
    if line[-1:] not in {")", "]", "}"}:
        return line.removesuffix("…") + "…"
    return f"{line[:-1].removesuffix('…').removesuffix(', ')}, …{line[-1]}"


def _text_of_numpy(data: Json, limit: int) -> str:
    return text(data["value"], limit)


def _text_of_quantity(data: Json, limit: int) -> str:
    return f"{text(data['value'], limit - len(data['unit']) - 1)} {data['unit']}".rstrip()


def _text_of_items(before: str, after: str) -> Callable[[Json, int], str]:
    return lambda data, limit: _series(
        before, (_part(item, limit) for item in data["value"]), after, limit
    )


def _text_of_tuple(data: Json, limit: int) -> str:
    return _text_of_items("(", ",)" if len(data["value"]) == 1 else ")")(data, limit)


def _text_of_pairs(data: Json, limit: int) -> str:
    pairs = (f"{_part(key, limit)}: {_part(item, limit)}" for key, item in data["value"])
    return _series("{", pairs, "}", limit)


_MISSING = object()
_NAMELESS = (FunctionType, BuiltinFunctionType, ModuleType)  # no module holds them under their name
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_DECIMAL_BITS = 1024
_FLOAT64 = 8  # bytes of Python's float
_NUMPY_KINDS = frozenset("biufcMmUS")
_READING = (
    *("__getattribute__", "__iter__", "__len__", "__getitem__", "keys", "values", "items"),
    *("__str__", "__int__", "__index__", "__float__", "__bytes__"),
)

# By the identity of the type: looking up a class by hash would ask its metaclass.
_PLAIN: dict[int, Callable[[Any], Json]] = {
    id(type(None)): _same,
    id(bool): _same,
    id(int): _int,
    id(float): _float,
    id(str): _str,
}
_EXACT: dict[str, Leaf] = {
    "builtins:complex": _complex,
    "datetime:date": _date,
    "datetime:datetime": _moment,
    "datetime:time": _moment,
    "datetime:timedelta": _timedelta,
    "builtins:function": _function,
    "builtins:builtin_function_or_method": _function,
    "decimal:Decimal": _written("Decimal"),
    "uuid:UUID": _written("UUID"),
}
for _place in ("pathlib", "pathlib._local"):
    for _flavour in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"):
        _EXACT[f"{_place}:{_flavour}"] = _path
# Those whose subclasses are read with the methods of the class itself.
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
    "builtins:type": _leaf(_class),
    "collections:OrderedDict": _dict,
    "collections:defaultdict": _dict,
    "enum:Enum": _enum,
    "numpy:generic": _numpy_scalar,
    "numpy:ndarray": _array,
    "astropy.units.quantity:Quantity": _quantity,
}
_encoder_of = TypeCache(_find_encoder)
_DECODERS: dict[str, Callable[[Json], Any]] = {
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
_LINES: dict[str, Callable[[Json, int], str]] = {
    "bytes": lambda data, _: repr(decode(data)),
    "bytearray": lambda data, _: repr(decode(data)),
    "tuple": _text_of_tuple,
    "set": _text_of_items("{", "}"),
    "frozenset": _text_of_items("{", "}"),
    "range": _text_of_items("range(", ")"),
    "slice": _text_of_items("slice(", ")"),
    "dict": _text_of_pairs,
    "enum": lambda data, _: f"{data['class'].rpartition(':')[2]}.{data['name']}",
    "numpy": _text_of_numpy,
    "quantity": _text_of_quantity,
    "object": _text_of_object,
    "cut": _text_of_cut,
    "redacted": lambda _, __: "••• redacted",
}
