"""Functions: attributes that a program reads and sets."""

from __future__ import annotations

import pytest

ASKED = '''
import dis, doctest, functools, inspect, types, typing, weakref, copy, pickle

def plain(a: int, /, b: "int" = 2, *rest: str, c: float = 3.0, **more) -> list[int]:
    """Says what.

    >>> plain(1, 2)
    [1, 2]
    """
    return [a, b]

def probe():
    values = []
    for one in (plain,):
        values.append(str(inspect.signature(one)))
        values.append(inspect.getfullargspec(one))
        values.append(typing.get_type_hints(one))
        values.append(inspect.getsource(one))
        values.append((inspect.getdoc(one), inspect.getfile(one), inspect.getmodule(one).__name__))
        values.append((one.__name__, one.__qualname__, one.__module__, one.__doc__))
        values.append((one.__defaults__, one.__kwdefaults__, one.__annotations__, one.__dict__))
        values.append((one.__code__.co_varnames, one.__closure__, one.__globals__ is globals()))
        values.append([getattr(inspect, name)(one) for name in dir(inspect) if name.startswith("is")])
        values.append((callable(one), isinstance(one, types.FunctionType), one.__class__))
        values.append((repr(one).startswith("<function plain at"), one.__builtins__ is not None))
        values.append((inspect.unwrap(one) == one, one in {one}, one == one, {one: 1}[one]))
        values.append((weakref.ref(one)() is one, copy.copy(one) is one, copy.deepcopy([one])[0] is one))
        values.append([pickle.loads(pickle.dumps(one, protocol)) is one for protocol in range(6)])
        values.append((types.MethodType(one, 1)(5), functools.partial(one, 1)(b=7)))
        values.append([each.name for each in doctest.DocTestFinder().find(one, "plain", module=False)])
        values.append(inspect.getattr_static(one, "__name__", None) is not None)
        values.append(list(map(one, [1, 2])))
        values.append(inspect.getcallargs(one, 1, 2, 3, c=1, d=2))
        values.append(inspect.signature(one).bind(1, 2).arguments)
        values.append(bool(list(dis.get_instructions(one))))
    return values
'''


def test_what_is_asked_of_a_function(same):
    """Signature, source, hints, code, kind, identity, copies, pickles: the function's own."""
    assert len(same(ASKED).activities) == 4


SET = """
import functools, inspect

def count(x=1):
    count.calls = getattr(count, "calls", 0) + 1
    return x

def decorated(function):
    @functools.wraps(function)
    def around(*args, **kwargs):
        return "around", function(*args, **kwargs)
    return around

def other(x, y=5):
    return "other", x, y

def probe():
    seen = [hasattr(count, "calls"), hasattr(count, "__wrapped__") and None]
    count(); count()
    seen.append((count.calls, count.__dict__, vars(count), dir(count) == sorted(dir(count))))
    del count.calls
    seen.append(hasattr(count, "calls"))
    count.cache = {}
    count.cache[1] = 2
    seen.append(count.cache)
    count.__defaults__ = (7,)
    seen.append(count())
    count.__doc__ = "New."
    count.__name__ = "renamed"
    count.__annotations__ = {"x": int}
    seen.append((inspect.getdoc(count), count.__name__, inspect.get_annotations(count)))
    around = decorated(count)
    seen.append((around(), around.cache, around.__wrapped__ == count, around.__name__))
    count.__code__ = other.__code__
    count.__defaults__ = (1, 2)
    count.__kwdefaults__ = None
    seen.append((count(), count(3), count(3, y=4)))
    return seen
"""


def test_what_is_set_on_a_function(same):
    """Attributes, defaults, name, annotations and code: set on it, seen in it."""
    same(SET)


