"""Reading a part of a content at a limited cost, whatever the size of the content.

A reading has a share of bytes. A container divides its share evenly among the items that are read.
So the part that is read depends on the content only: not on the order of the items of a set or
dict, and not on a clock. The number of items left out is part of the hashed data. So the digest of
a part never equals the digest of a whole, or of another part.
"""

from __future__ import annotations

import heapq
from itertools import chain
from math import isnan
from typing import TYPE_CHECKING, Any

from provagent.identity.content import (
    BLOCKS,
    ITEM_COST,
    Content,
    Sample,
    TooMuchError,
    even_places,
)
from provagent.isolation.addresses import address_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from provagent.contract.values.types import TypeCache
    from provagent.identity.content import Items, ReadByState, Token

SAMPLE_BYTES = 1 << 20  # of each array or text, and in all for each millisecond
MAX_SHARE = 64 << 20
_LEAST = 1024  # bytes: the smallest sample
_LEAST_OF_STATE = 8 * ITEM_COST  # bytes: the smallest share for an object that is read by state
_SHALLOW = 25  # maximum number of nested containers
_LOOK_COST = 16  # bytes: hashing them takes as long as looking at one key


def share_of(max_bytes: float, max_ms: float) -> int:
    """Return the maximum cost of a sample in bytes, from the limits of a whole reading."""
    share = min(MAX_SHARE, 4 * max_bytes, max(1, max_ms) * SAMPLE_BYTES if max_ms else MAX_SHARE)
    return int(share)


