"""The last known entities of objects, attributes and global names; no object is kept alive."""

from __future__ import annotations

import typing
import weakref
from collections import OrderedDict
from typing import Any

from provagent.identity.registry import Identity
from provagent.isolation import introspection
from provagent.isolation.addresses import address_of
from provagent.recording.capture.context import OpenActivity
from provagent.recording.capture.plan import Kind

# Objects without weak references are known by address; only the latest ones are kept.
UNTRACKED_KEPT = 10_000


# On Python 3.12 and newer these objects end without clearing their weak references: a reference
# that is left crashes the interpreter in the garbage collection.
_UNTOLD: tuple[type, ...] = (typing.ParamSpecArgs, typing.ParamSpecKwargs)


# One object has many users: its address does not show the origin of a value. By identity: a
# metaclass may have its own __eq__ and __hash__.
def _is_shared(cls: type) -> bool:
    return cls is int or cls is bool or cls is type(None) or cls is type


class KnownEntity:
    """The last known state of one object or file, and the last activity that used it.

    ``states`` contains the identity for each key of a kind. ``kind`` is the kind at the first use.
    ``members`` contains the entities found inside the object.
    """

    __slots__ = ("activity", "address", "cls", "entity_id", "kind", "members", "order", "states")

    def __init__(
        self, entity_id: str, identity: Identity, kind: Kind, order: int, activity: OpenActivity
    ) -> None:
        self.entity_id = entity_id
        self.states = {kind.key: identity}
        self.kind = kind
        self.order = order
        self.activity = activity
        self.address = 0
        self.cls: type | None = None
        self.members: frozenset[str] = frozenset()

    def share(self, key: str, identity: Identity) -> None:
        """Use the state of another kind with the same method: a file is always read in one way."""
        if key not in self.states:
            for state in self.states.values():
                if state.identified == identity.identified:
                    self.states[key] = state
                    break

    def add(self, members: list[KnownEntity]) -> bool:
        """Add entities found inside the object; return whether some are new."""
        before = len(self.members)
        if members:
            self.members |= {each.entity_id for each in members}
        return len(self.members) > before

    def has_gained(self, members: list[KnownEntity]) -> bool:
        """Return whether an activity generated one of ``members`` since, so that it was added.

        A member that no activity generated may have been inside before it was known.
        """
        return any(each.order and each.entity_id not in self.members for each in members)


class KnownContents:
    """Contents that activities of this process have generated; only the latest ones are kept."""

    def __init__(self) -> None:
        self._digests: OrderedDict[str, None] = OrderedDict()
        self._types: set[int] = set()  # by address: a metaclass may have its own __hash__

    def put(self, cls: type, digest: str) -> None:
        """Keep the digest of a value of type ``cls``."""
        self._types.add(address_of(cls))
        self._digests[digest] = None
        if len(self._digests) > UNTRACKED_KEPT:
            self._digests.popitem(last=False)

    def may_have(self, cls: type) -> bool:
        """Return whether a content of this type was generated."""
        return address_of(cls) in self._types

    def has(self, digest: str) -> bool:
        """Return whether this content was generated."""
        return digest in self._digests


