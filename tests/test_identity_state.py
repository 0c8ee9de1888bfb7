"""Objects of unknown classes: identified by state, with safe introspection."""

from __future__ import annotations

import array
import collections
import copy
import datetime as dt
import decimal
import functools
import gc
import io
import json
import logging
import pickle
import sys
import threading
import time
import weakref

import numpy as np
import pytest

from provagent.identity.registry import Identity, identify
from provagent.reading.store.encoding import is_of_content, joins, packed, unpacked


class Plain:
    def __init__(self, **keys):
        vars(self).update(keys)


class Text(Plain):
    """Prints alike, whatever it holds."""

    def __repr__(self):
        return "Text"


class Slotted:
    __slots__ = ("__weakref__", "left", "right")


class Both(Slotted):
    __slots__ = ("left", "more")


class Records(list):
    def __iter__(self):
        raise AssertionError("the value's own code ran")


class Lazy:
    """A class with caches of each kind."""

    def __init__(self, data):
        self.data = data
        self._sum = None
        self._looks = 0
        self._parts = {}
        self._largest = _UNSET
        self._results_cache = {}
        self._lock = threading.Lock()

    @functools.cached_property
    def doubled(self):
        return [2 * each for each in self.data]

    @property
    def sum(self):
        if self._sum is None:
            self._sum = sum(self.data)
        return self._sum

    def largest(self):
        if self._least() is None:
            raise ValueError
        return self._largest

    def _least(self):
        return 0

    def mean(self):
        if self._sum is None:
            self._sum = sum(self.data)
        return self._sum

    def __getitem__(self, key):
        self._parts[key] = self.data[key]
        return self._parts[key]

    def __repr__(self):
        self._looks += 1
        return f"Lazy({self.data})"

    def __len__(self):
        return self._count()

    def _count(self):
        object.__setattr__(self, "_length", len(self.data))
        return self._length

    def __eq__(self, other):
        return self.data == other.data

    def __hash__(self):
        self._hash = hash(tuple(self.data))
        return self._hash

    def __getstate__(self):
        self._pickled = True
        return vars(self) | {"_lock": None}

    def evaluate(self, key):
        self._results_cache[key] = key
        return key


_UNSET = object()


def state(value):
    found = identify(value)
    assert found.identified == "state"
    assert found.digest.startswith("state:")
    return found.digest


def test_state_is_what_an_object_keeps():
    """Attributes, slots and items count; what an object prints does not."""
    assert state(Text(a=1)) == state(Text(a=1)) != state(Text(a=2))
    assert state(Text(a=1)) != state(Plain(a=1))
    assert state(Plain(a=1, b=2)) == state(Plain(b=2, a=1))
    assert state(Plain(a=1)) != state(Plain(b=1))
    one, other = Both(), Both()
    assert state(one) == state(other)
    Slotted.left.__set__(one, 1)
    Both.left.__set__(other, 1)
    assert state(one) != state(other)
    assert state(Records([1])) != state(Records([2]))


class Queue(collections.deque):
    pass


class Day(dt.date):
    pass


class Moment(dt.datetime):
    pass


class Span(dt.timedelta):
    pass


class Price(decimal.Decimal):
    pass


class Point(complex):
    pass


class Numbers(array.array):
    pass


class Failure(ValueError):
    pass


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Queue, ([1, 2],), ([1, 3],)),
        (Day, (2020, 1, 2), (2020, 1, 3)),
        (Moment, (2020, 1, 2, 3), (2020, 1, 2, 4)),
        (Span, (1,), (2,)),
        (Price, ("1.0",), ("1.00",)),
        (Point, (1, 2), (1, 3)),
        (Numbers, ("d", [1.0]), ("d", [2.0])),
        (Failure, ("a",), ("b",)),
        (Records, ([1],), ([2],)),
    ],
)
def test_what_a_class_extends_counts(kind, one, other):
    """The items of a container, the parts of a moment: of a subclass, with its attributes."""
    assert identify(kind(*one)).sampled is False
    seen = {state(kind(*one)), state(kind(*one)), state(kind(*other))}
    value = kind(*one)
    value.note = 1
    seen.add(state(value))
    assert len(seen) == 3


def test_each_change_in_place_shows():
    """However deep it lies, and however often it is shared."""
    shared = Plain(values=[1.0, 2.0])
    value = Plain(parts=[shared, {"a": (shared, {1, 2})}], array=np.arange(5), other=Plain(x=1))
    seen = {state(value)}
    shared.values[1] = 3.0
    seen.add(state(value))
    value.array[3] = 7
    seen.add(state(value))
    value.other.x = 2
    seen.add(state(value))
    value.other.y = 2
    seen.add(state(value))
    del value.other
    seen.add(state(value))
    vars(value)[7] = 1
    seen.add(state(value))
    value.parts[1]["a"][1].add(3)
    seen.add(state(value))
    value.parts.append(value)
    seen.add(state(value))
    assert len(seen) == 9


