"""Find attributes that are caches: attributes that code which only reads the object fills.

A class is analysed once, from its namespaces and the bytecode of its methods. No code of the class
runs. A cache is

* an entry of ``__dict__`` under the name of a ``functools.cached_property``, of another descriptor
  without ``__set__``, or of a kind of property, if that descriptor stores its result; or under the
  name of a property that stores its result there itself;
* a private name that reading code assigns or fills, if all other code of the class assigns only
  constants to it (None, a sentinel, an empty container). Reading code is a property, ``__repr__``,
  ``__len__``, ``__hash__``, ``__iter__``, ``__getstate__`` and the methods that these call on the
  object; or a method without parameters that tests the name for None and returns it;
* a private name with the word *cache* or *memo*.

A public attribute belongs to the interface of a class. It is never a cache of the last two kinds.

If reading code replaces None by an empty container, None and an empty container are equal. Methods
that a class overrides are analysed as well, because the overriding methods may call them.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from opcode import opname
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from provagent.isolation import introspection

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKS = frozenset(
    f"__{name}__"
    for name in (
        *("repr", "str", "format", "bytes", "eq", "ne", "lt", "le", "gt", "ge", "hash", "len"),
        *("length_hint", "iter", "reversed", "contains", "getitem", "getattr", "getattribute"),
        *("bool", "int", "float", "index", "complex", "array", "dir", "sizeof", "fspath"),
        *("getstate", "reduce", "reduce_ex", "getnewargs", "getnewargs_ex", "copy", "deepcopy"),
    )
)
_MAKING = frozenset(("__init__", "__new__"))
_CACHE = re.compile(r"_(?:.*_)?(?:caches?|cached|memos?|memoized)(?:_.*)?", re.IGNORECASE)
_FILLING = frozenset(
    (
        *("add", "append", "clear", "extend", "insert", "move_to_end", "pop", "popitem"),
        *("setdefault", "update"),
    )
)
_EMPTY = frozenset(
    (
        *("dict", "list", "set", "OrderedDict", "defaultdict"),
        *("WeakKeyDictionary", "WeakValueDictionary"),
    )
)
_SETTING = frozenset(("setattr", "__setattr__"))
_NEAR = 12  # maximum number of steps between a name and the store into it
_MOST = 2000  # maximum number of instructions of a function that are read

_property_get = property.__dict__["fget"].__get__
_property_set = property.__dict__["fset"].__get__


# The action, the name of the attribute, and the assigned value: a constant, an empty container, or
# any other value (0)
Step = tuple[str, str, int]
_CONSTANT, _EMPTY_ONE = 1, 2


class _Facts(NamedTuple):
    """What one function does with the attributes of its first argument."""

    assigned: set[str]
    reset: set[str]  # assigned a constant
    emptied: set[str]  # assigned an empty container
    filled: set[str]
    named: set[str]  # read or called
    is_memo_of: set[str]  # tested for None and returned, by a function without parameters


_NO_FACTS = _Facts(*(set() for _ in range(6)))


class Lazy(NamedTuple):
    """The names of attributes that reading code may set."""

    caches: frozenset[str]
    emptied: frozenset[str]  # first None, then an empty container


def lazy_of(cls: type) -> Lazy:
    """Return which attributes of instances of ``cls`` reading code sets."""
    found: dict[str, Any] = {}
    facts: dict[str, _Facts] = {}
    for base in reversed(introspection.mro(cls)):
        if base is object:
            continue
        # Other keys than plain strings are skipped: a lookup would call their ``__hash__``.
        here = {key: at for key, at in introspection.namespace(base).items() if type(key) is str}
        found |= here
        for name, code in _functions(here):
            facts[name] = _both(facts.get(name, _NO_FACTS), _facts(code))
    looking = _looking(facts)
    descriptors = {name for name, at in found.items() if _stores_its_value(at)}
    emptied = {word for name in looking for word in facts[name].emptied}
    caches = frozenset(descriptors | _filled_by_looks(facts, looking))
    return Lazy(caches, frozenset(emptied) - caches)


def assigned_by(cls: type) -> frozenset[str]:
    """Return the names of the attributes that the code of a class and its bases assigns."""
    found: set[str] = set()
    for base in introspection.mro(cls):
        here = {key: at for key, at in introspection.namespace(base).items() if type(key) is str}
        for _, code in _functions(here):
            facts = _facts(code)
            found |= facts.assigned | facts.reset
    return frozenset(found)


def _both(one: _Facts, other: _Facts) -> _Facts:
    return _Facts(*(left | right for left, right in zip(one, other, strict=True)))


@lru_cache(4096)
def is_cache_by_name(name: str) -> bool:
    """Return whether a private name contains the word cache or memo."""
    return _CACHE.fullmatch(name) is not None


def _stores_its_value(at: Any) -> bool:
    cls = type(at)
    if issubclass(cls, (FunctionType, staticmethod, classmethod)):
        return False
    if introspection.lookup(cls, "__set__") is not None and not issubclass(cls, property):
        return False
    get = introspection.lookup(cls, "__get__")
    if type(get) is not FunctionType:
        return False
    code = get.__code__
    words = set(code.co_names)
    return bool(words & {"__dict__", "setattr", "__setattr__", "cache"}) or any(
        name in ("STORE_SUBSCR", "STORE_ATTR") for name, _ in _instructions(code)
    )


def _looking(facts: dict[str, _Facts]) -> set[str]:
    """Return the names of the functions that read the object, and of functions that they call."""
    looking = {name for name in facts if name in _LOOKS or name.startswith("get ")}
    begun = facts.get("__iter__", _NO_FACTS)
    if "__next__" in facts and begun.assigned | begun.reset:  # each iteration restarts
        looking.add("__next__")
    waiting = list(looking)
    while waiting:
        for name in facts[waiting.pop()].named:
            # Reading code may refer to ``__init__`` by name, but does not initialize the object
            # again.
            if name in facts and name not in looking and name not in _MAKING:
                looking.add(name)
                waiting.append(name)
    return looking


def _filled_by_looks(facts: dict[str, _Facts], looking: set[str]) -> set[str]:
    filled: set[str] = set()
    kept: set[str] = set()
    for name, one in facts.items():
        changed = one.assigned | one.filled
        if name in looking:
            filled |= changed | one.reset
        else:
            filled |= changed & one.is_memo_of
            kept |= changed - one.is_memo_of
    # A flag that other code sets to constants is not a cache, if reading code does the same.
    set_by_looks = {word for name in looking for word in facts[name].assigned | facts[name].filled}
    for name in facts.keys() - looking - _MAKING:
        kept |= facts[name].reset - set_by_looks - facts[name].is_memo_of
    return {
        name
        for name in filled - kept
        if name.startswith("_") or name in facts.get(f"get {name}", _NO_FACTS).assigned
    }


def _functions(found: dict[str, Any]) -> Iterator[tuple[str, CodeType]]:
    for name, at in found.items():
        cls = type(at)
        if cls is FunctionType:
            yield name, at.__code__
        elif issubclass(cls, property):
            get, set_ = _property_get(at), _property_set(at)
            if type(get) is FunctionType:
                yield f"get {name}", get.__code__
            if type(set_) is FunctionType:
                yield f"set {name}", set_.__code__
        elif type(kept := introspection.attributes(at)) is dict:
            wrapped = kept.get("func")  # as in functools.cached_property
            if type(wrapped) is FunctionType:
                yield f"get {name}", wrapped.__code__


def _facts(code: CodeType) -> _Facts:
    facts = _Facts(*(set() for _ in _Facts._fields))
    if not code.co_argcount:
        return facts
    steps = list(_steps(code))
    tested, returned = set(), set()
    for place, (kind, word, constant) in enumerate(steps):
        if kind == "store":
            (facts.reset if constant else facts.assigned).add(word)
            if constant == _EMPTY_ONE:
                facts.emptied.add(word)
        elif kind == "fill":
            near = [each for each in steps[max(0, place - _NEAR) : place] if each[0] == "load"]
            facts.filled.update(each[1] for each in near[-1:])
        elif kind == "load":
            after = [each[:2] for each in steps[place + 1 : place + 3]]
            _load(facts, word, after)
            tested |= {word for each in after if each[0] == "none"}
            returned |= {word for each in after[:1] if each[0] == "return"}
    facts.assigned.update(_named_in_constants(code, steps))
    if code.co_argcount == 1 and not code.co_kwonlyargcount and not code.co_flags & 0x0C:
        facts.is_memo_of.update(tested & returned)
    return facts


def _load(facts: _Facts, word: str, after: list[tuple[str, str]]) -> None:
    facts.named.add(word)
    if after and after[0][0] == "method" and after[0][1] in _FILLING:
        facts.filled.add(word)


def _named_in_constants(code: CodeType, steps: list[Step]) -> set[str]:
    """Return the names that ``setattr(self, "name", ...)`` and ``self.__dict__["name"]`` set."""
    by_dict = "__dict__" in code.co_names and any(kind == "fill" for kind, _, _ in steps)
    if not by_dict and not _SETTING.intersection(code.co_names):
        return set()
    # The first constant is the docstring. Before Python 3.13 it is None if there is no docstring.
    first = 1 if sys.version_info < (3, 13) or code.co_flags & _HAS_DOCSTRING else 0
    return {one for one in code.co_consts[first:] if type(one) is str and one.isidentifier()}


def _steps(code: CodeType) -> Iterator[Step]:
    """Yield the actions on attributes of the first argument."""
    is_self = is_loaded = False
    constant = 0
    before, increased = "", ""
    for name, argument in _instructions(code):
        word = _word(code, name, argument)
        if name == "STORE_ATTR":
            if is_self or (before == "SWAP" and word == increased):  # self.name += ...
                yield "store", word, constant if is_self else 0
            elif is_loaded:  # self.name.part = ...
                yield "fill", "", 0
            is_self = is_loaded = False
        elif name == "COPY" and is_self:
            pass
        elif _loads_self(name, argument):
            constant = constant if name in _LOADING else 0
            is_self, is_loaded = True, False
        else:
            yield from _other_step(name, argument, word, is_self)
            made = _makes_constant(name, argument, word)
            constant = made or (constant if name in _NEUTRAL else 0)
            if is_self and before == "COPY":
                increased = word
            is_self, is_loaded = False, is_self and name == "LOAD_ATTR"
        before = name


def _other_step(name: str, argument: int, word: str, is_self: bool) -> Iterator[Step]:
    if name in ("LOAD_ATTR", "LOAD_METHOD"):
        yield ("load" if is_self else "method"), word, 0
    elif name in ("STORE_SUBSCR", "DELETE_SUBSCR"):
        yield "fill", "", 0
    elif name == "RETURN_VALUE":
        yield "return", "", 0
    elif "_NONE" in name or (name == "IS_OP"):
        yield "none", "", 0
    elif argument < 0:
        yield "other", "", 0


def _makes_constant(name: str, argument: int, word: str) -> int:
    if name in ("LOAD_CONST", "LOAD_SMALL_INT", "LOAD_COMMON_CONSTANT"):
        return _CONSTANT
    if name in ("BUILD_MAP", "BUILD_LIST", "BUILD_SET"):
        return 0 if argument else _EMPTY_ONE
    if name != "LOAD_GLOBAL":
        return 0
    return _EMPTY_ONE if word in _EMPTY else _CONSTANT * word.isupper()


def _loads_self(name: str, argument: int) -> bool:
    if name in _LOADING or name == "LOAD_DEREF":
        return argument == 0
    return name in _LOADING_SECOND and argument & 15 == 0


def _word(code: CodeType, name: str, argument: int) -> str:
    if name == "LOAD_GLOBAL":
        place = argument >> 1
    elif name == "LOAD_ATTR":
        place = argument >> _ATTR_SHIFT
    elif name in ("STORE_ATTR", "LOAD_METHOD"):
        place = argument
    else:
        return ""
    return code.co_names[place] if place < len(code.co_names) else ""


def _instructions(code: CodeType) -> Iterator[tuple[str, int]]:
    data, argument = code.co_code, 0
    for place in range(0, min(len(data), 2 * _MOST), 2):
        name = opname[data[place]]
        argument = argument << 8 | data[place + 1]
        if name == "EXTENDED_ARG":
            continue
        if name != "CACHE":
            yield name, argument
        argument = 0


_HAS_DOCSTRING = 0x4000000  # inspect.CO_HAS_DOCSTRING
_ATTR_SHIFT = int(sys.version_info >= (3, 12))  # since 3.12 the lowest bit marks a method call
_LOADING = ("LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK")
_LOADING_SECOND = (
    "LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW", "STORE_FAST_LOAD_FAST"
)  # fmt: skip
_NEUTRAL = ("COPY", "SWAP", "NOP", "RESUME", "PUSH_NULL", "PRECALL", "CALL", "STORE_ATTR")
