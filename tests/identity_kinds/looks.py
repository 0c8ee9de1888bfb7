"""Ways to read an object. None of them may change its state."""

from __future__ import annotations

import contextlib
import copy
import gc
import inspect
import io
import itertools
import os
import pickle
import sys
import warnings

FEW = 5  # items of a long iteration, and of a container that are asked for by key


class Other:
    """In the place of a change: makes a value that differs, where none can be changed."""

    def __init__(self, make):
        self.make = make


def setting(name, value):
    return lambda one: setattr(one, name, value)


def item(key, value):
    return lambda one: one.__setitem__(key, value)


def calling(method, *args, **keys):
    return lambda one: getattr(one, method)(*args, **keys) and None


def attribute_names(value):
    """The public attributes of an object that no call is needed for, of the class and its own."""
    names = {name for name in object.__dir__(value) if not name.startswith("_")}
    for base in type(value).__mro__:
        names |= {name for name in vars(base) if not name.startswith("_")}
    return sorted(names)


def attributes(value):
    for name in attribute_names(value):
        with contextlib.suppress(Exception):
            getattr(value, name)


def shown(value):
    """What a notebook asks for."""
    for base in type(value).__mro__:
        for name in vars(base):
            if name.startswith("_repr_") and name.endswith("_"):
                with contextlib.suppress(Exception):
                    getattr(value, name)()


EXPORTS = {"describe", "info", "summary", "to_dict", "to_json", "to_list", "to_string", "to_table"}


def exported(value):
    """Methods without arguments that give what the object holds in another form."""
    for name in attribute_names(value):
        if name in EXPORTS:
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                method = getattr(value, name)
                needed = [
                    one
                    for one in inspect.signature(method).parameters.values()
                    if one.default is one.empty and one.kind < one.VAR_POSITIONAL
                ]
                if not needed:
                    method()


def plotted(value):
    """Draw it, where it can be drawn; the picture is thrown away."""
    if not callable(getattr(type(value), "plot", None)) and not hasattr(type(value), "peek"):
        raise TypeError("has no picture")
    from matplotlib import pyplot

    try:
        for name in ("plot", "peek"):
            with contextlib.suppress(Exception):
                getattr(value, name)()
    finally:
        pyplot.close("all")


def keyed(value):
    """Ask for some items by their keys, or by their places."""
    keys = list(itertools.islice(value.keys(), FEW)) if hasattr(value, "keys") else range(FEW)
    for key in keys:
        with contextlib.suppress(IndexError, KeyError):
            value[key]


LOOKS = {
    "repr": repr,
    "str": str,
    "format": format,
    "bool": bool,
    "length": len,
    "hash": hash,
    "dir": dir,
    "equal to itself": lambda value: value == value,  # noqa: PLR0124
    "equal to a copy": lambda value: value == copy.copy(value),
    "less": lambda value: value < copy.copy(value),
    "iteration": lambda value: list(itertools.islice(value, FEW)),
    "backwards": lambda value: list(itertools.islice(reversed(value), FEW)),
    "contains": lambda value: 1 in value,
    "by key": keyed,
    "attributes": attributes,
    "in a notebook": shown,
    "exports": exported,
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "size": lambda value: (sys.getsizeof(value), gc.get_referents(value)),
    "bytes": lambda value: memoryview(value).nbytes,
    "float": float,
    "path": os.fspath,
    "picture": plotted,
}
# What every object answers, at least
ALWAYS = {"repr", "dir", "attributes", "size"}


def look(value, names):
    """Look at an object in these ways, in this order; return those that raised nothing."""
    done = set()
    for name in names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                LOOKS[name](value)
            except Exception:  # a way that this kind does not have
                continue
        done.add(name)
    return done
