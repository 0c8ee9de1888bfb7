"""Read types and instances without running code of their classes."""

from __future__ import annotations

import sys
import weakref
from dataclasses import Field
from types import (
    BuiltinFunctionType,
    FunctionType,
    MemberDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from provagent.isolation import introspection
from provagent.isolation.addresses import address_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Fields = Callable[[object], dict[str, Any]]

T = TypeVar("T")


_mro, _namespace, _lookup = introspection.mro, introspection.namespace, introspection.lookup
_module_namespace: Callable[[Any], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__


def type_name(cls: type) -> str:
    """Return ``module:QualName`` of a class without calling its metaclass."""
    return _type_names.known.get(address_of(cls)) or _type_names(cls)


def _find_type_name(cls: type) -> str:
    module, name = introspection.module_name(cls), introspection.qualname(cls)
    return f"{module if type(module) is str else '?'}:{name if type(name) is str else '?'}"


def kinds(cls: type) -> list[str]:
    """Return the names of a class and its bases, in the method resolution order.

    A class is left out if its module has another object under its name.
    """
    return [type_name(base) for base in _mro(cls) if _has_true_name(base)]


def overrides_reading(cls: type, base_name: str) -> bool:
    """Return whether a subclass of a built-in type overrides how its values are read."""
    for base in _mro(cls):
        if type_name(base) == base_name:
            return False
        if any(name in _namespace(base) for name in _READING):
            return True
    return True


def overrides_any(cls: type, base: type) -> bool:
    """Return whether a class overrides a method or attribute of its base ``base``.

    Classes between the two count as well. Methods that make an object or show it do not count.
    """
    known: set[str] = set()
    for one in _mro(base):
        known.update(name for name in _namespace(one) if type(name) is str)
    for one in _mro(cls)[: len(_mro(cls)) - len(_mro(base))]:
        names = [name for name in _namespace(one) if name not in _MAKING]
        if any(name in known or name in _READING for name in names):
            return True
    return False


def has_slots(cls: type, base_name: str) -> bool:
    """Return whether a subclass of a built-in type stores data in slots."""
    for base in _mro(cls):
        if type_name(base) == base_name:
            return False
        if any(type(at) is MemberDescriptorType for at in _namespace(base).values()):
            return True
    return True


def fields_of(cls: type) -> Fields | None:
    """Return a function that reads the declared fields of instances of ``cls``, or None.

    The function exists for dataclasses, named tuples, attrs classes and pydantic models that do not
    override ``__getattribute__``. It reads slots and ``__dict__``. No property, default factory or
    ``__getattr__`` runs. Fields without a value are left out.
    """
    names = _declared(cls)
    if names is None or type(_lookup(cls, "__getattribute__")) is not WrapperDescriptorType:
        return None
    if issubclass(cls, tuple):
        return lambda value: dict(zip(names, tuple.__iter__(value), strict=False))  # type: ignore[arg-type]
    found = {name: _lookup(cls, name, _MISSING) for name in names}
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
    """Return a copy of the ``__dict__`` of an instance; empty if it has none."""
    found: Any = introspection.attributes(value)
    if type(found) is dict:
        # The copy keeps the stored hashes: no key is hashed again.
        return dict.copy(found)
    # A subclass of dict could override its methods.
    return dict(dict.items(found)) if issubclass(type(found), dict) else dict(found)


def kept_state(value: object) -> dict[str, Any]:
    """Return the attributes in the ``__dict__`` and the slots of an object."""
    found = instance_state(value)
    for base in _mro(type(value)):
        for name, at in _namespace(base).items():
            if type(at) is MemberDescriptorType and name != "__weakref__":
                try:
                    found[name] = at.__get__(value)
                except AttributeError:
                    continue
    return found


class TypeCache(Generic[T]):
    """Cached results of a function of a type.

    The cache does not keep types in memory. It never hashes or compares types, because a metaclass
    may override this. ``known`` contains the results by the address of the type.
    """

    def __init__(self, find: Callable[[type], T]) -> None:
        self._find = find
        self.known: dict[int, T] = {}
        self._alive: dict[int, weakref.ref[type]] = {}

    def __call__(self, cls: type) -> T:
        found = self.known.get(address_of(cls))
        return self._learn(cls) if found is None else found

    def clear(self) -> None:
        self.known.clear()

    def _learn(self, cls: type) -> T:
        key = address_of(cls)
        known, alive = self.known, self._alive

        def forget(_: weakref.ref[type]) -> None:
            known.pop(key, None)
            alive.pop(key, None)

        found = self._find(cls)
        alive[key] = weakref.ref(cls, forget)
        known[key] = found
        return found


_type_names: TypeCache[str] = TypeCache(_find_type_name)


def _has_true_name(cls: type) -> bool:
    module, name = introspection.module_name(cls), introspection.qualname(cls)
    found = sys.modules.get(module) if type(module) is str else None
    if type(name) is not str or not issubclass(type(found), ModuleType):
        return False
    first, *inner = name.split(".")
    place = _module_namespace(found).get(first)
    for part in inner:
        place = _namespace(place).get(part) if introspection.is_class(place) else None
    return place is cls or introspection.is_among(cls, _NAMELESS)


def _declared(cls: type) -> tuple[str, ...] | None:
    names = _listed(cls)
    return names if names is None or all(type(name) is str for name in names) else None


def _listed(cls: type) -> tuple[str, ...] | None:
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
    if introspection.is_a(attributes, tuple):
        items = tuple.__iter__(attributes)
        return tuple(at.name for at in items if type_name(type(at)) == "attr._make:Attribute")
    return None


def _slot(at: MemberDescriptorType, value: object) -> Any:
    try:
        return at.__get__(value)
    except AttributeError:
        return _MISSING


_MISSING = object()
_NAMELESS = (FunctionType, BuiltinFunctionType, ModuleType)  # no module has them under their name
_MAKING = frozenset(
    f"__{name}__"
    for name in (
        *(
            "abstractmethods",
            "annotations",
            "dict",
            "doc",
            "eq",
            "firstlineno",
            "hash",
            "init",
            "init_subclass",
        ),
        *("module", "ne", "new", "qualname", "reduce", "reduce_ex", "repr", "setstate", "slots"),
        *("static_attributes", "str", "weakref"),
    )
) | {"_abc_impl"}
_READING = (
    "__getattr__",
    *("__getattribute__", "__iter__", "__len__", "__getitem__", "keys", "values", "items"),
    *("__str__", "__int__", "__index__", "__float__", "__bytes__"),
)
