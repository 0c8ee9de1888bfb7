"""What was last known of objects and of the places that hold them; nothing is kept alive."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from provagent.capture.context import Place

# Objects that take no weak reference are remembered by address, the latest of them only.
UNTRACKED_KEPT = 10_000


# One object serves everyone: its address says nothing of where a value came from.
# By identity: a metaclass may have its own __eq__ and __hash__.
def _is_shared(cls: type) -> bool:
    return cls is int or cls is bool or cls is type(None) or cls is type


_offset = type.__dict__["__weakrefoffset__"].__get__


def takes_reference(cls: type) -> bool:
    """Whether instances of ``cls`` can be referred to weakly; asks no metaclass."""
    return bool(_offset(cls))


@dataclass(slots=True)
class Known:
    """The last state seen of one thing. ``digests`` are by the method that took them."""

    entity_id: str
    digests: dict[str, str | None]
    order: int
    activity_id: str
    place: Place | None
    address: int = 0
    cls: type | None = None


class KnownObjects:
    """Objects by address, each verified by a weak reference while it lives."""

    def __init__(self) -> None:
        self._tracked: dict[int, tuple[weakref.ref[Any], Known]] = {}
        self._untracked: OrderedDict[int, Known] = OrderedDict()

    def find(self, value: Any, digest: str | None) -> Known | None:
        """What is known of this very object."""
        address = id(value)
        tracked = self._tracked.get(address)
        if tracked is not None:
            return tracked[1] if tracked[0]() is value else None
        known = self._untracked.get(address)
        # The address may be another object's by now: only equal content is proof enough.
        if known is None or known.cls is not type(value) or digest not in known.digests.values():
            return None
        return None if digest is None else known

    def may_have(self, value: Any) -> bool:
        """Whether something is known under this object's address."""
        if _is_shared(type(value)):
            return False
        address = id(value)
        return address in self._tracked or address in self._untracked

    def put(self, value: Any, known: Known) -> None:
        if _is_shared(type(value)):
            return
        address = id(value)
        known.address, known.cls = address, type(value)
        if takes_reference(type(value)):
            forget = self._tracked.pop
            reference = weakref.ref(value, lambda _: forget(address, None))
            self._tracked[address] = (reference, known)
            return
        self._untracked[address] = known
        self._untracked.move_to_end(address)
        if len(self._untracked) > UNTRACKED_KEPT:
            self._untracked.popitem(last=False)

    def is_untracked(self, value: Any, known: Known) -> bool:
        """Whether ``value`` is, as far as an address can tell, the object that ``known`` was."""
        address = id(value)
        return (
            address not in self._tracked and address == known.address and type(value) is known.cls
        )


class Slots:
    """The places that hold values: attributes of an instance, names of a module."""

    def __init__(self) -> None:
        self._globals: dict[str, Known] = {}
        self._tracked: dict[int, tuple[weakref.ref[Any], dict[str, Known]]] = {}
        self._untracked: OrderedDict[int, dict[str, Known]] = OrderedDict()

    def of(self, instance: Any) -> dict[str, Known]:
        """What was last known in each place of an instance, or, for None, of modules."""
        if instance is None:
            return self._globals
        address = id(instance)
        tracked = self._tracked.get(address)
        if tracked is not None and tracked[0]() is instance:
            return tracked[1]
        slots: dict[str, Known] = {}
        if takes_reference(type(instance)):
            forget = self._tracked.pop
            reference = weakref.ref(instance, lambda _: forget(address, None))
            self._tracked[address] = (reference, slots)
            return slots
        slots = self._untracked.setdefault(address, slots)
        if len(self._untracked) > UNTRACKED_KEPT:
            self._untracked.popitem(last=False)
        return slots
