"""Which entity a value or a file is, at this moment: the ledger of a process.

An entity is one thing in one state. The state is found again at each use and compared
with what was last known of that object, and of the place that holds it, so that a
change which nothing traced shows as a derivation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from provagent.capture.context import Open
from provagent.capture.known import Known, KnownObjects, Slots
from provagent.capture.plan import Kind, Many, Use
from provagent.capture.select import Missing
from provagent.capture.source import code_between
from provagent.identity.files import FileIdentities, resolve_location
from provagent.identity.registry import Identity, identify
from provagent.terms import (
    COPIED,
    DECLARED,
    DERIVATION,
    DESCRIPTION,
    ENTITY,
    FILE,
    FILE_COLLECTION,
    MODIFIED,
    REPLACED,
)
from provagent.value import encode, type_name

Emit = Callable[..., None]  # emit(event, **fields): one event of the call at hand
Call = tuple[Any, tuple[Any, ...], dict[str, Any], Any]  # instance, args, kwargs, result

_NOTHING = Identity(digest=None, identified=None)
_PLAIN = (bool, int, float, complex, str)


class Ledger:
    """What is known of every entity that this process has met.

    ``new_id`` gives identifiers; ``algorithm`` is the digest's.
    """

    def __init__(self, new_id: Callable[[], str], algorithm: str, cwd: str) -> None:
        self.new_id = new_id
        self.algorithm = algorithm
        self.cwd = cwd
        self.forget()

    def forget(self) -> None:
        """Begin again: the process was forked, and its descriptions are another shard's."""
        self.files = FileIdentities(algorithm=self.algorithm)
        self.paths: dict[str, Known] = {}
        self.objects = KnownObjects()
        self.slots = Slots()
        self.order = 0
        self._described: set[tuple[str, str]] = set()

    def use(self, use: Use, call: Call, activity: Open, emit: Emit) -> str | None:
        """The entity that the activity uses in this role; None when there is none."""
        return self._entity(use, call, activity, emit, generated=False)

    def generate(self, use: Use, call: Call, activity: Open, emit: Emit) -> str | None:
        """The entity that the activity has generated in this role; None when there is none."""
        entity_id = self._entity(use, call, activity, emit, generated=True)
        if entity_id is not None:
            for many in use.progenitors:
                for progenitor_id in self._items(many, call, activity, emit, generated=False):
                    self._derive(entity_id, progenitor_id, DECLARED, [activity.id], emit)
        return entity_id

    def value(
        self, value: Any, kind: Kind, name: str, activity: Open, emit: Emit, *, generated: bool
    ) -> str:
        """The entity of an argument or a result that no definition describes."""
        thing = _Thing(kind=kind, value=value, name=name)
        return self._object(thing, None, None, activity, emit, generated=generated)

    def has_met(self, value: Any) -> bool:
        """Whether this very object may be an entity already: what one call made, another uses."""
        return self.objects.may_have(value)

    def _entity(
        self, use: Use, call: Call, activity: Open, emit: Emit, *, generated: bool
    ) -> str | None:
        thing = _Thing(
            kind=use.kind,
            value=_select(use.value, call),
            location=_select(use.location, call),
            name=_select(use.id, call),
            namespace=use.namespace,
        )
        if thing.location is None and thing.value is None and thing.name is None:
            return None
        if use.members is not None:
            thing.members = [
                {"member_id": entity_id}
                for entity_id in self._items(use.members, call, activity, emit, generated=generated)
            ]
        if thing.is_file:
            return self._file(thing, activity, emit, generated=generated)
        if thing.name is None and use.slot is not None:
            thing.name = use.slot
        instance = None if use.slot_is_global else call[0]
        return self._object(thing, use.slot, instance, activity, emit, generated=generated)

    def _items(
        self, many: Many, call: Call, activity: Open, emit: Emit, *, generated: bool
    ) -> Iterator[str]:
        found = _select(many.items, call)
        if found is None:
            return
        items = found if many.is_list else (found,)
        for item in items.values() if issubclass(type(items), dict) else items:
            yield self._item(many, item, activity, emit, generated=generated)

    def _item(
        self, many: Many, item: Any, activity: Open, emit: Emit, *, generated: bool
    ) -> str:
        thing = _Thing(
            kind=many.kind,
            value=item if many.value is None else many.value(item),
            location=None if many.location is None else many.location(item),
            name=None if many.id is None else many.id(item),
            namespace=many.namespace,
        )
        if thing.is_file:
            # A member's file was there before the collection was: it is not generated.
            return self._file(thing, activity, emit, generated=False)
        return self._object(thing, None, None, activity, emit, generated=generated)

    def _file(self, thing: _Thing, activity: Open, emit: Emit, *, generated: bool) -> str:
        kind = thing.kind
        given = thing.location if thing.location is not None else thing.value
        location = resolve_location(given, cwd=self.cwd)
        if kind.type == FILE_COLLECTION:
            identity = self.files.identify_collection(location, index=kind.index)
        else:
            identity = self.files.identify_file(location)
        known = self.paths.get(location)
        if known is not None and self._is_same(known, identity, kind, activity, generated):
            return known.entity_id
        thing.location = location
        entity_id = self._write(thing, identity, emit)
        if known is not None and not generated:
            between = [known.activity_id, activity.id]
            self._derive(entity_id, known.entity_id, MODIFIED, between, emit)
        self.paths[location] = self._known(entity_id, identity, kind, activity, generated)
        return entity_id

    def _object(
        self,
        thing: _Thing,
        slot: str | None,
        instance: Any,
        activity: Open,
        emit: Emit,
        *,
        generated: bool,
    ) -> str:
        identity = self._identify(thing)
        known = self.objects.find(thing.value, identity.digest)
        place = None if slot is None else self.slots.find(instance, slot)
        if known is not None and self._is_same(known, identity, thing.kind, activity, generated):
            known.remember(thing.kind.key, identity.digest)
            latest = known
        else:
            entity_id = self._write(thing, identity, emit)
            latest = self._known(entity_id, identity, thing.kind, activity, generated)
            self._explain(latest, known, place, identity, thing, activity, emit, generated)
            self.objects.put(thing.value, latest)
        if slot is not None:
            latest.activity_id, latest.place = activity.id, activity.place
            self.slots.put(instance, slot, latest)
        return latest.entity_id

    def _explain(
        self,
        latest: Known,
        known: Known | None,
        place: Known | None,
        identity: Identity,
        thing: _Thing,
        activity: Open,
        emit: Emit,
        generated: bool,
    ) -> None:
        """Write where a new state came from, when the activity itself does not say."""
        if known is not None:
            same = known.digests.get(thing.kind.key) == identity.digest
            between = [activity.id] if generated else [known.activity_id, activity.id]
            how = DECLARED if same else MODIFIED
            code = None if generated else code_between(known.place, activity.place)
            self._derive(latest.entity_id, known.entity_id, how, between, emit, code)
        elif place is not None and not generated:
            equal = identity.digest is not None and identity.digest == place.digests.get(
                thing.kind.key
            )
            how = COPIED if equal else REPLACED
            if not equal and self.objects.is_untracked(thing.value, place):
                how = MODIFIED
            code = code_between(place.place, activity.place)
            between = [place.activity_id, activity.id]
            self._derive(latest.entity_id, place.entity_id, how, between, emit, code)

    def _is_same(
        self, known: Known, identity: Identity, kind: Kind, activity: Open, generated: bool
    ) -> bool:
        """Whether the entity known is this one still: one thing in one state."""
        if kind.key in known.digests and known.digests[kind.key] != identity.digest:
            return False
        # Generated inside this activity, by one that it called: it is what came out.
        return not generated or known.order > activity.order

    def _identify(self, thing: _Thing) -> Identity:
        kind = thing.kind
        if thing.value is None:
            return _NOTHING
        how = kind.how if kind.how != "file" else None
        identity = identify(thing.value, how, algorithm=self.algorithm)
        if identity.digest is None and how is None and kind.is_described:
            identity = identify(thing.value, "str", algorithm=self.algorithm)
        return identity

    def _known(
        self, entity_id: str, identity: Identity, kind: Kind, activity: Open, generated: bool
    ) -> Known:
        if generated:
            self.order += 1
        return Known(
            entity_id=entity_id,
            digests={kind.key: identity.digest},
            order=self.order if generated else 0,
            activity_id=activity.id,
            place=activity.place,
        )

    def _write(self, thing: _Thing, identity: Identity, emit: Emit) -> str:
        kind = thing.kind
        self._describe(kind, emit)
        entity_id = self.new_id()
        fields: dict[str, Any] = {"entity_id": entity_id, "type": kind.type}
        if kind.name:
            fields["entity_description"] = kind.name
            fields["definition"] = kind.definition
        if thing.name is not None:
            fields["name"] = str(thing.name)
        if thing.namespace:
            fields["namespace"] = thing.namespace
        if thing.location is not None:
            fields["location"] = str(thing.location)
        if not thing.is_file and thing.value is not None:
            fields["class"] = type_name(type(thing.value))
            if type(thing.value) in _PLAIN:
                fields["value"] = encode(thing.value)
        _add_identity(fields, identity)
        if kind.content_type:
            fields["contentType"] = kind.content_type
        if thing.members is not None:
            fields["members"] = thing.members
        emit(ENTITY, **fields)
        return entity_id

    def _describe(self, kind: Kind, emit: Emit) -> None:
        if kind.description is None or kind.definition is None:
            return
        key = (kind.definition, kind.name)
        if key not in self._described:
            self._described.add(key)
            emit(DESCRIPTION, definition=kind.definition, entity=kind.description)

    def _derive(
        self,
        entity_id: str,
        progenitor_id: str,
        how: str,
        between: list[str],
        emit: Emit,
        code: dict[str, Any] | None = None,
    ) -> None:
        if entity_id == progenitor_id:
            return
        fields: dict[str, Any] = {
            "entity_id": entity_id,
            "progenitor_id": progenitor_id,
            "how": how,
            "between": between,
        }
        if code is not None:
            fields["code"] = code
        emit(DERIVATION, **fields)


