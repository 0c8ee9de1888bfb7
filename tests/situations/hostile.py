"""Hostile objects, made from a recipe: the same objects in each run.

Each call of a special method is written into ``asked``: the object, the method, and the place. The
method then raises, never returns, changes the object, returns wrong values, or works as usual.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import sys
import types

import numpy
from hypothesis import strategies as st

SPECIAL = """__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __bool__ __hash__ __repr__ __str__ __format__ __len__
__length_hint__ __iter__ __next__ __reversed__ __contains__ __getitem__ __missing__ __getattr__ __getattribute__
__setattr__ __dir__ __sizeof__ __fspath__ __array__ __array_interface__ __array_struct__ __array_priority__
__array_finalize__ __array_wrap__ __array_ufunc__ __array_function__ __dlpack__ __arrow_c_array__ __reduce_ex__
__reduce__ __getstate__ __getnewargs_ex__ __copy__ __deepcopy__ __index__ __int__ __float__ __complex__ __bytes__
__trunc__ __round__ __call__ __enter__ __exit__ __await__ __aiter__ __get__ __set__ __set_name__ __buffer__
__instancecheck__ __subclasscheck__ __mro_entries__ __class_getitem__ __del__ __rich__ __wrapped__ __signature__
__class__ __dict__ __doc__ __module__ __name__ __qualname__ __annotations__ __weakref__ __slots__ __notes__
__traceback__ __cause__ __context__ __suppress_context__ __self__ __func__ __code__ __defaults__ __globals__
__dataclass_fields__ __attrs_attrs__ __pydantic_fields__ __pydantic_extra__ _fields _asdict _name_ _value_ _str
add_note with_traceback args code value errno filename keys items values get copy shape dtype unit tzinfo
to_dict model_dump isoformat _repr_html_ name real imag lower decode encode startswith""".split()
OF_CLASS = """__hash__ __eq__ __getattribute__ __getattr__ __repr__ __str__ __bool__ __len__ __iter__ __call__
__instancecheck__ __subclasscheck__ __dir__ __mro__ __module__ __name__ __qualname__ __dict__ __doc__ __contains__
__or__ __subclasses__""".split()
# Read by the interpreter itself when a class is made, or when nothing can be done but with it.
_PLAIN_ONLY = {"__slots__", "__weakref__", "__set_name__", "__mro_entries__"}
_ATTRIBUTES = {
    "__class__", "__dict__", "__doc__", "__module__", "__name__", "__qualname__", "__annotations__", "__notes__",
    "__traceback__", "__cause__", "__context__", "__suppress_context__", "__array_interface__", "__array_struct__",
    "__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__", "__pydantic_extra__", "_fields", "_name_",
    "_value_", "_str", "args", "code", "value", "errno", "filename", "shape", "dtype", "unit", "tzinfo", "name",
    "real", "imag", "__self__", "__func__", "__code__", "__defaults__", "__globals__", "__wrapped__",
    "__signature__", "__array_priority__",
}  # fmt: skip
BEHAVIOURS = [
    "raise",
    "missing",
    "interrupt",
    "exit",
    "base",
    "recurse",
    "usual",
    "mutate",
    "wrong",
    "text",
]
BASES = [
    object, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, numpy.ndarray, numpy.float64,
    collections.OrderedDict, collections.defaultdict, collections.deque, types.SimpleNamespace, type(NotImplemented),
    Exception, BaseException, KeyError, OSError, StopIteration, SystemExit, KeyboardInterrupt, ExceptionGroup, UnicodeDecodeError,
]  # fmt: skip
BASES.remove(type(NotImplemented))  # cannot be a base
CLASS_BASES = [object, int, str, list, dict, Exception, KeyError, types.SimpleNamespace, set]


class Refused(Exception):
    """What a hostile object raises."""


class Aborted(BaseException):
    """What it raises that is no Exception."""


class Log:
    """What was asked, and within which question: what it takes to answer is no question of ours."""

    def __init__(self):
        self.asked = []
        self.within = []


class Recipe:
    """A hostile class: ``hooks`` and ``class_hooks`` say how each special method answers."""

    def __init__(self, base, hooks, class_hooks, *, slots=False, as_class=False, nested=()):
        self.base = base
        self.hooks = sorted(hooks.items())
        self.class_hooks = sorted(class_hooks.items())
        self.slots = slots
        self.as_class = as_class
        self.nested = nested

    def __repr__(self):
        texts = [self.base.__name__]
        for hooks in (self.hooks, self.class_hooks):
            ways = {how for _, how in hooks}
            texts.append(f"{len(hooks)} hooks: {ways}" if len(hooks) > 10 else str(dict(hooks)))
        return (
            f"<{', '.join(texts)}{' slots' * self.slots}{' class' * self.as_class} {self.nested}>"
        )


hooks = st.dictionaries(
    st.sampled_from(SPECIAL), st.sampled_from(BEHAVIOURS), max_size=8
) | st.builds(
    lambda names, how: dict.fromkeys(names, how),
    st.sampled_from([SPECIAL, SPECIAL[:20], SPECIAL[20:60]]),
    st.sampled_from(BEHAVIOURS),
)
class_hooks = st.just({}) | st.dictionaries(
    st.sampled_from(OF_CLASS), st.sampled_from(BEHAVIOURS), max_size=5
) | st.builds(lambda how: dict.fromkeys(OF_CLASS, how), st.sampled_from(BEHAVIOURS))  # fmt: skip
NESTINGS = [
    "list",
    "tuple",
    "dict",
    "key",
    "set",
    "deque",
    "namespace",
    "partial",
    "array",
    "dataclass",
    "slice",
    "error",
]


@st.composite
def recipes(draw, bases=BASES):
    base, asked_of_class = draw(st.sampled_from(bases)), draw(class_hooks)
    if issubclass(base, BaseException) and sys.version_info < (3, 12):
        # Asked by the interpreter at each ``except`` that it passes: ours is one more.
        asked_of_class.pop("__subclasscheck__", None)
    return Recipe(
        base=base,
        hooks=draw(hooks),
        class_hooks=asked_of_class,
        slots=draw(st.booleans()),
        as_class=draw(st.booleans()) and draw(st.booleans()),
        nested=draw(st.lists(st.sampled_from(NESTINGS), max_size=2)),
    )


def make_class(recipe, log, tame=frozenset(), label="it"):
    """The class of a recipe. ``tame``: what may be asked, and so changes nothing, is told as usual."""
    meta = type
    if recipe.class_hooks:
        space = {
            name: _hook(name, how, log, f"class {label}", type, tame, recipe.class_hooks)
            for name, how in recipe.class_hooks
        }
        for name in set(space) & {
            "__mro__",
            "__module__",
            "__name__",
            "__qualname__",
            "__dict__",
            "__doc__",
        }:
            space[name] = property(space[name])
        space.pop("__qualname__", None)
        meta = type("Meta", (type,), space)
    space = {
        name: _hook(name, how, log, label, recipe.base, tame, recipe.hooks)
        for name, how in recipe.hooks
        if name not in _PLAIN_ONLY
    }
    for name in set(space) & _ATTRIBUTES:
        space[name] = property(space[name])
    # A class that is made takes no other than a text for it.
    space.pop("__qualname__", None)
    if recipe.slots and recipe.base in (object, int, str, tuple, bytes):
        space["__slots__"] = ("__weakref__",) if recipe.base is object else ()
    for name in ("__eq__", "__hash__"):
        if name == "__hash__" and "__eq__" in space and name not in space:
            space[name] = recipe.base.__hash__
    return type.__call__(meta, f"Hostile{recipe.base.__name__}", (recipe.base,), space)


def _hook(name, how, log, label, base, tame, all_hooks):
    usual = _usual(base, name)
    running = []

    def special(self, *args, **kwargs):
        if not running:
            log.asked.append(
                (
                    label,
                    name,
                    args[0] if name in _BY_NAME and args else None,
                    log.within[0] if log.within else None,
                )
            )
        log.within.append(name)
        running.append(1)
        try:
            return answer(self, args, kwargs)
        finally:
            running.pop()
            log.within.pop()

    def answer(self, args, kwargs):
        # "x in value" counts up until an IndexError: without one it never ends, bare or not.
        if name == "__getitem__" and args and type(args[0]) is int and args[0] > _ITEMS:
            raise IndexError(name)
        doing = "usual" if how == "mutate" and name in tame else how
        if doing == "raise":
            raise Refused(name)
        if doing == "missing":
            raise AttributeError(name)
        if doing == "interrupt":
            raise KeyboardInterrupt(name)
        if doing == "exit":
            raise SystemExit(3)
        if doing == "base":
            raise Aborted(name)
        if doing == "recurse":
            return special(self, *args, **kwargs)
        if doing == "wrong":
            return _WRONG.get(name, 3.5)
        if doing == "text":
            return _hostile_text(log)
        if doing == "mutate":
            _mutate(self, base)
        return usual(self, *args, **kwargs)

    return special


_BY_NAME = {"__getattribute__", "__getattr__", "__setattr__"}
_ITEMS = 1000
_WRONG = {
    "__class__": dict,
    "__len__": "many",
    "__hash__": "none",
    "__repr__": None,
    "__str__": b"",
    "__bool__": "no",
    "__iter__": 7,
}


def _hostile_text(log):
    """A text whose own methods tell that they were asked."""

    def asked(name):
        def special(self, *args, **kwargs):
            log.asked.append(("answer", name, None, log.within[0] if log.within else None))
            return getattr(str, name)(self, *args, **kwargs)

        return special

    names = ("__contains__", "__eq__", "__hash__", "__str__", "__repr__", "__len__", "__getitem__", "encode",
             "isidentifier", "startswith", "lower", "partition", "isascii", "__add__", "__format__")  # fmt: skip
    return type("Text", (str,), {name: asked(name) for name in names})("it")


def _mutate(self, base):
    if is_one(base, (list, collections.deque, bytearray)):
        base.append(self, 1)
    elif base in (dict, collections.OrderedDict, collections.defaultdict):
        base.__setitem__(self, "changed", 1)
    elif base is set:
        set.add(self, "changed")
    else:
        try:
            object.__setattr__(self, "changed", 1)
        except (AttributeError, TypeError):
            pass


def _usual(base, name):
    standing = next((vars(one)[name] for one in base.__mro__ if name in vars(one)), None)
    if standing is not None and hasattr(type(standing), "__get__"):

        def usual(self, *args, **kwargs):
            if name in _ATTRIBUTES or type(standing) in (
                types.GetSetDescriptorType,
                types.MemberDescriptorType,
            ):
                return standing.__get__(self, base)
            return standing.__get__(self, base)(*args, **kwargs)

        return usual
    values = {
        "__len__": 0,
        "__bool__": True,
        "__iter__": iter(()),
        "__hash__": 7,
        "__fspath__": "it",
        "__index__": 1,
        "__int__": 1,
        "__float__": 1.0,
        "__complex__": 1j,
        "__bytes__": b"",
        "__class__": base,
        "__doc__": None,
    }

    def usual(self, *args, **kwargs):
        if name == "__dict__":
            return {}
        if name in values:
            return values[name]
        raise AttributeError(name)

    return usual


def make(recipe, log, tame=frozenset(), label="it"):
    """An instance (or the class), as it is nested; raises what that takes."""
    cls = make_class(recipe, log, tame, label)
    bare = cls if recipe.as_class else _instance(cls, recipe.base)
    value = bare
    for how in recipe.nested:
        value = _nest(value, how)
    return bare, value


def _instance(cls, base):
    new = functools.partial(base.__new__, cls)
    if base is numpy.ndarray:
        return new((2,))
    if base is ExceptionGroup:
        return new("several", [ValueError("one")])
    if base is UnicodeDecodeError:
        made = new("utf-8", b"\xff", 0, 1, "why")
        base.__init__(made, "utf-8", b"\xff", 0, 1, "why")
        return made
    if base in (int, float, numpy.float64):
        return new(5)
    if base is str:
        return new("text")
    if base in (tuple, frozenset):
        return new((1, 2))
    if issubclass(base, BaseException):
        return new("it went wrong")
    made = new()
    if base in (list, bytearray):
        base.extend(made, b"ab")
    if base is dict:
        dict.__setitem__(made, "k", 1)
    return made


@dataclasses.dataclass(eq=False)
class Holder:
    """A dataclass with something hostile in it."""

    held: object


def _nest(value, how):
    match how:
        case "list":
            return [value, 1]
        case "tuple":
            return (value,)
        case "dict":
            return {"k": value}
        case "key":
            return {value: 1}
        case "set":
            return {value}
        case "deque":
            return collections.deque([value])
        case "namespace":
            return types.SimpleNamespace(held=value)
        case "partial":
            return functools.partial(print, value)
        case "array":
            array = numpy.empty(1, object)
            array[0] = value
            return array
        case "dataclass":
            return Holder(value)
        case "slice":
            return slice(value)
        case "error":
            error = ValueError("with it")
            error.args = (value,)
            return error


def is_one(cls, classes):
    """Whether a class is one of some, without asking it."""
    return any(cls is one for one in classes)


def state(value):
    """What an object holds, read past whatever its class overrides: plain text, equal in any run."""
    cls, found = type(value), []
    for base in type.__dict__["__mro__"].__get__(cls):
        at = type.__dict__["__dict__"].__get__(base).get("__dict__")
        if type(at) is types.GetSetDescriptorType:
            found.append(sorted(key for key in at.__get__(value) if type(key) is str))
    for base in (list, tuple, dict, set, frozenset, bytearray, collections.deque, str, bytes):
        if issubclass(cls, base):
            found.append(base.__len__(value))
    if issubclass(cls, BaseException):
        for name, at in vars(BaseException).items():
            if type(at) is types.GetSetDescriptorType and name != "__dict__":
                held = at.__get__(value)
                found.append((name, frames(held) if name == "__traceback__" else _told(held)))
    if issubclass(cls, numpy.ndarray):
        found.append((numpy.ndarray.shape.__get__(value), str(numpy.ndarray.dtype.__get__(value))))
    return found


def _told(held):
    if type(held) is tuple:
        return [item if is_one(type(item), (str, int)) else "object" for item in held]
    return held if held is None or type(held) is bool else "there"


def frames(traceback):
    """The functions that a traceback leads through; how deep one has recursed does not count."""
    found = []
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_name
        if name not in ("special", "answer") or name not in found:
            found.append(name)
        traceback = traceback.tb_next
    return found
