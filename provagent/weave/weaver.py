"""Puts wrappers in the place of callables, and takes them out again."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any
from weakref import ref

from provagent import beneath
from provagent.weave.site import PLAIN, Site
from provagent.weave.woven import Woven, WovenFunction, plain

# wrapped, instance, args, kwargs: as wrapt calls it.
Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]


class Weaver:
    """Weaves sites, and remembers them.

    ``make_wrapper(site)`` gives the wrapper for a site, or None for one that is to stay as it is;
    it is asked once per callable.
    """

    def __init__(self, make_wrapper: Callable[[Site], Wrapper | None]) -> None:
        self._make_wrapper = make_wrapper
        self._woven: dict[tuple[int, str], tuple[Site, Callable[[], Any]]] = {}

    def weave(self, site: Site) -> bool:
        """Put the wrapper in place, unless it stands there; False where there is none.

        Raises whatever the class or module raises when its attribute is set.
        """
        key = (id(site.holder), site.name)
        known = self._woven.get(key)
        if known is not None and _stands(known[0], known[1]()):
            _widen(known[0], site)
            return True
        if _is_alias(site):
            return True
        made = self._make_wrapper(site)
        if made is None:
            return False
        wrapper = _dressed(site, made)
        beneath.set_attribute(site.holder, site.name, wrapper)
        if site.kind == "function":
            _rebind_aliases(site, site.raw, wrapper)
            # Its wrapper holds it: what the program lets go of is not to live on here.
            site.raw = None
            self._woven[key] = (site, ref(wrapper))
        else:
            self._woven[key] = (site, lambda: wrapper)
        return True

    def unweave_all(self) -> None:
        """Put every original back where its wrapper still stands."""
        for site, held in reversed(list(self._woven.values())):
            wrapper = held()
            if not _stands(site, wrapper):
                continue
            if site.kind == "function":
                beneath.set_attribute(site.holder, site.name, plain(wrapper))
                _rebind_aliases(site, wrapper, plain(wrapper))
            else:
                beneath.set_attribute(site.holder, site.name, site.raw)
        self._woven.clear()

    def forget(self) -> None:
        """Let go of what is woven, as it is."""
        self._woven.clear()


def _stands(site: Site, wrapper: Any) -> bool:
    return wrapper is not None and _standing(site) is wrapper


def _standing(site: Site) -> Any:
    owner = site.owner
    return (vars(site.holder) if owner is None else beneath.namespace(owner)).get(site.name)


# Two names of one function: the second was bound again when the first was woven, and both
# are the same wrapper still, as they were the same function.
def _is_alias(site: Site) -> bool:
    standing = _standing(site)
    return issubclass(type(standing), Woven) and (
        standing is site.raw or plain(standing) is site.raw
    )


def _widen(known: Site, site: Site) -> None:
    """A second target names the same callable, perhaps through another class."""
    if not known.receivers:
        return
    if site.receivers:
        known.receivers.extend(site.receivers)
    else:
        known.receivers.clear()


# The descriptor stays of the type it was, with all that was set on it: only the function
# inside it is woven.
def _dressed(site: Site, wrapper: Wrapper) -> Any:
    raw: Any = site.raw
    if beneath.is_among(type(raw), (staticmethod, classmethod)):
        dressed: Any = type(raw)(WovenFunction(raw.__func__, wrapper))
        vars(dressed).update(vars(raw))
        return dressed
    if type(raw) is property:
        dressed = property(WovenFunction(site.function, wrapper), raw.fset, raw.fdel, raw.__doc__)
        dressed.__set_name__(site.owner, site.name)  # its error messages tell it
        return dressed
    if type(raw) is functools.cached_property:
        dressed = copy.copy(raw)
        dressed.func = WovenFunction(raw.func, wrapper)
        return dressed
    return (WovenFunction if beneath.is_a(raw, PLAIN) else Woven)(raw, wrapper)


# Who imported a function before it was woven holds the plain one. Within the package in
# which it was named, and in the program itself, that name is bound again; where it came to
# that package from elsewhere (``measure = len``), there it stays. So it is with the tables
# of its own module, by which a function is chosen and then told by ``is``.
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


# Another module's namespace is no table, the builtins least of all. By plain keys alone: to
# set one of another class would ask it for its hash.
def _rebind_entries(table: Any, old: Any, new: Any) -> None:
    entries = table.items() if type(table) is dict else enumerate(table)
    for key in [key for key, value in list(entries) if value is old]:
        if beneath.is_among(type(key), (str, int)):
            table[key] = new