class PartOfContent(Content):
    """A reading of parts of a content, at the cost of ``share`` bytes.

    ``is_shallow``: read fewer nested containers, because the free part of Python's stack is too
    small.
    """

    __slots__ = ("_all", "_by_share", "_share")

    def __init__(
        self,
        algorithm: str,
        token_of: TypeCache[Token],
        share: int,
        *,
        is_shallow: bool = False,
    ) -> None:
        super().__init__(algorithm, token_of)
        if is_shallow:
            self._deepest = _SHALLOW
        self._by_share: dict[int, dict[int, tuple[bytes, object]]] = {}
        self._all = share
        self._set(share)

    def container(self, value: object, tag: bytes, count: int, tokens: Iterable[bytes]) -> bytes:
        outer = self._share
        self._set((outer - ITEM_COST * (count + 1)) // max(1, count))
        try:
            return super().container(value, tag, count, tokens)
        finally:
            self._set(outer)

    def in_order(self, value: object, tag: bytes, items: Items) -> bytes:
        count = len(items)
        most = self.most(count)
        if most == count:
            return super().in_order(value, tag, items)
        tokens = (self.token(items[place]) for place in even_places(count, most))
        return self.container(value, self._part(tag, most, count), most, tokens)

    def in_any_order(self, value: object, tag: bytes, items: Collection[Any]) -> bytes:
        count = len(items)
        chosen = self._least(items, self.most(count))
        if chosen is items:
            return super().in_any_order(value, tag, items)
        tokens = self._sorted(self.in_set(chosen))
        return self.container(value, self._part(tag, len(chosen), count), len(chosen), tokens)

    def by_key(self, value: object, tag: bytes, items: Collection[tuple[Any, Any]]) -> bytes:
        count = len(items)
        number = self.most(2 * count) // 2 if count > 1 else count
        if number == count:
            return super().by_key(value, tag, items)
        keys = [key for key, _ in items] if self._may_look(number, count) else ()
        chosen = self._least(keys, number)
        found = dict(items) if chosen else {}  # the keys are numbers, texts, and tuples of these
        pairs = (self.token(key) + self.token(found[key]) for key in chosen)
        part = self._part(tag, len(chosen), count)
        return self.container(value, part, 2 * len(chosen), self._sorted(pairs))

    def by_state(self, value: object, how: ReadByState) -> bytes:
        # The first objects are the nearest to the value. They have the largest shares.
        if self._share_of(len(self._states)) < _LEAST_OF_STATE and (
            address_of(value) not in self._numbers
        ):
            self.has_states = self.has_states or not how.is_content
            self.add_items(0, 1)
            return b"@" + how.label
        return super().by_state(value, how)

    def begin_state(self, place: int) -> None:
        self._set(self._share_of(place))

    def _share_of(self, place: int) -> int:
        return self._all // (2 * (place + 1))

    def pairs_of(self, value: object, how: ReadByState) -> list[tuple[str, Any]]:
        pairs = super().pairs_of(value, how)
        count = len(pairs)
        most = max(1, self.most(count))
        self._set(max(0, self._share - ITEM_COST * most) // max(1, most))
        if most < count:
            self.add_items(most, count)
        return pairs[:most]

    def too_deep(self, tag: bytes, count: int) -> bytes:
        return tag[:1] + self.new(self._part(tag, 0, count)).digest()

    def spend(self, cost: int) -> None:
        """Do nothing: the shares limit the cost."""

    def most(self, count: int) -> int:
        """Return how many of ``count`` items may be read."""
        return min(count, BLOCKS, max(0, self._share) // ITEM_COST)

    def add_items(self, read: int, of: int) -> None:
        """Record that only some items of a container were read."""
        before = self.sampled or Sample()
        self.sampled = before._replace(
            items=(before.items or 0) + read, of_items=(before.of_items or 0) + of
        )

    def _part(self, tag: bytes, read: int, of: int) -> bytes:
        self.add_items(read, of)
        return tag + b"\xffsample of %d items of %d" % (read, of)

    def _set(self, share: int) -> None:
        self._share = share
        self.max_bytes = max(_LEAST, min(share, SAMPLE_BYTES))
        self._known = self._by_share.setdefault(share, {})  # tokens depend on the share

    def _least(self, items: Collection[Any], number: int) -> Collection[Any]:
        """Return the smallest items of a set, or the smallest keys of a dict; or all, or none.

        Numbers, texts and tuples of these are compared by value: all processes have this order. No
        items are returned if there are items of other types, or if comparing would cost too much.
        """
        count = len(items)
        if number == count:
            return items
        if not self._may_look(number, count) or not _are_comparable(items):
            return ()
        try:
            return heapq.nsmallest(number, items)
        except TypeError:  # tuples with numbers and texts at the same place
            return ()

    def _may_look(self, number: int, count: int) -> bool:
        return number > 0 and count * _LOOK_COST <= self._share


class ScalarContent(Content):
    """A reading of short scalars. It keeps no state, so one instance serves all threads."""

    def spend(self, cost: int) -> None:
        pass

    def part_of_leaf(self, tag: bytes, payload: object) -> bytes:  # noqa: ARG002
        raise TooMuchError("content: too long for a short scalar")


def _are_comparable(items: Collection[Any]) -> bool:
    """Return whether items have an order that depends on their values only, without own code."""
    types = _types_of(items)
    if types == _TUPLES:
        types = _types_of(chain.from_iterable(items))
        if types <= _SCALARS:
            return _FLOAT not in types or not any(map(_is_nan, chain.from_iterable(items)))
        return False
    if types <= _NUMBERS:
        return not any(map(isnan, items))
    return types in (_TEXTS, _BYTES)


def _is_nan(item: Any) -> bool:
    return bool(item != item)  # noqa: PLR0124


# By address: a metaclass may define ``__eq__`` and ``__hash__``.
def _types_of(items: Iterable[Any]) -> set[int]:
    return set(map(address_of, map(type, items)))


_FLOAT = address_of(float)
_TUPLES, _TEXTS, _BYTES = {address_of(tuple)}, {address_of(str)}, {address_of(bytes)}
_NUMBERS = {_FLOAT, *map(address_of, (int, bool))}
_SCALARS = _NUMBERS | _TEXTS | _BYTES