def test_a_deep_copy_has_the_same_state():
    """Cycles, sets and shared parts too; another sharing is another state."""
    value = Plain(parts=[Plain(x=[1])], either={Text(a=1), Text(a=2)})
    value.parts += [value, value.parts[0]]
    assert state(copy.deepcopy(value)) == state(value)
    assert state(pickle.loads(pickle.dumps(value))) == state(value)
    assert state(Plain(x=value.parts[0], y=value.parts[0])) != state(
        Plain(x=value.parts[0], y=copy.deepcopy(value.parts[0]))
    )


LOOKS = {
    "repr": repr,
    "str": str,
    "length": len,
    "hash": hash,
    "equal": lambda value: value == Lazy([0]),
    "iteration": list,
    "property": lambda value: value.sum,
    "cached property": lambda value: value.doubled,
    "memo": lambda value: value.mean(),
    "named a cache": lambda value: value.evaluate(3),
    "pickle": lambda value: pickle.dumps(value),
    "deep copy": lambda value: copy.copy(value),
}


@pytest.mark.parametrize("look", LOOKS)
def test_looking_changes_nothing(look):
    """What is filled because somebody looked is no state; a change is one, before and after."""
    value = Lazy([1.0, 2.0])
    before = state(value)
    LOOKS[look](value)
    assert state(value) == before
    value.data[0] = 5.0
    changed = state(value)
    assert changed != before
    value._lock = threading.Lock()
    assert state(value) == changed


class Held:
    """Private names that look like caches, and are none."""

    def __init__(self, data, model=None):
        self._data = data
        self._model = model
        self._fitted = None
        self.shown = None

    @property
    def data(self):
        if isinstance(self._data, tuple):
            self._data = list(self._data)
        return self._data

    @property
    def model(self):
        if self._model is None:
            self._model = "default"
        return self._model

    def fit(self, factor):
        if self._fitted is None:
            self._fitted = factor
        return self._fitted

    @property
    def checked(self):
        return vars(self)["checked"]

    @checked.setter
    def checked(self, value):
        vars(self)["checked"] = value

    @property
    def frozen(self):
        return vars(self)["frozen"]

    @property
    def once(self):
        if "once" not in vars(self):
            self.__dict__["once"] = len(self._data)
        return self.__dict__["once"]

    def method(self):
        return 1


def test_what_other_code_assigns_is_state():
    """A name that is also set from outside is no cache, nor what depends on an argument."""
    value = Held([1.0])
    seen = {state(value)}
    for change in (
        lambda: value.data.append(2.0),
        lambda: setattr(value, "_model", "other"),
        lambda: value.fit(3),
        lambda: setattr(value, "shown", 1),
        lambda: setattr(value, "checked", 1),
        lambda: setattr(value, "checked", 2),
        lambda: setattr(value, "method", len),
        lambda: vars(value).update(frozen=1),
        lambda: vars(value).update(frozen=2),
    ):
        change()
        seen.add(state(value))
        assert value.once >= 1
        assert state(value) in seen
    assert len(seen) == 10


def test_what_is_no_state():
    """Locks, weak references, loggers and open files."""
    value, other = Plain(x=1), Plain(y=1)
    before = state(value)
    value.lock, value.again, value.event = threading.Lock(), threading.RLock(), threading.Event()
    value.ref, value.refs = weakref.ref(other), weakref.WeakSet([other])
    value.logger, value.file = logging.getLogger("a"), open(__file__)  # noqa: SIM115
    value.proxy = weakref.proxy(other)
    assert state(value) == before
    value.file.close()
    assert identify(value.event).identified == identify(value.logger).identified == "id"
    value.memory = io.BytesIO(b"a")
    assert state(value) != before


def test_what_cannot_be_read_is_counted():
    """A compiled object shows nothing of itself: the rest is read, and the record says so."""
    value = Plain(x=1, hidden=[object(), 2])
    found = identify(value)
    assert (found.identified, found.sampled.unread) == ("state", 1)
    value.hidden[1] = 3
    assert identify(value).digest != found.digest
    assert identify(object()) == Identity(None, "id")


class Hostile:
    """Everything that can be asked of it raises."""

    def __init__(self, x):
        object.__setattr__(self, "x", x)

    def fail(self, *_):
        raise AssertionError("the value's own code ran")

    __repr__ = __str__ = __hash__ = __eq__ = __len__ = __iter__ = __getattr__ = fail
    __getattribute__ = __getstate__ = __reduce__ = __reduce_ex__ = __setattr__ = fail
    __getitem__ = __contains__ = __bool__ = __dir__ = __sizeof__ = __class__ = property(fail)


class Meta(type):
    def fail(cls, *_):
        raise AssertionError("the metaclass ran")

    __getattribute__ = __hash__ = __eq__ = __instancecheck__ = __subclasscheck__ = fail


class OfMeta(metaclass=Meta):
    pass


class Lying:
    @property
    def __dict__(self):
        raise AssertionError("asked")


class Key(str):  # noqa: SLOT000
    def __hash__(self):
        return next(_hashes)

    def __eq__(self, other):
        raise AssertionError("the key was compared")


_hashes = iter(range(100))


