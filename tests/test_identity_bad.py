"""Objects that raise, hang, fork, exit or return wrong values: recording runs none of their code.

Each object is an argument of a recorded call in a process of its own. The process must end as
without recording.
"""

from __future__ import annotations

import time

import pytest

LAB = "def look(thing):\n    pass\n"
PROGRAM = """\
import os, sys, time
import lab
BODY
lab.look(thing)
os.write(1, b"done\\n")
os._exit(7)
"""
# What a method does, in place of an answer
DEEDS = {
    "raise": "raise BaseException('no')",
    "hang": "time.sleep(1000)",
    "loop": "\n        while True: pass",
    "fork": "os.fork()",
    "exit": "sys.exit(3)",
    "end": "os._exit(4)",
    "recurse": "return self.__class__.act(self)",
    "print": "os.write(1, b'asked\\n')",
}
# All that anyone could ask an object
ASKED = """\
for name in (
    "getattribute getattr setattr delattr dir repr str format bytes hash eq ne lt le gt ge bool len "
    "length_hint iter next reversed contains getitem setitem getstate reduce reduce_ex sizeof copy "
    "deepcopy int float complex index fspath array array_interface array_struct array_function "
    "array_ufunc getnewargs getnewargs_ex instancecheck subclasscheck enter exit call buffer del_"
).split():
    setattr(CLASS, f"__{name}__", CLASS.act)
"""
OF_A_CLASS = """\
class Odd:
    def act(self, *_):
        DEED
    def __init__(self):
        self.x = 1
    value = property(act)
    shape = dtype = name = keys = __len__ = property(act)
thing = Odd()
%s
""" % ASKED.replace("CLASS", "Odd")
OF_A_METACLASS = """\
class Meta(type):
    def act(self, *_):
        DEED
    __mro__ = __name__ = __bases__ = __dict__ = property(act)
class Odd(metaclass=Meta):
    pass
thing = Odd()
thing.x = 1
%s
""" % ASKED.replace("CLASS", "Meta")
OF_ATTRIBUTES = """\
class Odd:
    def act(self, *_):
        DEED
    __dict__ = __class__ = property(act)
    __getstate__ = __reduce__ = __reduce_ex__ = act
thing = Odd()
object.__setattr__(thing, "x", 1)
"""
OF_A_KEY = """\
class Odd(str):
    def act(self, *_):
        DEED
class Holder: pass
thing = Holder()
vars(thing)[Odd("x")] = 1
Odd.__hash__ = Odd.__eq__ = Odd.__str__ = Odd.__len__ = Odd.act
"""
OF_AN_ITEM = """\
class Odd(dict):
    def act(self, *_):
        DEED
    __iter__ = keys = values = items = __len__ = __getitem__ = __contains__ = act
class Holder: pass
thing = Holder()
thing.items = [{"a": Odd(b=1)}, 2]
"""
PLACES = {
    "class": OF_A_CLASS, "metaclass": OF_A_METACLASS, "attributes": OF_ATTRIBUTES, "key": OF_A_KEY,
    "item": OF_AN_ITEM,
}  # fmt: skip


def looked(recorded, body, *, most=20.0, **settings):
    """Run a program; return the entity that its argument was."""
    recorded.write("definition.yaml", "provagent: 1\ntargets: [lab]\n")
    recorded.write("lab.py", LAB)
    recorded.write("main.py", PROGRAM.replace("BODY", body))
    began = time.perf_counter()
    done = recorded.run("main.py", check=False, **settings)
    took = time.perf_counter() - began
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 7)
    assert took < most
    assert recorded.events("complaint") == []
    (call,) = [one for one in recorded.events("activity") if one["activity_name"] == "look"]
    (used,) = [one["used_id"] for one in call["used"]]
    found = {}
    for one in recorded.events("entity"):
        if one["entity_id"] == used:
            found |= one
    return found


CASES = [
    *(("class", deed) for deed in DEEDS),
    *((place, deed) for place in PLACES if place != "class" for deed in ("raise", "loop", "fork")),
]


@pytest.mark.parametrize(("place", "deed"), CASES)
def test_nothing_is_asked(recorded, place, deed):
    """Neither a method nor a property, of an object or its class: the program goes on."""
    entity = looked(recorded, PLACES[place].replace("DEED", DEEDS[deed]))
    # Past a property of that name nothing leads to the attributes: such an object is known by itself.
    assert entity["identified"] == ("id" if place == "attributes" else "state")


