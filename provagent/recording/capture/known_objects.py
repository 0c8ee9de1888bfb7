"""What was last known of objects and of the places that hold them; nothing is kept alive."""

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

# Objects that take no weak reference are remembered by address, the latest of them only.
UNTRACKED_KEPT = 10_000


# On Python 3.12 and newer these end without telling those who refer to them weakly: a reference
# that is left crashes the interpreter when it looks for garbage.
_UNTOLD: tuple[type, ...] = (typing.ParamSpecArgs, typing.ParamSpecKwargs)


# One object serves everyone: its address says nothing of where a value came from.
# By identity: a metaclass may have its own __eq__ and __hash__.
def _is_shared(cls: type) -> bool:
    return cls is int or cls is bool or cls is type(None) or cls is type


class KnownEntity:
    """The last state seen of one thing, and the last activity that saw it.

    ``states`` are by the method that identified them; ``kind`` is what it was first met as;
    ``members`` what was found inside of it.
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
        """Let another method compare: a file is read in one way, whatever describes it."""
        if key not in self.states:
            for state in self.states.values():
                if state.identified == identity.identified:
                    self.states[key] = state
                    break

    def add(self, members: list[KnownEntity]) -> bool:
        """Keep what was found inside of it, and say whether there is more than was known."""
        before = len(self.members)
        if members:
            self.members |= {each.entity_id for each in members}
        return len(self.members) > before

    def has_gained(self, members: list[KnownEntity]) -> bool:
        """Whether one of ``members`` was put into it: an activity has generated that since.

        What no activity has generated may have been there before, when it was not known.
        """
        return any(each.order and each.entity_id not in self.members for each in members)


class KnownContents:
    """Contents that activities of this process have generated, the latest of them only."""

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
        """Whether a content of this type was generated."""
        return address_of(cls) in self._types

    def has(self, digest: str) -> bool:
        """Whether this content was generated."""
        return digest in self._digests


class KnownStates:
    """The entities of states that this process has seen, the latest of them only.

    An object that is not known, and has the state of one that is, may have been copied from it:
    within a process alone, since only content says anything in another one.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, KnownEntity] = OrderedDict()

    def exchange(self, digest: str, known: KnownEntity) -> KnownEntity | None:
        """Keep the entity of a state, and return the one before."""
        before = self._known.pop(digest, None)
        self._known[digest] = known
        if len(self._known) > UNTRACKED_KEPT:
            self._known.popitem(last=False)
        return before


class _Tracked(weakref.ref[Any]):
    """A reference to an object, and what is known of it."""

    __slots__ = ("address", "known")

    address: int
    known: Any


class _Table:
    """Something for each object: by its address, and verified by a weak reference.

    ``untracked`` are those that take none, the latest of them only.
    """

    def __init__(self) -> None:
        self.tracked: dict[int, _Tracked] = {}
        self.untracked: OrderedDict[int, Any] = OrderedDict()

    def put(self, value: Any, address: int, known: Any) -> None:
        """Keep ``known`` for ``value``, which is at this address."""
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

    # The address may be another object's by the time that this one's end is told.
    def _forget(self, reference: weakref.ref[Any]) -> None:
        address = reference.address  # type: ignore[attr-defined]
        if self.tracked.get(address) is reference:
            del self.tracked[address]


class KnownObjects:
    """What is known of objects."""

    def __init__(self) -> None:
        self._table = _Table()
        self._tracked = self._table.tracked
        self._untracked = self._table.untracked

    def find(self, value: Any, digest: str | None) -> KnownEntity | None:
        """What is known of this very object."""
        address = address_of(value)
        tracked = self._tracked.get(address)
        if tracked is not None:
            return tracked.known if tracked() is value else None
        known = self._untracked.get(address)
        # The address may be another object's by now: only equal content is proof enough.
        if known is None or known.cls is not type(value) or digest is None:
            return None
        return known if any(one.digest == digest for one in known.states.values()) else None

    def known(self, value: Any) -> KnownEntity | None:
        """What is known of this very object, in any state in which that can be told."""
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
        """Whether this very object is known, whatever its state."""
        tracked = self._tracked.get(address_of(value))
        return tracked is not None and tracked() is value

    def may_have(self, value: Any) -> bool:
        """Whether something is known under this object's address."""
        if _is_shared(type(value)):
            return False
        address = address_of(value)
        return address in self._tracked or address in self._untracked

    def put(self, value: Any, known: KnownEntity) -> None:
        if not _is_shared(type(value)):
            known.address, known.cls = address_of(value), type(value)
            self._table.put(value, known.address, known)

    def is_untracked(self, value: Any, known: KnownEntity) -> bool:
        """Whether ``value`` is, as far as an address can tell, the object that ``known`` was."""
        address = address_of(value)
        return (
            address not in self._tracked and address == known.address and type(value) is known.cls
        )


class AttributeEntities:
    """The places that hold values: attributes of an instance, names of a module."""

    def __init__(self) -> None:
        self._globals: dict[str, KnownEntity] = {}
        self._table = _Table()

    def of(self, instance: Any) -> dict[str, KnownEntity]:
        """What was last known in each place of an instance, or, for None, of modules."""
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
    """Whether the content is known to be another: what was not read tells nothing.

    ``max_ms`` is the bound on reading, 0 for none.
    """
    if before is None:
        return False
    one, other = before.digest, now.digest
    if one == other or one is None or other is None:
        return (before.missing, before.changing) != (now.missing, now.changing)
    # Where time bounds what is read, equal content may be read in other parts.
    return not max_ms or before.sampled == now.sampled
