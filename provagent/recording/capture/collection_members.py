"""The contents of containers: values that an activity receives or returns inside another value.

Built-in containers are read with the methods of their built-in type. All other objects are read
through their attributes. So no code of the program runs. A container may contain millions of
numbers: only a few of them are read.
"""

from __future__ import annotations

import sys
from collections import deque
from itertools import islice
from types import (
    BuiltinFunctionType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any

from provagent.contract.values.types import TypeCache, instance_state, kinds
from provagent.identity.registry import is_readable
from provagent.isolation import introspection
from provagent.isolation.addresses import address_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Read = Callable[[Any], Iterable[Any]]
    What = Callable[[Any, Any, int, bool], int]

DEPTH = 3  # levels of containers that are searched; an object counts as two levels
IN_A_ROW = 100  # after this many numbers in a row, the search assumes that only numbers follow
FEW = 16  # a result of at most this many items: its numbers and lists may be entities
SHORT = 16  # characters; a shorter text is likely to be equal to others by chance

NUMBERS = (bool, complex, float, int, type(None))
TEXTS = (bytes, str)
# Types whose origin nobody asks for. By address: a metaclass may have its own hash.
_NEVER = frozenset(map(address_of, (bool, int, type(None))))
_CODE = (BuiltinFunctionType, FunctionType, MethodType, ModuleType, type)


class Container:
    """The way to read values of a type; ``cost`` is the part of ``DEPTH`` that one level uses."""

    __slots__ = ("cost", "read")

    def __init__(self, read: Read, cost: int) -> None:
        self.read = read
        self.cost = cost


class ContainedItems:
    """The items that were found in a container, each ``NEW`` or ``KNOWN``.

    ``is_cut``: the container has more items, which were not read.
    """

    __slots__ = ("is_cut", "items")

    def __init__(self) -> None:
        self.items: list[tuple[Any, int]] = []
        self.is_cut = False


# for an item of a container: not recorded, recorded as new, or a known entity
NO, NEW, KNOWN = range(3)


def contained_items(value: Any, what: What, most: int) -> ContainedItems | None:
    """Return the items of a container to record; None if the value is no container.

    ``what(item, outer, count, is_bare)`` decides for each item and returns ``NO``, ``NEW`` or
    ``KNOWN``. ``outer`` is the container of the item, and ``count`` the number of its items.
    ``is_bare`` is true if all enclosing containers are built-in; otherwise the item is an internal
    part of an object. At most ``most`` items are read. Items that are known entities are not
    searched further.
    """
    container = _container_of(type(value))
    if container is _NOTHING or not _holds_anything(container.read(value)):
        return None
    search = _Search(what)
    search.put(value, container, DEPTH, is_bare=True)
    waiting = search.waiting
    while waiting and most > 0:
        outer, container, depth, is_bare = waiting.popleft()
        found = container.read(outer)
        try:
            items = list(islice(found, most + 1))
        except RuntimeError:  # another thread has changed the container
            search.contained.is_cut = True
            continue
        if len(items) > most:
            search.contained.is_cut = True
        is_bare = is_bare and container.cost == 1
        search.look(items[:most], outer, depth - container.cost, is_bare=is_bare)
        most -= len(items)
    search.contained.is_cut = search.contained.is_cut or bool(waiting)
    return search.contained


# Most objects contain only settings: this check takes less time than a search.
def _holds_anything(items: Iterable[Any]) -> bool:
    try:
        return any(address_of(type(item)) not in _NEVER for item in items)
    except RuntimeError:  # another thread has changed the container
        return True


class _Search:
    """The state of a search: the items found, and the containers still to search."""

    def __init__(self, what: What) -> None:
        self.contained = ContainedItems()
        self.waiting: deque[tuple[Any, Container, int, bool]] = deque()
        self._what = what
        self._seen: set[int] = set()

    def put(self, value: Any, container: Container, depth: int, *, is_bare: bool) -> None:
        self._seen.add(address_of(value))
        self.waiting.append((value, container, depth, is_bare))

    def look(self, items: list[Any], outer: Any, depth: int, *, is_bare: bool) -> None:
        """Read the items of one container; ``depth`` is the depth left below it."""
        numbers, count = 0, len(items)
        for item in items:
            cls = type(item)
            if cls is float or cls is int or cls is bool or item is None:
                numbers += 1
                if numbers > IN_A_ROW:
                    return
                if cls is not float:
                    continue
            else:
                numbers = 0
            if address_of(item) not in self._seen and not _is_short(item, cls):
                self._observe(item, outer, count, depth, is_bare)

    def _observe(self, item: Any, outer: Any, count: int, depth: int, is_bare: bool) -> None:
        meant, inner = self._what(item, outer, count, is_bare), _container_of(type(item))
        if meant:
            self.contained.items.append((item, meant))
            self._seen.add(address_of(item))
        if meant != KNOWN and inner.cost <= depth:
            self.put(item, inner, depth, is_bare=is_bare)


def _is_short(item: Any, cls: type) -> bool:
    return (cls is str or cls is bytes) and len(item) < SHORT


def is_plain(value: Any) -> bool:
    """Return whether a value is a number, a text or a built-in container."""
    cls = type(value)
    return introspection.is_among(cls, NUMBERS + TEXTS) or _container_of(cls).cost == 1


def is_data(value: Any) -> bool:
    """Return whether a value can be data as a whole: a container, or an object of values only.

    An object with a lock, a thread or a connection among its attributes is no data.
    """
    container = _container_of(type(value))
    if container.cost == 1:
        return True
    return all(is_readable(type(item)) for item in container.read(value))


def length_of(value: Any) -> int:
    """Return the number of items of a built-in container or characters of a text; otherwise 0."""
    for base, _ in _BARE:
        if issubclass(type(value), base):
            length: int = base.__len__(value)  # type: ignore[attr-defined]
            return length
    return len(value) if introspection.is_among(type(value), TEXTS) else 0


def is_code(value: Any) -> bool:
    """Return whether a value is a function, a module or a class."""
    return issubclass(type(value), _CODE)


def _find_container(cls: type) -> Container:
    if issubclass(cls, (*NUMBERS, *TEXTS, *_CODE)):
        return _NOTHING
    for base, own in _BARE:
        if issubclass(cls, base):
            return Container(own, 1)
    if names := {"numpy:generic", "numpy:ndarray"}.intersection(kinds(cls)):
        return _NOTHING if "numpy:generic" in names else Container(_of_array, 1)
    slots = [
        at
        for base in introspection.mro(cls)
        for at in introspection.namespace(base).values()
        if type(at) is MemberDescriptorType
    ]

    def attributes(value: Any) -> Iterable[Any]:
        found = list(instance_state(value).values())
        return found + [item for at in slots if (item := _slot(at, value)) is not None]

    return Container(attributes, 2)


def _slot(at: Any, value: Any) -> Any:
    try:
        return at.__get__(value)
    except AttributeError:
        return None


def _of_array(value: Any) -> Iterable[Any]:
    ndarray = sys.modules["numpy"].ndarray
    if not ndarray.dtype.__get__(value).hasobject:
        return ()
    items: Iterable[Any] = ndarray.view(value, ndarray).flat
    return items


_BARE: tuple[tuple[type, Read], ...] = (
    (list, list.__iter__),
    (tuple, tuple.__iter__),
    (dict, dict.values),
    (set, set.__iter__),
    (frozenset, frozenset.__iter__),
    (deque, deque.__iter__),
)
_NOTHING = Container(lambda _: (), DEPTH + 1)
_container_of = TypeCache(_find_container)
