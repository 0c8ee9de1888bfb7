"""Python's own types, and classes that a program defines."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import random
import re
import threading
import types
import weakref

import attrs
import pydantic

from identity_kinds.looks import Other, calling, item, setting


@dataclasses.dataclass
class Point:
    x: float
    parts: list = dataclasses.field(default_factory=list)

    @functools.cached_property
    def norm(self):
        return abs(self.x)


@dataclasses.dataclass(slots=True)
class SlottedPoint:
    x: float
    y: float


@attrs.define
class Made:
    x: int
    rows: list = attrs.Factory(list)


class Model(pydantic.BaseModel):
    x: int
    rows: list[int] = []

    @pydantic.computed_field
    @functools.cached_property
    def double(self) -> int:
        return 2 * self.x


class Private(pydantic.BaseModel):
    """With an attribute that is no field."""

    x: int
    _seen: int = pydantic.PrivateAttr(0)

    def __repr__(self):
        self._seen += 1
        return "Private"


class Slots:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left, self.right = left, right


class Weak(Slots):
    __slots__ = ("__weakref__",)


class Cached:
    """Caches of many kinds, filled by those who look."""

    def __init__(self, rows):
        self.rows = rows
        self._sum = None
        self._by_key = {}
        self._lock = threading.Lock()
        self._owner = weakref.ref(self)

    @functools.cached_property
    def largest(self):
        return max(self.rows)

    @property
    def sum(self):
        if self._sum is None:
            self._sum = sum(self.rows)
        return self._sum

    @property
    def lazy(self):
        try:
            return self._lazy
        except AttributeError:
            self._lazy = list(self.rows)
            return self._lazy

    @property
    def had(self):
        if not hasattr(self, "_had"):
            self._had = tuple(self.rows)
        return self._had

    def __getitem__(self, key):
        if key not in self._by_key:
            self._by_key[key] = self.rows[key]
        return self._by_key[key]

    def __len__(self):
        return len(self.rows)

    def __getstate__(self):
        return {"rows": self.rows}

    def __setstate__(self, state):
        self.__init__(**state)


class Memo:
    """A table of results in a dict of its own, filled through another object."""

    def __init__(self, rows):
        self._rows = rows
        self._parts = Cached(rows)

    def __repr__(self):
        return f"Memo({self._parts.sum}, {self._parts.largest})"

    def append(self, row):
        self._rows.append(row)


class Counted:
    """Counts who looks at it, which is a state that the class shows to nobody."""

    def __init__(self, rows):
        self.rows = rows
        self._looks = 0

    def __repr__(self):
        self._looks += 1
        return "Counted"

    def __iter__(self):
        self._place = 0
        return self

    def __next__(self):
        if self._place >= len(self.rows):
            raise StopIteration
        self._place += 1
        return self.rows[self._place - 1]


class ReadOnce:
    """Reads its data when they are first asked for, by a helper of another name."""

    def __init__(self, source):
        self._source = source
        self._data = None

    def _load(self):
        self._data = [2 * one for one in self._source]

    @property
    def data(self):
        if self._data is None:
            self._load()
        return self._data

    def __eq__(self, other):
        return self.data == other.data

    __hash__ = None


class Inner:
    def __init__(self, owner):
        self.owner = owner
        self.values = [1, 2]

    def __repr__(self):
        return f"Inner of {len(self.owner.parts)}"


class Cycle:
    def __init__(self):
        self.parts = [Inner(self), Inner(self)]


class Rows(list):
    """A list with attributes."""

    def __init__(self, rows):
        super().__init__(rows)
        self.name = "rows"


class Lookup(dict):
    """A dict that fills itself when a key is missing."""

    def __missing__(self, key):
        return f"no {key}"


class Text(str):
    __slots__ = ("note",)


class Titled(str):  # noqa: SLOT000
    def __init__(self, text):
        self.title_ = text.upper()


class Colour(enum.Enum):
    RED = [1]


class Flags(enum.Flag):
    A = 1
    B = 2


class Failure(ValueError):
    def __init__(self, text, code):
        super().__init__(text)
        self.code = code


class Dynamic:
    """Attributes through ``__getattr__`` and ``__setattr__``."""

    def __init__(self, rows):
        object.__setattr__(self, "_items", {"rows": rows})

    def __getattr__(self, name):
        try:
            return object.__getattribute__(self, "_items")[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name, value):
        self._items[name] = value


class Proxy:
    """Stands for another object in all that is asked of it."""

    def __init__(self, target):
        self._target = target

    def __getattr__(self, name):
        return getattr(object.__getattribute__(self, "_target"), name)

    @property
    def __class__(self):
        return type(self._target)


def closure(rows):
    def inner():
        return rows

    return inner


def function_of(source):
    found = {}
    exec(source, found)  # noqa: S102
    return found["f"]


def bound():
    return Cached([1, 2]).__getitem__


def ring():
    found = [1]
    found.append(found)
    return found


KINDS = {
    "list": (lambda: [1, [2]], calling("append", 3), lambda one: one[1].append(3)),
    "dict": (lambda: {"a": [1]}, item("b", 1), lambda one: one["a"].append(2)),
    "set": (lambda: {1, "a"}, calling("add", 2)),
    "tuple": (lambda: ([1], 2), lambda one: one[0].append(2)),
    "frozenset": (lambda: frozenset("abc"), Other(lambda: frozenset("abd"))),
    "ring of lists": (ring, item(0, 2)),
    "bytearray": (lambda: bytearray(b"abc"), item(0, 1)),
    "memoryview": (lambda: memoryview(bytearray(b"abc")),),
    "array.array": (lambda: array.array("d", [1, 2]), item(0, 3)),
    "deque": (lambda: collections.deque([1, 2], 5), calling("rotate", 1)),
    "OrderedDict": (
        lambda: collections.OrderedDict(a=1, b=2),
        calling("move_to_end", "a"),
        item("a", 2),
    ),
    "defaultdict": (lambda: collections.defaultdict(list, a=[1]), item("a", 2)),
    "Counter": (lambda: collections.Counter("abca"), calling("update", "b")),
    "ChainMap": (lambda: collections.ChainMap({"a": 1}, {"b": 2}), item("a", 2)),
    "UserDict": (lambda: collections.UserDict(a=1), item("a", 2)),
    "UserList": (lambda: collections.UserList([1]), calling("append", 2)),
    "SimpleNamespace": (lambda: types.SimpleNamespace(a=[1]), setting("a", 2)),
    "mapping proxy": (lambda: types.MappingProxyType({"a": [1]}), lambda one: one["a"].append(2)),
    "dict view": (lambda: {"a": 1}.keys(),),
    "named tuple": (
        lambda: collections.namedtuple("Pair", "a b")([1], 2),
        lambda one: one.a.append(2),
    ),
    "dataclass": (lambda: Point(1.0), setting("x", 2.0), lambda one: one.parts.append(1)),
    "dataclass with slots": (lambda: SlottedPoint(1.0, 2.0), setting("x", 2.0)),
    "attrs": (lambda: Made(1), setting("x", 2), lambda one: one.rows.append(1)),
    "pydantic": (lambda: Model(x=1), setting("x", 2), lambda one: one.rows.append(1)),
    "pydantic, private": (lambda: Private(x=1), setting("x", 2)),
    "slots": (lambda: Slots(1, [2]), setting("left", 2), lambda one: one.right.append(2)),
    "slots, weak": (lambda: Weak(1, [2]), setting("left", 2), lambda one: one.right.append(2)),
    "caches": (lambda: Cached([1, 2]), lambda one: one.rows.append(3), setting("rows", [3])),
    "caches of a part": (lambda: Memo([1, 2]), calling("append", 3)),
    "counter of looks": (lambda: Counted([1, 2]), lambda one: one.rows.append(3)),
    "read once": (lambda: ReadOnce([1]), lambda one: one._source.append(3)),
    "cycle": (
        Cycle,
        lambda one: one.parts.pop() and None,
        lambda one: one.parts[0].values.pop() and None,
    ),
    "subclass of list": (lambda: Rows([1]), calling("append", 2), setting("name", "r")),
    "subclass of dict": (lambda: Lookup(a=1), item("b", 2)),
    "subclass of str": (lambda: Text("a"), setting("note", 2)),
    "subclass of str with attributes": (lambda: Titled("a"), setting("title_", "B")),
    "enum": (lambda: Colour.RED, Other(lambda: Flags.A)),
    "flags": (lambda: Flags.A | Flags.B, Other(lambda: Flags.A)),
    "exception": (lambda: Failure("a", 1), setting("code", 2), setting("args", ("b",))),
    "dynamic attributes": (
        lambda: Dynamic([1]),
        setting("rows", 2),
        lambda one: one.rows.append(1),
    ),
    "proxy": (lambda: Proxy([1]), lambda one: one._target.append(2)),
    "function": (
        lambda: function_of("def f(x): return x"),
        Other(lambda: function_of("def f(x): return -x")),
    ),
    "closure": (lambda: closure([1]), lambda one: one().append(2)),
    "bound method": (bound, lambda one: one.__self__.rows.append(3)),
    "partial": (lambda: functools.partial(len, [1]), lambda one: one.args[0].append(2)),
    "lru_cache": (lambda: functools.lru_cache(closure([1])), lambda one: one().append(2)),
    "BytesIO": (lambda: io.BytesIO(b"abc"), calling("write", b"x")),
    "StringIO": (lambda: io.StringIO("abc"), calling("write", "x")),
    "Random": (lambda: random.Random(1), calling("random")),
    "pattern": (lambda: re.compile("a+"), Other(lambda: re.compile("a*"))),
    "datetime": (
        lambda: dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc),
        Other(lambda: dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)),
    ),
    "Decimal": (lambda: decimal.Decimal("1.10"), Other(lambda: decimal.Decimal("1.1"))),
    "Decimal context": (lambda: decimal.Context(prec=5),),
    "Fraction": (lambda: fractions.Fraction(1, 3), Other(lambda: fractions.Fraction(2, 3))),
    "object": (object,),
    "class": (lambda: Cached, Other(lambda: Cycle)),
    "module": (lambda: collections, Other(lambda: types)),
}