CACHED = """
import functools, inspect

@functools.lru_cache(maxsize=2)
def square(x):
    print("worked", x)
    return x * x

@functools.cache
def two(a, b=1): return a, b

class Holder:
    @functools.lru_cache
    def method(self, x): print("method", x); return x
    @functools.cached_property
    def once(self): print("once"); return [1]
    @classmethod
    @functools.cache
    def klass(cls, x): print("klass"); return cls.__name__, x

def probe():
    seen = [square(2), square(2), square(3), square(4), square(2), tuple(square.cache_info())]
    square.cache_clear()
    seen += [tuple(square.cache_info()), square.cache_parameters(), square.__wrapped__(9)]
    seen += [two(1), two(1), two(a=1), tuple(two.cache_info()), str(inspect.signature(two))]
    h = Holder()
    seen += [h.method(1), h.method(1), tuple(Holder.method.cache_info()), h.once is h.once, vars(h)]
    del h.once
    seen += [h.once, Holder.klass(1), Holder.klass(1), type(vars(Holder)["once"]).__name__]
    try:
        square([])
    except TypeError as error:
        seen.append(str(error))
    return seen
"""


def test_caches(same):
    """lru_cache, cache and cached_property work once, say how often, and can be emptied."""
    same(CACHED)


DISPATCH = """
import functools, decimal

@functools.singledispatch
def show(x):
    "Shows."
    return "any"

@show.register
def show_int(x: int):
    return "int", x

@show.register(list)
def _(x):
    return "list", [show(y) for y in x]

class Shower:
    @functools.singledispatchmethod
    def show(self, x): return "any"
    @show.register
    def _(self, x: int): return "int"
    @functools.singledispatchmethod
    @classmethod
    def make(cls, x): return cls.__name__, "any"
    @make.register
    @classmethod
    def _(cls, x: str): return cls.__name__, "str"
    def base(self, a, b, *, c=0): return a, b, c
    part = functools.partialmethod(base, 1, c=9)

def late(x): return "late"

def probe():
    show.register(decimal.Decimal, late)
    s = Shower()
    Shower.show.register(float, lambda self, x: "float")
    return [
        show(1.0), show(1), show([1, "x"]), show(decimal.Decimal(1)), show_int(3),
        show.dispatch(int)(4), sorted(t.__name__ for t in show.registry), show.__doc__,
        s.show("x"), s.show(1), s.show(2.0), Shower.make(1), Shower.make("x"), s.part(2), Shower.part(s, 3),
    ]
"""


def test_dispatch(same):
    """What is registered, before and after, is found; partial methods fill in."""
    same(DISPATCH)


NUMPY = """
import numpy as np, math, operator

def scale(x, y=2.0): return x * y
def total(values): return float(np.sum(values))

vectorized = np.vectorize(scale)
universal = np.frompyfunc(scale, 2, 1)

def probe():
    a = np.arange(4.0)
    return [
        np.vectorize(scale)(a).tolist(), vectorized(a).tolist(), universal(a, 3).tolist(),
        np.frompyfunc(scale, 2, 1)(a, 3).tolist(), universal.nin, total(a),
        np.apply_along_axis(total, 0, a.reshape(2, 2)).tolist(), np.fromfunction(scale, (2, 2)).tolist(),
        sorted([3, 1, 2], key=scale), list(map(scale, [1, 2])), math.fsum(map(scale, [1])),
    ]
"""


def test_numpy_calls_it(same):
    """Called from C: vectorize, frompyfunc, map, sorted."""
    same(NUMPY)


IN_C = """
import math, operator
import numpy as np

root = math.sqrt
get = operator.itemgetter(0)
add = np.add
length = len

class Holder:
    size = len
    add = np.add

def probe():
    seen = [root(4), get([7]), add(1, 2).item(), add.reduce([1, 2, 3]).item(), add.nin, length("abc")]
    seen += [isinstance(add, np.ufunc), add.__name__, root.__name__, root.__doc__, root.__self__ is math]
    seen += [Holder.size([1]), Holder().size([1, 2]), Holder.add(1, 1).item(), Holder().add(1, 1).item()]
    try:
        root(-1)
    except ValueError as error:
        seen.append(str(error))
    return seen
"""


def test_callables_in_c(woven):
    """Builtins, ufuncs and callable objects, each named by a target."""
    import types

    bare = types.ModuleType("bare")
    exec(IN_C, vars(bare))
    names = ("root", "get", "add", "length", "Holder.size", "Holder.add")
    module = woven.module(IN_C, *(f"subject:{name}" for name in names))
    assert module.probe() == bare.probe()
    assert {activity["target"].partition(":")[2] for activity in woven.activities} >= {
        "get", "add", "root",
    }  # fmt: skip