def test_no_code_runs():
    """Whatever raises, lies or recurses: nothing of it is asked."""
    assert state(Hostile(1)) != state(Hostile(2))
    one, other = object.__new__(OfMeta), object.__new__(OfMeta)
    object.__setattr__(one, "x", 1)
    assert state(one) != state(other)
    assert identify(Lying()).sampled or identify(Lying()).identified == "id"
    keyed = Plain()
    vars(keyed)[Key("a")] = 1
    assert identify(keyed).identified == "state"


class Node:
    def __init__(self, following=None):
        self.following = following


def chain(length):
    first = None
    for _ in range(length):
        first = Node(first)
    return first


def cut(first):
    while first is not None:
        following, first.following = first.following, None
        first = following


def test_bounds():
    """A chain of any length, a million attributes: within the time of large lists."""
    for length, is_whole in ((50_000, True), (300_000, False)):
        long = chain(length)
        began = time.perf_counter()
        found = identify(long)
        assert (found.identified, not found.sampled) == ("state", is_whole)
        assert time.perf_counter() - began < 20
        cut(long)
    deep = []
    for _ in range(200_000):
        deep = [deep]
    found = identify(Plain(deep=deep))
    assert (found.identified, bool(found.sampled)) == ("state", True)
    while deep:
        deep = deep.pop()
    wide = Plain(**{f"a{number}": number for number in range(1_000_000)})
    began = time.perf_counter()
    assert identify(wide, max_bytes=50_000_000).sampled.of_items == 1_000_000
    assert time.perf_counter() - began < 20
    found = identify(chain(100), max_ms=0.000001)
    assert found.sampled or found.digest


def test_nothing_is_kept_and_nothing_counts():
    """Neither object nor class is kept alive, and references are as before."""
    cls = type("Temporary", (), {"__slots__": ("__dict__", "__weakref__", "more")})
    part = [1]
    value = cls()
    value.part, value.more = part, 1
    count = sys.getrefcount(part)
    state(value)
    assert sys.getrefcount(part) == count
    gone = weakref.ref(value), weakref.ref(cls)
    del value, cls
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_only_content_joins():
    """In the index, digests of less than content are told apart, and join nothing."""
    for how, value in ((None, Text(a="x" * 40)), ("str", Text()), ("hash", "a" * 40)):
        found = identify(value, how)
        event = {"digest": found.digest, "identified": found.identified, "distinctive": True}
        assert joins(event) is None
        assert joins({**event, "type": "File"}) is None
        assert not is_of_content(packed(found.digest))
        assert unpacked(packed(found.digest)) == found.digest
    assert is_of_content(packed(identify("a").digest))


PROGRAM = """\
import copy, functools, lab

class Held:
    def __init__(self):
        self.data, self._n = [1.0, 2.0, 3.0], None
    @functools.cached_property
    def total(self):
        return sum(self.data)
    @property
    def n(self):
        if self._n is None:
            self._n = len(self.data)
        return self._n
    def __repr__(self):
        return "Held"

held = Held()
lab.look(held, "first")
held.total, held.n
lab.look(held, "same")
held.data[0] = 7.5
lab.look(held, "changed")
lab.look(copy.deepcopy(held), "copied")
twin = Held()
twin.data[0] = 7.5
lab.look(twin, "made like it")
lab.look(object(), "itself")
"""


def test_a_program_that_changes_an_object(recorded):
    """Modified in place, copied, looked at, or identified by object identity only: as it was."""
    recorded.write("definition.yaml", "provagent: 1\ntargets: [lab]\n")
    recorded.write("lab.py", "def look(thing, word):\n    pass\n")
    recorded.write("main.py", PROGRAM)
    recorded.run("main.py", PROVAGENT_STRICT="1")
    entities = {
        one["entity_id"]: one for one in recorded.events("entity") if one["type"] == "PythonObject"
    }
    things = [one for one in entities.values() if "value" not in one]
    assert [one["identified"] for one in things] == ["state"] * 4 + ["id"]
    assert [one.get("digest", "-").partition(":")[0] for one in things] == ["state"] * 4 + ["-"]
    assert things[1]["digest"] == things[2]["digest"] == things[3]["digest"]
    assert things[0]["digest"] != things[1]["digest"]
    derived = [(one["how"], one["entity_id"], one["progenitor_id"]) for one in recorded.events("derivation")]  # fmt: skip
    report = json.loads(recorded.python("-m", "provagent", "doctor", "--json", check=False).stdout)
    assert report["run"]["not_identified_by_content"] == [
        "__main__:Held: 4 objects, identified by their state; to identify by content, add "
        "entities: {Held: {identifier: [ATTRIBUTE, ...]}}",
        "builtins:object: 1 object, identified by object identity only; to identify by content, add "
        "entities: {object: {identifier: [ATTRIBUTE, ...]}}",
    ]
    assert (
        "thing  identified by object identity only"
        in recorded.python("-m", "provagent", "show").stdout
    )
    first, changed, copied = (one["entity_id"] for one in things[:3])
    assert derived == [("modified", changed, first), ("copied", copied, changed)]