class _Thing:
    """What is met at a call: a value, a location, or both."""

    __slots__ = ("kind", "location", "members", "name", "namespace", "value")

    def __init__(
        self,
        *,
        kind: Kind,
        value: Any = None,
        location: Any = None,
        name: Any = None,
        namespace: str | None = None,
    ) -> None:
        self.kind = kind
        # Old definitions give an object's path as its location.
        is_object = value is None and location is not None and not _is_path(location)
        self.value = location if is_object else value
        self.location = None if is_object else location
        self.name = name
        self.namespace = namespace
        self.members: list[dict[str, str]] | None = None

    @property
    def is_file(self) -> bool:
        """Whether a path stands for it, so that its content is what lies on the disk."""
        if self.kind.type not in (FILE, FILE_COLLECTION):
            return False
        return self.location is not None or _is_path(self.value)


def _is_path(value: Any) -> bool:
    return issubclass(type(value), (str, bytes)) or hasattr(type(value), "__fspath__")


def _select(selector: Any, call: Call) -> Any:
    if selector is None:
        return None
    try:
        return selector(*call)
    except Missing:
        return None


def _add_identity(fields: dict[str, Any], identity: Identity) -> None:
    if identity.digest is not None:
        fields["digest"] = identity.digest
        fields["identified"] = identity.identified
    if identity.size is not None:
        fields["size"] = identity.size
    if identity.sampled:
        fields["sampled"] = identity.sampled
    if identity.missing:
        fields["missing"] = True
