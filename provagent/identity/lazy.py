"""Which attributes of a class are caches: filled by code that only looks at an object.

A class is analysed once, from its namespaces and the bytecode of its methods; none of it runs.
A cache is

* an entry of ``__dict__`` under the name of a ``functools.cached_property``, of another
  descriptor without ``__set__``, or of a kind of property, that stores what it found; or of a
  property that puts it there itself;
* a private name that code which looks at the object assigns or fills (a property, ``__repr__``,
  ``__len__``, ``__hash__``, ``__iter__``, ``__getstate__`` and what these call on the object),
  or a method without parameters that tests it for None and returns it; if all other code of the
  class assigns constants to it, at most: None, a sentinel, an empty container;
* a private name with the word *cache* or *memo*.

A public attribute is part of what a class offers, and is never a cache of the last two kinds.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from opcode import opname
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from provagent import beneath

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
_NEAR = 12  # instructions between a name and what is stored into it
_MOST = 2000  # instructions of a function that are read

_property_get = property.__dict__["fget"].__get__
_property_set = property.__dict__["fset"].__get__


Step = tuple[str, str, bool]  # what is done, the attribute's name, with a constant or not


class _Facts(NamedTuple):
    """What one function does with the attributes of its first argument."""

    assigned: set[str]
    reset: set[str]  # to a constant
    filled: set[str]
    named: set[str]  # read, or called
    is_memo_of: set[str]  # tested for None and returned, by a function without parameters


_NO_FACTS = _Facts(set(), set(), set(), set(), set())


def caches_of(cls: type) -> frozenset[str]:
    """Return the names of attributes that are caches in instances of ``cls``."""
    found: dict[str, Any] = {}
    for base in reversed(beneath.mro(cls)):
        if base is not object:
            # A name that is no plain text would be asked for its hash.
            found |= {key: at for key, at in beneath.namespace(base).items() if type(key) is str}
    descriptors = {name for name, at in found.items() if _keeps_what_it_gives(at)}
    return frozenset(descriptors | _filled_by_looks(found))


@lru_cache(4096)
def is_cache_by_name(name: str) -> bool:
    """Whether a private name has the word cache or memo."""
    return _CACHE.fullmatch(name) is not None


def _keeps_what_it_gives(at: Any) -> bool:
    cls = type(at)
    if issubclass(cls, (FunctionType, staticmethod, classmethod)):
        return False
    if beneath.lookup(cls, "__set__") is not None and not issubclass(cls, property):
        return False
    get = beneath.lookup(cls, "__get__")
    if type(get) is not FunctionType:
        return False
    code = get.__code__
    words = set(code.co_names)
    return bool(words & {"__dict__", "setattr", "__setattr__", "cache"}) or any(
        name in ("STORE_SUBSCR", "STORE_ATTR") for name, _ in _instructions(code)
    )


def _filled_by_looks(found: dict[str, Any]) -> set[str]:
    facts = {name: _facts(code) for name, code in _functions(found)}
    looking = {name for name in facts if name in _LOOKS or name.startswith("get ")}
    waiting = list(looking)
    while waiting:
        for name in facts[waiting.pop()].named:
            if name in facts and name not in looking:
                looking.add(name)
                waiting.append(name)
    filled: set[str] = set()
    kept: set[str] = set()
    for name, one in facts.items():
        changed = one.assigned | one.filled
        if name in looking:
            filled |= changed | one.reset
        else:
            filled |= changed & one.is_memo_of
            kept |= changed - one.is_memo_of
    # A flag that other code sets is none, whatever a look does to it.
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
        elif type(kept := beneath.attributes(at)) is dict:
            wrapped = kept.get("func")  # as functools.cached_property has it
            if type(wrapped) is FunctionType:
                yield f"get {name}", wrapped.__code__


def _facts(code: CodeType) -> _Facts:
    facts = _Facts(set(), set(), set(), set(), set())
    if not code.co_argcount:
        return facts
    steps = list(_steps(code))
    tested, returned = set(), set()
    for place, (kind, word, is_constant) in enumerate(steps):
        if kind == "store":
            (facts.reset if is_constant else facts.assigned).add(word)
        elif kind == "load":
            facts.named.add(word)
            after = [each[:2] for each in steps[place + 1 : place + 3]]
            if after and after[0][0] == "return":
                returned.add(word)
            if any(each[0] == "none" for each in after):
                tested.add(word)
            if after and after[0][0] == "method" and after[0][1] in _FILLING:
                facts.filled.add(word)
        elif kind == "fill":
            near = [each for each in steps[max(0, place - _NEAR) : place] if each[0] == "load"]
            facts.filled.update(each[1] for each in near[-1:])
    facts.assigned.update(_named_in_constants(code, steps))
    if code.co_argcount == 1 and not code.co_kwonlyargcount and not code.co_flags & 0x0C:
        facts.is_memo_of.update(tested & returned)
    return facts


def _named_in_constants(code: CodeType, steps: list[Step]) -> set[str]:
    """Return what ``setattr(self, "name", ...)`` or ``self.__dict__["name"] = ...`` assigns."""
    by_dict = "__dict__" in code.co_names and any(kind == "fill" for kind, _, _ in steps)
    if not by_dict and not _SETTING.intersection(code.co_names):
        return set()
    return {one for one in code.co_consts[1:] if type(one) is str and one.isidentifier()}


def _steps(code: CodeType) -> Iterator[Step]:
    """Yield what happens to attributes of the first argument: kind, name, of a constant or not."""
    is_self = is_constant = False
    before, increased = "", ""
    for name, argument in _instructions(code):
        word = _word(code, name, argument)
        if name == "STORE_ATTR":
            if is_self or (before == "SWAP" and word == increased):  # self.name += ...
                yield "store", word, is_constant and is_self
            is_self = False
        elif name == "COPY" and is_self:
            pass
        elif _loads_self(name, argument):
            is_constant = is_constant and name in _LOADING
            is_self = True
        else:
            yield from _other_step(name, argument, word, is_self)
            is_constant = _makes_constant(name, argument, word) or (
                is_constant and name in _NEUTRAL
            )
            if is_self and before == "COPY":
                increased = word
            is_self = False
        before = name


def _other_step(name: str, argument: int, word: str, is_self: bool) -> Iterator[Step]:
    if name in ("LOAD_ATTR", "LOAD_METHOD"):
        yield ("load" if is_self else "method"), word, False
    elif name in ("STORE_SUBSCR", "DELETE_SUBSCR"):
        yield "fill", "", False
    elif name == "RETURN_VALUE":
        yield "return", "", False
    elif "_NONE" in name or (name == "IS_OP"):
        yield "none", "", False
    elif argument < 0:
        yield "other", "", False


def _makes_constant(name: str, argument: int, word: str) -> bool:
    if name in ("LOAD_CONST", "LOAD_SMALL_INT"):
        return True
    if name in ("BUILD_MAP", "BUILD_LIST", "BUILD_SET"):
        return argument == 0
    return name == "LOAD_GLOBAL" and (word in _EMPTY or word.isupper())


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


_ATTR_SHIFT = int(sys.version_info >= (3, 12))  # since then a bit says whether it is called
_LOADING = ("LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK")
_LOADING_SECOND = (
    "LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW", "STORE_FAST_LOAD_FAST"
)  # fmt: skip
_NEUTRAL = ("COPY", "SWAP", "NOP", "RESUME", "PUSH_NULL", "PRECALL", "CALL", "STORE_ATTR")
