"""Sites: the callables that a target names, found without running code of the program."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Literal

from provagent.contract.errors import TargetError
from provagent.isolation import introspection
from provagent.recording.weave.program import home_name
from provagent.recording.weave.target import Target, is_glob, matches
from provagent.recording.weave.woven import Woven, plain

Kind = Literal["function", "method", "staticmethod", "classmethod", "getter", "constructor"]

# A class returns these unchanged as attributes: no other descriptor is returned unchanged.
PLAIN = (FunctionType, functools._lru_cache_wrapper)  # noqa: SLF001 - it has no public name
_LOOSE = (*PLAIN, BuiltinFunctionType)
_GETTERS = (property, functools.cached_property)
_HOLD_FUNCTION = (staticmethod, classmethod, MethodType)


@dataclass(slots=True, kw_only=True)
class Site:
    """One callable: where it is defined, and its present value.

    ``holder`` is the module or class with the attribute ``name``; ``raw`` is the raw descriptor of
    the attribute. ``receivers`` are the classes whose instances are recorded, if a target names an
    inherited method through a subclass; an empty list means all classes.
    """

    module: str
    holder: ModuleType | type
    name: str
    raw: Any
    kind: Kind
    receivers: list[type] = field(default_factory=list)

    @property
    def owner(self) -> type | None:
        """The class that defines the callable."""
        return self.holder if introspection.is_class(self.holder) else None

    @property
    def qualname(self) -> str:
        """``Analysis.get_observations``, or ``stack`` for a function."""
        return (
            self.name if self.owner is None else f"{introspection.qualname(self.owner)}.{self.name}"
        )

    @property
    def target(self) -> str:
        """``module:qualname``: the target that names only this site."""
        return f"{self.module}:{self.qualname}"

    @property
    def function(self) -> Any:
        """The callable itself, without its descriptor."""
        raw = self.raw
        if introspection.is_a(raw, property):
            return raw.fget
        if introspection.is_a(raw, functools.cached_property):
            return raw.func
        name = attribute_of_function(raw)
        if name:
            return introspection.attributes(raw)[name]
        if type(raw) is functools._lru_cache_wrapper:  # noqa: SLF001 - it has no public name
            # A result from the cache runs no code: only a call of the inner function is a call.
            inner = introspection.attributes(raw).get("__wrapped__")
            return inner if type(inner) is FunctionType else raw
        return raw.__func__ if introspection.is_a(raw, _HOLD_FUNCTION) else raw


def find_sites(module: ModuleType, target: Target, name: str | None = None) -> list[Site]:
    """Return the sites of ``target`` in ``module``, which has executed.

    With ``name``, only sites under this name of the module. Raises TargetError if a name without a
    glob does not exist, or is not a callable that can be woven.
    """
    sites = list(_in_module(module, target, name))
    if not sites and target.is_exact and not is_glob(target.qualname):
        raise TargetError(_why_nothing(module, target))
    return sites


def _in_module(module: ModuleType, target: Target, only: str | None) -> Iterator[Site]:
    first, *rest = target.parts
    for name, value in _named(vars(module), first):
        if only not in (None, name) or (rest and not introspection.is_class(value)):
            continue
        if is_glob(first) and not _is_own(value, module):
            continue
        if introspection.is_class(value):
            yield from _in_class(value, rest, explicit=not is_glob(target.qualname))
        elif not rest and _is_function(value, explicit=not is_glob(first)):
            yield Site(
                module=_home(value, module), holder=module, name=name, raw=value, kind="function"
            )


def _in_class(owner: type, parts: list[str], *, explicit: bool) -> Iterator[Site]:
    if not parts:
        yield from _public_methods(owner)
        if explicit:
            yield from _constructor(owner)
        return
    first, *rest = parts
    inner = [value for _, value in _named(introspection.namespace(owner), first)]
    inner = [value for value in inner if introspection.is_class(value)]
    if rest or (inner and not is_glob(first)):
        for value in inner:
            yield from _in_class(value, rest, explicit=explicit)
        return
    if first == "__init__":
        yield from _constructor(owner)
        return
    names = _public_names(owner, own_package=True) if is_glob(first) else [first]
    for name in names:
        if matches(name, first):
            yield from _method(owner, name, named=not is_glob(first))


def _public_methods(owner: type) -> Iterator[Site]:
    for name in _public_names(owner, own_package=True):
        yield from _method(owner, name, named=False)


def _method(owner: type, name: str, *, named: bool) -> Iterator[Site]:
    holder, raw = find_raw(owner, name)
    kind = _kind(raw, named=named)
    if holder is None or kind is None or not _is_python_class(holder):
        return
    yield Site(
        module=_home_of_class(holder),
        holder=holder,
        name=name,
        raw=raw,
        kind=kind,
        receivers=[] if holder is owner else [owner],
    )


def _constructor(owner: type) -> Iterator[Site]:
    holder, raw = find_raw(owner, "__init__")
    if holder is None or not introspection.is_a(unwoven(raw), FunctionType):
        return  # object's own, or written in C: the first call opens the session
    yield Site(
        module=_home_of_class(holder),
        holder=holder,
        name="__init__",
        raw=raw,
        kind="constructor",
        receivers=[] if holder is owner else [owner],
    )


def find_raw(owner: type, name: str) -> tuple[type | None, Any]:
    """Return the class of the MRO that defines ``name``, and the raw descriptor."""
    for base in introspection.mro(owner):
        if name in introspection.namespace(base):
            return base, introspection.namespace(base)[name]
    return None, None


def attribute_of_function(raw: Any) -> str | None:
    """Return the attribute with which a user-defined descriptor refers to its only function.

    This holds for a descriptor that ``functools.update_wrapper`` has given the function's name:
    some decorators make such descriptors to provide a method only on a condition.
    """
    kind = type(raw)
    home = introspection.module_name(kind)
    if type(home) is not str or home in ("builtins", "functools"):
        return None
    if (
        introspection.lookup(kind, "__get__") is None
        or introspection.lookup(kind, "__call__") is not None
    ):
        return None
    state = introspection.attributes(raw)
    wrapped = state.get("__wrapped__")
    if type(wrapped) is not FunctionType:
        return None
    names = [name for name, value in state.items() if value is wrapped and name != "__wrapped__"]
    return names[0] if len(names) == 1 else None


def unwoven(raw: Any) -> Any:
    """Return the callable without its wrapper, if there is one."""
    return plain(raw) if issubclass(type(raw), Woven) else raw


def _public_names(owner: type, *, own_package: bool) -> list[str]:
    package = _home_of_class(owner).partition(".")[0]
    names: dict[str, None] = {}
    for base in reversed(introspection.mro(owner)):
        if own_package and _home_of_class(base).partition(".")[0] != package:
            continue
        names.update(dict.fromkeys(filter(_is_public, introspection.namespace(base))))
    return list(names)


def _is_public(name: Any) -> bool:
    return type(name) is str and not name.startswith("_")


def _named(namespace: Any, pattern: str) -> list[tuple[str, Any]]:
    if not is_glob(pattern):
        return [(pattern, namespace[pattern])] if pattern in namespace else []
    private = pattern.startswith("_")
    return [
        (name, value)
        for name, value in list(namespace.items())
        if type(name) is str and matches(name, pattern) and _is_public(name) is not private
    ]


def _is_own(value: Any, module: ModuleType) -> bool:
    """Return whether ``module`` defines the value: a glob does not match imported names."""
    return (introspection.is_class(value) or _is_loose(value)) and _home(
        value, module
    ) == home_name(module.__name__)


def _home(value: Any, module: ModuleType) -> str:
    if introspection.is_class(value):
        home = introspection.module_name(value)
    elif _is_loose(value):
        home = value.__module__
    else:
        home = introspection.attributes(value).get("__module__")
    return home_name(home if type(home) is str else module.__name__)


def _home_of_class(cls: type) -> str:
    home = introspection.module_name(cls)
    return home if type(home) is str else "?"


def _is_loose(value: Any) -> bool:
    return introspection.is_among(type(unwoven(value)), _LOOSE)


def _is_function(value: Any, *, explicit: bool) -> bool:
    return _is_loose(value) or (explicit and callable(value))


def _kind(raw: Any, *, named: bool) -> Kind | None:
    plain = unwoven(raw)
    if introspection.is_a(plain, staticmethod):
        return "staticmethod"
    if introspection.is_a(plain, classmethod):
        return "classmethod"
    if introspection.is_a(plain, PLAIN) or attribute_of_function(plain):
        return "method"
    if not named:
        return None
    if introspection.is_among(type(plain), _GETTERS):
        return "getter"
    return "method" if callable(plain) else None


def _is_python_class(owner: type) -> bool:
    return bool(
        introspection.flags(owner) & (1 << 9)
    )  # Py_TPFLAGS_HEAPTYPE: attributes of the class can be set


def why_not_there(module: ModuleType, target: Target) -> str:
    """Return why ``target`` was not woven while ``module``, the program, ran."""
    if is_glob(target.qualname):
        what = "no function or class"
        if target.text != target.module:
            what += f" that {target.text} matches"
        return f"the program defines {what}; none of its calls is recorded"
    if list(_in_module(module, target, None)):
        return f"{target.text}: its definition was not executed as a statement of the program"
    return _why_nothing(module, target)


def _why_nothing(module: ModuleType, target: Target) -> str:
    import difflib

    names: list[str] = list(filter(_is_public, vars(module)))
    first, *rest = target.parts
    value = vars(module).get(first)
    if type(value) is type(module):
        meant = f"{value.__name__}:{'.'.join(rest)}" if rest else value.__name__
        return f'{target.text}: {first} is a module; did you mean "{meant}"?'
    where, missing = f"module {module.__name__}", first
    if introspection.is_class(value) and rest:
        names, where, missing = _public_names(value, own_package=False), f"class {first}", rest[0]
        if find_raw(value, rest[0])[0] is not None:
            return f"{target.text}: it is not a function, method or class"
    elif value is not None:
        return f"{target.text}: it is not a function, method or class"
    close = difflib.get_close_matches(missing, names, n=1)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    return f'{target.text}: {where} has no "{missing}"{hint}'