LIES = {
    "class that says it is text": ("""\
class Odd:
    __class__ = property(lambda self: str)
thing = Odd()
""", "state"),
    "attributes of another": ("""\
class Odd:
    __dict__ = property(lambda self: {"x": 2})
thing = Odd()
object.__setattr__(thing, "x", 1)
""", "id"),
    "odd names of slots": ("""\
class Odd:
    __slots__ = ("a", "__b", "\\u00e9", "class", "_" * 5000)
thing = Odd()
for name in ("a", "_Odd__b", "\\u00e9", "class"):
    setattr(thing, name, 1)
""", "state"),
    "negative length": ("""\
class Odd(list):
    __len__ = lambda self: -1
thing = Odd([1, 2])
""", "state"),
    "huge length": ("""\
class Odd(list):
    __len__ = lambda self: sys.maxsize
thing = Odd([1, 2])
""", "state"),
    "endless iteration": ("""\
class Odd(tuple):
    def __iter__(self):
        while True:
            yield 1
thing = Odd([1, 2])
""", "state"),
    "endless generator": ("""\
def endless():
    while True:
        yield 1
thing = endless()
""", "id"),
    "every attribute": ("""\
class Odd:
    __getattr__ = lambda self, name: self
thing = Odd()
""", "state"),
    "its own attribute": ("""\
class Odd: pass
thing = Odd()
thing.self = thing
thing.dict = vars(thing)
""", "state"),
    "shape of an array": ("""\
class Odd:
    shape, dtype, nbytes, ndim = (10**12,), "f8", 8 * 10**12, 1
    __array_interface__ = {"shape": (10**12,), "typestr": "<f8", "data": (1, False), "version": 3}
thing = Odd()
""", "state"),
    "name of a class of numpy": ("""\
import numpy
class ndarray: pass
ndarray.__module__ = "numpy"
thing = ndarray()
""", "state"),
    "text for a module": ("""\
class Odd: pass
Odd.__module__ = Odd.__qualname__ = "\\ud800"
thing = Odd()
""", "state"),
    "a module that is none": ("""\
class Odd: pass
Odd.__module__ = 3
thing = Odd()
""", "state"),
    "compiled, without state": ("thing = object()\n", "id"),
    "a lock": ("import threading\nthing = threading.Lock()\n", "id"),
    "a frame": ("thing = sys._getframe()\n", "id"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_what_an_object_says_of_itself(recorded, lie):
    """Its class is the one that it has, its attributes are those that it keeps."""
    body, identified = LIES[lie]
    entity = looked(recorded, body)
    assert entity["identified"] == identified
    assert ("digest" in entity) == (identified != "id")


HOLD = "class Holder: pass\nthing = Holder()\n"
DEEP = {
    "lists": (HOLD + "thing.deep = []\nfor _ in range(200_000): thing.deep = [thing.deep]\n", True),
    "tuples": (
        HOLD + "thing.deep = ()\nfor _ in range(200_000): thing.deep = (thing.deep,)\n",
        True,
    ),
    "dicts": (
        HOLD + "thing.deep = {}\nfor _ in range(200_000): thing.deep = {'a': thing.deep}\n",
        True,
    ),
    "objects": (
        "class Node: pass\nthing = None\n"
        "for _ in range(200_000): node = Node(); node.next = thing; thing = node\n",
        True,
    ),
    "both": (
        "class Node: pass\nthing = None\n"
        "for _ in range(100_000): node = Node(); node.next = [thing]; thing = node\n",
        False,
    ),
    "a million attributes": (
        "class Wide: pass\nthing = Wide()\n"
        "vars(thing).update((f'a{number}', number) for number in range(1_000_000))\n",
        False,
    ),
    "ten megabytes in attributes": (
        "class Large: pass\nthing = Large()\nthing.text = 'x' * 5_000_000\n"
        "thing.rows = [bytes(500) for _ in range(10_000)]\n",
        False,
    ),
    "a class of ten thousand methods": (
        "Odd = type('Odd', (), {f'm{n}': (lambda self: self._x) for n in range(10_000)})\n"
        "thing = Odd()\nthing._x = 1\n",
        False,
    ),
    "a thousand bases": (
        "Odd = object\nfor n in range(1000): Odd = type(f'Odd{n}', (Odd,), {'m': lambda self: 1})\n"
        "thing = Odd()\nthing.x = 1\n",
        False,
    ),
}


@pytest.mark.parametrize("kind", DEEP)
def test_what_is_large_or_deep(recorded, kind):
    """It is read within the bounds of all digests, and the record says what was left out."""
    body, is_sampled = DEEP[kind]
    entity = looked(recorded, body, most=60)
    assert bool(entity.get("sampled")) == is_sampled
    assert entity["identified"] in ("content", "state")


def test_a_state_has_the_bound_of_an_array(recorded):
    """As many milliseconds; what was left out is said."""
    body = "class Large: pass\nthing = Large()\nthing.rows = [[n] for n in range(2_000_000)]\n"
    entity = looked(recorded, body, most=60, PROVAGENT_DIGEST_MS="50")
    assert entity["identified"] == "state"
    assert entity["sampled"]["items"] < entity["sampled"]["of_items"]


def test_a_sparse_map_of_ten_gigabytes(recorded):
    """It is known by its file, and not read: that would take many seconds."""
    with open(recorded.folder / "big", "wb") as file:
        file.truncate(10_000_000_000)
    body = "import numpy\nthing = numpy.memmap('big', 'u1', 'r')\n"
    entity = looked(recorded, body, PROVAGENT_DIGEST_FILE_BYTES="1000000")
    assert entity["identified"] == "state"
    assert not entity.get("sampled")
