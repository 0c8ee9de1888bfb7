"""The weaver: watches Python functions in place, wraps other callables, and reverts both.

A Python function stays the same object (``inplace``). A callable that is written in C, or an
instance that is called, cannot be watched: a wrapper replaces it.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any
from weakref import ref

from provagent.isolation import introspection
from provagent.recording.weave.inplace import Attached, Probe, attach
from provagent.recording.weave.site import PLAIN, Site, attribute_of_function
from provagent.recording.weave.woven import Woven, WovenFunction, plain

# wrapped, instance, args, kwargs: the signature of wrapt wrappers.
Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]


class Weaver:
    """Weaves sites, and keeps track of them.

    ``make_wrapper(site)`` returns the wrapper of a site. ``make_probe(site)`` returns the probe of
    a site whose callable is a Python function. Both return None if the callable stays unchanged.
    They are called once per callable. Without ``make_probe`` all callables are wrapped.
    """

    def __init__(
        self,
        make_wrapper: Callable[[Site], Wrapper | None],
        make_probe: Callable[[Site], Probe | None] | None = None,
    ) -> None:
        self._make_wrapper = make_wrapper
        self._make_probe = make_probe
        self._woven: dict[tuple[int, str], tuple[Site, Callable[[], Any]]] = {}
        self._watched: dict[int, tuple[list[type], Attached]] = {}

    def weave(self, site: Site) -> bool:
        """Watch or wrap the callable, once; return False if it stays unchanged.

        Raises the errors of the class or module when its attribute is set.
        """
        function: Any = site.function
        if self._make_probe is not None and type(function) is FunctionType:
            watched = self._watch(function, site, self._make_probe)
            if watched is not None:
                return watched
        key = (id(site.holder), site.name)
        known = self._woven.get(key)
        if known is not None and _is_in_place(known[0], known[1]()):
            _widen(known[0].receivers, site.receivers)
            return True
        if _is_alias(site):
            return True
        made = self._make_wrapper(site)
        if made is None:
            return False
        wrapper = _dressed(site, made)
        introspection.set_attribute(site.holder, site.name, wrapper)
        if site.kind == "function":
            _rebind_aliases(site, site.raw, wrapper)
            # The wrapper refers to the function: a function that the program deletes must not stay
            # alive.
            site.raw = None
            self._woven[key] = (site, ref(wrapper))
        else:
            self._woven[key] = (site, lambda: wrapper)
        return True

    # The stored data of a site contain no function: the program may delete it.
    def _watch(
        self, function: FunctionType, site: Site, make_probe: Callable[[Site], Probe | None]
    ) -> bool | None:
        """Watch a function; return None if only a wrapper is possible."""
        known = self._watched.get(id(function))
        if known is not None and known[1].function() is function:
            _widen(known[0], site.receivers)
            return True
        if _may_be_compiled(function):
            return None
        probe = make_probe(site)
        if probe is None:
            return False
        attached = attach(function, probe)
        if attached is None:
            return None
        self._watched[id(function)] = site.receivers, attached
        return True

    def unweave_all(self) -> None:
        """Restore every original whose wrapper is still in its place."""
        for _, attached in self._watched.values():
            attached.detach()
        self._watched.clear()
        for site, contained in reversed(list(self._woven.values())):
            wrapper = contained()
            if not _is_in_place(site, wrapper):
                continue
            if site.kind == "function":
                introspection.set_attribute(site.holder, site.name, plain(wrapper))
                _rebind_aliases(site, wrapper, plain(wrapper))
            else:
                introspection.set_attribute(site.holder, site.name, site.raw)
        self._woven.clear()

    def forget(self) -> None:
        """Forget the woven callables: wrappers stay in place, functions are no longer watched.

        The garbage collector does not find cycles through a code object: with its probe, a code
        object would keep the program's globals alive after the interpreter's end.
        """
        self._woven.clear()
        for _, attached in self._watched.values():
            attached.detach()
        self._watched.clear()


def _is_in_place(site: Site, wrapper: Any) -> bool:
    return wrapper is not None and _current(site) is wrapper


def _current(site: Site) -> Any:
    owner = site.owner
    return (vars(site.holder) if owner is None else introspection.namespace(owner)).get(site.name)


# Two names of one function: the second name was bound to the wrapper when the first one was woven.
# Both names refer to the same wrapper, as they referred to the same function.
def _is_alias(site: Site) -> bool:
    standing = _current(site)
    return issubclass(type(standing), Woven) and (
        standing is site.raw or plain(standing) is site.raw
    )


def _widen(known: list[type], receivers: list[type]) -> None:
    """Add the receivers of a second target for the same callable, perhaps of another class."""
    if not known:
        return
    if receivers:
        known.extend(receivers)
    else:
        known.clear()


# numba reads a function's bytecode at the first call. On Python 3.11 this bytecode contains calls
# that numba cannot compile. The functions that numba will compile are not known, but their modules
# are.
def _may_be_compiled(function: FunctionType) -> bool:
    if sys.version_info >= (3, 12) or "numba" not in sys.modules:
        return False
    for value in list(function.__globals__.values()):
        home = (
            value.__name__ if type(value) is ModuleType else introspection.module_name(type(value))
        )
        if type(home) is str and home.partition(".")[0] == "numba":
            return True
    return False


# The descriptor keeps its type and all its attributes: only the function inside the descriptor is
# woven.
def _dressed(site: Site, wrapper: Wrapper) -> Any:
    raw: Any = site.raw
    if introspection.is_among(type(raw), (staticmethod, classmethod)):
        dressed: Any = type(raw)(WovenFunction(raw.__func__, wrapper))
        vars(dressed).update(vars(raw))
        return dressed
    if type(raw) is property:
        dressed = property(WovenFunction(site.function, wrapper), raw.fset, raw.fdel, raw.__doc__)
        dressed.__set_name__(site.owner, site.name)  # its error messages contain the name
        return dressed
    if type(raw) is functools.cached_property:
        dressed = copy.copy(raw)
        dressed.func = WovenFunction(raw.func, wrapper)
        return dressed
    contained = attribute_of_function(raw)
    if contained:
        dressed = copy.copy(raw)
        vars(dressed)[contained] = WovenFunction(site.function, wrapper)
        return dressed
    return (WovenFunction if introspection.is_a(raw, PLAIN) else Woven)(raw, wrapper)


# Code that imported a function before the weaving has the plain function. In the package of the
# target, and in the program itself, this name is bound to the wrapper. If the function came to the
# package from elsewhere (``measure = len``), its name there stays unchanged. The same applies to
# the tables of the function's own module, which select a function that is later compared with
# ``is``.
def _rebind_aliases(site: Site, old: Any, new: Any) -> None:
    package = site.holder.__name__.partition(".")[0]
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in (package, "__main__") and type(module) is ModuleType:
            namespace = vars(module)
            for alias in [key for key, value in list(namespace.items()) if value is old]:
                namespace[alias] = new
    for table in list(vars(site.holder).values()):
        if type(table) is list or (type(table) is dict and "__name__" not in table):
            _rebind_entries(table, old, new)


# The namespace of another module is no table, in particular not the builtins. Only plain keys are
# set: a key of another class would run its __hash__.
def _rebind_entries(table: Any, old: Any, new: Any) -> None:
    entries = table.items() if type(table) is dict else enumerate(table)
    for key in [key for key, value in list(entries) if value is old]:
        if introspection.is_among(type(key), (str, int)):
            table[key] = new