class KnownStates:
    """The entities of states that this process has seen; only the latest ones are kept.

    An unknown object with the state of a known object may be a copy. This holds within one process
    only: between processes only content is compared.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, KnownEntity] = OrderedDict()

    def exchange(self, digest: str, known: KnownEntity) -> KnownEntity | None:
        """Keep the entity of a state, and return the previous entity."""
        before = self._known.pop(digest, None)
        self._known[digest] = known
        if len(self._known) > UNTRACKED_KEPT:
            self._known.popitem(last=False)
        return before


class _Tracked(weakref.ref[Any]):
    """A weak reference to an object, with the data known about the object."""

    __slots__ = ("address", "known")

    address: int
    known: Any


class _Table:
    """Data about objects: by address, and checked with a weak reference.

    ``untracked`` contains objects without weak references; only the latest ones are kept.
    """

    def __init__(self) -> None:
        self.tracked: dict[int, _Tracked] = {}
        self.untracked: OrderedDict[int, Any] = OrderedDict()

    def put(self, value: Any, address: int, known: Any) -> None:
        """Keep ``known`` for ``value``, which has this address."""
        reference = self._refer(value)
        if reference is None:
            self.untracked[address] = known
            self.untracked.move_to_end(address)
            if len(self.untracked) > UNTRACKED_KEPT:
                self.untracked.popitem(last=False)
            return
        reference.address = address
        reference.known = known
        self.tracked[address] = reference

    def _refer(self, value: Any) -> _Tracked | None:
        if introspection.is_among(type(value), _UNTOLD):
            return None
        try:
            return _Tracked(value, self._forget)
        except TypeError:
            return None

    # When this callback runs, another object may already have the address.
    def _forget(self, reference: weakref.ref[Any]) -> None:
        address = reference.address  # type: ignore[attr-defined]
        if self.tracked.get(address) is reference:
            del self.tracked[address]


class KnownObjects:
    """The known entities of objects."""

    def __init__(self) -> None:
        self._table = _Table()
        self._tracked = self._table.tracked
        self._untracked = self._table.untracked

    def find(self, value: Any, digest: str | None) -> KnownEntity | None:
        """Return the known entity of this object."""
        address = address_of(value)
        tracked = self._tracked.get(address)
        if tracked is not None:
            return tracked.known if tracked() is value else None
        known = self._untracked.get(address)
        # Another object may have the address by now: only equal content proves that it is the same.
        if known is None or known.cls is not type(value) or digest is None:
            return None
        return known if any(one.digest == digest for one in known.states.values()) else None

    def known(self, value: Any) -> KnownEntity | None:
        """Return the known entity of this object, in any state that identifies it."""
        if not self.may_have(value):
            return None
        known = self.find(value, None)
        if known is not None:
            return known
        perhaps: KnownEntity | None = self._untracked.get(address_of(value))
        if perhaps is None:
            return None
        return self.find(value, perhaps.kind.identify(value).digest)

    def has(self, value: Any) -> bool:
        """Return whether this object is known, in any state."""
        tracked = self._tracked.get(address_of(value))
        return tracked is not None and tracked() is value

    def may_have(self, value: Any) -> bool:
        """Return whether an entity is known under the address of this object."""
        if _is_shared(type(value)):
            return False
        address = address_of(value)
        return address in self._tracked or address in self._untracked

    def put(self, value: Any, known: KnownEntity) -> None:
        if not _is_shared(type(value)):
            known.address, known.cls = address_of(value), type(value)
            self._table.put(value, known.address, known)

    def is_untracked(self, value: Any, known: KnownEntity) -> bool:
        """Return whether ``value`` is the object of ``known``, as far as an address can show."""
        address = address_of(value)
        return (
            address not in self._tracked and address == known.address and type(value) is known.cls
        )


class AttributeEntities:
    """The last known entities of attributes of an instance and of global names of modules."""

    def __init__(self) -> None:
        self._globals: dict[str, KnownEntity] = {}
        self._table = _Table()

    def of(self, instance: Any) -> dict[str, KnownEntity]:
        """Return the entities of the attributes of an instance, or, for None, of global names."""
        if instance is None:
            return self._globals
        address = address_of(instance)
        tracked = self._table.tracked.get(address)
        if tracked is not None and tracked() is instance:
            return tracked.known  # type: ignore[no-any-return]
        slots: dict[str, KnownEntity] = self._table.untracked.get(address, {})
        self._table.put(instance, address, slots)
        return slots


def differs(before: Identity | None, now: Identity, max_ms: float) -> bool:
    """Return whether the content is known to be different; unread content proves nothing.

    ``max_ms`` is the time limit for reading; 0 means no limit.
    """
    if before is None:
        return False
    one, other = before.digest, now.digest
    if one == other or one is None or other is None:
        return (before.missing, before.changing) != (now.missing, now.changing)
    # With a time limit, equal content may be read in different parts.
    return not max_ms or before.sampled == now.sampled