TYPED = """
import typing, inspect
from typing import overload

@overload
def either(x: int) -> int: ...
@overload
def either(x: str) -> str: ...
def either(x): return x

@typing.final
def last(): return 1

@typing.no_type_check
def unchecked(x: "nonsense("): return x

T = typing.TypeVar("T")

@typing.runtime_checkable
class Runs(typing.Protocol):
    def run(self, x: int) -> int: ...

class Runner:
    def run(self, x): return x

class Box(typing.Generic[T]):
    def __init__(self, x: T): self.x = x
    def get(self) -> T: return self.x
    def __class_getitem__(cls, item): return super().__class_getitem__(item)

class Movie(typing.TypedDict):
    name: str

class Point(typing.NamedTuple):
    x: int
    y: int = 2
    def norm(self): return self.x ** 2 + self.y ** 2
    @property
    def half(self): return self.x / 2

def probe():
    p = Point(1)
    return [
        either(1), either("x"), [str(inspect.signature(f)) for f in typing.get_overloads(either)],
        last(), last.__final__, unchecked(1), typing.get_type_hints(unchecked),
        isinstance(Runner(), Runs), isinstance(1, Runs), Box[int](3).get(), Box[int].__args__,
        Movie(name="x"), p.norm(), p.half, p._replace(x=3).norm(), tuple(p), p._asdict(), tuple(Point._make([5, 6])),
        [str(h) for h in typing.get_type_hints(Box.get).values()], repr(p),
    ]
"""


def test_typing(same):
    """overload, final, Protocol, Generic, NamedTuple, TypedDict."""
    same(TYPED)


@pytest.mark.parametrize("library", ["pickle", "cloudpickle", "dill"])
def test_pickled_by_every_library(same, library):
    """Functions, bound methods, class methods, classes and instances, at all protocols."""
    same(PICKLED.replace("LIBRARY", library))


PICKLED = """
import copy
import LIBRARY as pickler

def plain(x): return x

class Custom:
    def __init__(self, x): self.x = x
    def get(self): return self.x
    @classmethod
    def make(cls, x): return cls(x)
    @staticmethod
    def double(x): return 2 * x
    def __eq__(self, other): return type(self) is type(other) and vars(self) == vars(other)
    def __hash__(self): return 1

class Reduced(Custom):
    def __reduce__(self): return type(self).make, (self.x,)

class Stated(Custom):
    def __getstate__(self): return {"x": self.x, "stated": True}
    def __setstate__(self, state): self.__dict__.update(state)

class Arguments(Custom):
    def __new__(cls, x): return super().__new__(cls)
    def __getnewargs__(self): return (self.x,)
    def __copy__(self): return "copied"
    def __deepcopy__(self, memo): return "deeply"

def probe():
    seen = []
    for protocol in range(6):
        through = lambda value: pickler.loads(pickler.dumps(value, protocol))
        for value in (plain, Custom.get, Custom.make, Custom.double, Custom(1).make, Custom(1).double, Custom):
            seen.append((protocol, through(value) == value))
        for value in (Custom(1), Reduced(2), Stated(3), Arguments(4)):
            again = through(value)
            seen.append((type(again).__name__, again == value, vars(again)))
        bound = through(Custom(5).get)
        seen.append((bound(), bound.__self__ == Custom(5), bound.__func__ is Custom.get))
        seen.append([each() for each in through([Custom(6).get] * 2)])
    for value in (plain, Custom.get, Custom.make, Custom(1).get, Custom(1), Arguments(1), Stated(1)):
        seen.append((str(copy.copy(value))[:15], str(copy.deepcopy([value])[0])[:15]))
    custom = Custom([1])
    twin = copy.deepcopy(custom.get)
    seen.append((twin() == custom.get(), twin() is custom.get(), copy.copy(custom.get)() is custom.x))
    return seen
"""
