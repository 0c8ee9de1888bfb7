"""The entity tracker: which entity a value or a file is, at this moment, in one process.

An entity is an object or a file in one state. The state is read again at each use. It is compared
with the last known state of the object, and of the attribute or name that refers to the object. So
a change that no recorded activity made is recorded as a derivation.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable, Iterator
from typing import Any

from provagent.contract.vocabulary import (
    COPIED,
    DECLARED,
    FILE,
    FILE_COLLECTION,
    MODIFIED,
    REPLACED,
)
from provagent.identity.digests import Digests
from provagent.identity.distinctive import is_distinctive
from provagent.identity.files import resolve_location
from provagent.identity.registry import Identity
from provagent.isolation.interrupts import is_the_programs
from provagent.recording.capture.collection_members import ContainedItems
from provagent.recording.capture.container_contents import ContainerContents
from provagent.recording.capture.context import Events, OpenActivity
from provagent.recording.capture.entity_events import EntityEvents
from provagent.recording.capture.event_writer import EventWriter
from provagent.recording.capture.executed_lines import code_between, may_have_copied
from provagent.recording.capture.file_entities import FileEntities
from provagent.recording.capture.known_objects import (
    AttributeEntities,
    KnownContents,
    KnownEntity,
    KnownObjects,
    KnownStates,
    differs,
)
from provagent.recording.capture.lookup import Missing, found
from provagent.recording.capture.new_versions import overwrite
from provagent.recording.capture.observed_value import (
    ObservedValue,
    file_of,
    place_of,
    placed,
    placed_members,
)
from provagent.recording.capture.plan import ON_DISK, Kind, Many, Use
from provagent.recording.capture.sessions import Sessions
from provagent.recording.capture.unfinished_files import UNFINISHED, UnfinishedFiles, is_open

Call = tuple[Any, tuple[Any, ...], dict[str, Any], Any]  # instance, args, kwargs, result

MAX_ITEMS = 1000
_NOTHING = Identity()


class EntityTracker:
    """Tracks the entities of this process.

    ``new_id`` returns identifiers. ``digests`` has the settings of digests. Relative paths are
    resolved against the working folder at the time of the call. At most ``max_items`` items of a
    container are read. ``seen`` records the files that no definition declares; ``writer`` and
    ``catch_up`` are passed to it.
    """

    def __init__(
        self,
        new_id: Callable[[], str],
        digests: Digests,
        writer: EventWriter,
        max_items: int = MAX_ITEMS,
        catch_up: Callable[[], None] = lambda: None,
    ) -> None:
        self.new_id = new_id
        self.digests = digests
        self.sessions = Sessions(new_id)
        self.inside = ContainerContents(self, max_items)
        self.seen = FileEntities(self, writer, catch_up)
        self.forget()

    def forget(self) -> None:
        """Start again in a forked process, which writes a shard and descriptions of its own."""
        self.undescribed: set[str] = set()  # entities of opened files that no definition named
        self.files = self.digests.new_files()
        self.paths: dict[str, KnownEntity] = {}
        self.objects = KnownObjects()
        self.contents = KnownContents()
        self.states = KnownStates()
        self.slots = AttributeEntities()
        # entities by kind, namespace and name
        self.named: dict[tuple[str, str | None, str], str] = {}
        self.order = 0
        self.events = EntityEvents(self.new_id)
        self.unfinished = UnfinishedFiles(self.events, self.identify_file)

    def find(
        self, use: Use, call: Call, activity: OpenActivity, events: Events, generated: bool
    ) -> str | None:
        """Return the entity in this role, used or generated; None without an entity."""
        try:
            value = None if use.value is None else use.value(*call)
        except Missing:
            value = None
        if use.is_plain:  # true for nearly all uses
            if value is None:
                return None
            entity_id = self.object(
                use.kind, value, None, use, call[0], activity, events, generated
            ).entity_id
        else:
            location, name = found(use.location, call), found(use.id, call)
            # a file that is being written is not complete yet
            if location is not None and not generated:
                location = file_of(location)
            if value is None and location is None and name is None:
                return None
            observed = placed(use.kind, value, location, name, use.namespace)
            entity_id = self._placed(observed, use, call, activity, events, generated)
        if generated and use.progenitors:
            for many in use.progenitors:
                for progenitor_id in self._items(many, call, activity, events, False):
                    self.events.derive(entity_id, progenitor_id, DECLARED, [activity.id], events)
        return entity_id

    def _placed(
        self,
        observed: ObservedValue,
        use: Use,
        call: Call,
        activity: OpenActivity,
        events: Events,
        generated: bool,
    ) -> str:
        if use.members is not None:
            observed.members = [
                {"member_id": entity_id}
                for entity_id in self._items(use.members, call, activity, events, generated)
            ]
        if use.is_name and not generated and observed.title in self.named:
            return self.named[observed.title]
        if use.overwrites:
            entity_id = overwrite(self, observed, use, call[0], activity, events)
        else:
            entity_id = self._entity_of(observed, use, call[0], activity, events, generated)
        if use.kind.is_named:
            self.named[observed.title] = entity_id
        return entity_id

    def _entity_of(
        self,
        observed: ObservedValue,
        use: Use | None,
        instance: Any,
        activity: OpenActivity,
        events: Events,
        generated: bool,
    ) -> str:
        if observed.location is not None and observed.kind.type in ON_DISK:
            # The file of a member existed before the collection: it is not generated.
            return self.file(observed, activity, events, generated and use is not None)
        return self.object(
            observed.kind, observed.value, observed, use, instance, activity, events, generated
        ).entity_id

    def _items(
        self, many: Many, call: Call, activity: OpenActivity, events: Events, generated: bool
    ) -> Iterator[str]:
        listed = found(many.items, call)
        if listed is None:
            return
        observed_values = placed_members(many, listed)
        if many.kind.type in ON_DISK:
            self.files.read_ahead([observed.location for observed in observed_values])
        for observed in observed_values:
            if many.is_name and observed.title in self.named:
                yield self.named[observed.title]
                continue
            entity_id = self._entity_of(observed, None, None, activity, events, generated)
            if many.kind.is_named:
                self.named[observed.title] = entity_id
            yield entity_id

    def file(
        self,
        observed: ObservedValue,
        activity: OpenActivity,
        events: Events,
        generated: bool,
        next_: OpenActivity | None = None,
        *,
        is_real: bool = False,
        identity: Identity | None = None,
    ) -> str:
        """Return the entity of a file now.

        An activity without an identifier is the run: then ``next_`` is the activity that continues
        with the file. ``is_real``: the system has opened the file, not pyfakefs. ``identity`` is
        the known identity of a file that has changed or vanished since.
        """
        entity_id = self._file(
            observed, activity, events, generated, next_, is_real=is_real, identity=identity
        )
        if self.sessions.under_way and not generated:
            self.sessions.reads.append((get_ident(), activity.id, entity_id))
        return entity_id

    def _file(
        self,
        observed: ObservedValue,
        activity: OpenActivity,
        events: Events,
        generated: bool,
        next_: OpenActivity | None,
        *,
        is_real: bool,
        identity: Identity | None,
    ) -> str:
        kind = observed.kind
        location = observed.location = (resolve_location if is_real else place_of)(
            observed.location
        )
        if not generated:
            self.seen.record_closed(location, activity, events)
        self.unfinished.finish(events, location)
        is_unfinished = generated and not is_real and kind.type == FILE and is_open(location)
        if identity is None:
            identity = UNFINISHED if is_unfinished else self.identify_file(location, kind)
        known = self.paths.get(location)
        if known is not None and kind.type == FILE:
            known.share(kind.key, identity)
        if known is not None and self._is_same(known, identity, kind, activity, generated):
            if activity.id:  # for the run no line is known
                known.activity = activity
            if (kind.name or observed.name) and known.entity_id in self.undescribed:
                self.undescribed.discard(known.entity_id)
                self.events.write(observed, identity, events, known.entity_id)
            return known.entity_id
        entity_id = self.events.write(observed, identity, events)
        if not kind.name:
            self.undescribed.add(entity_id)
        latest = self.known(entity_id, identity, kind, activity, generated)
        if known is not None:
            # For a file that was only seen, the observer knows why the file was opened.
            is_made = generated and (is_real or bool(activity.id))
            self._explain_file(latest, known, location, next_ or activity, events, is_made)
        if is_unfinished:
            self.unfinished.put(observed, latest)
        self.paths[location] = latest
        return entity_id

    def _explain_file(
        self,
        latest: KnownEntity,
        before: KnownEntity,
        location: str,
        activity: OpenActivity,
        events: Events,
        is_made: bool,
    ) -> None:
        if not is_made:
            self._derive_between(latest.entity_id, before, MODIFIED, activity, events)
        elif location in self.unfinished:  # the same writer continues
            between = [activity.id] if activity.id else []
            self.events.derive(latest.entity_id, before.entity_id, MODIFIED, between, events)

    def identify_file(self, location: str, kind: Kind) -> Identity:
        """Return the identity of a file, as far as the file can be read."""
        if "://" in location:
            return _NOTHING  # a URL: the content is not fetched
        try:
            if kind.type == FILE_COLLECTION:
                return self.files.identify_collection(location, index=kind.index)
            return self.files.identify_file(location)
        except OSError as error:
            # for example a TimeoutError of the program's alarm during the read of a large file
            if is_the_programs(error):
                raise
            return _NOTHING  # the file exists and cannot be read: only its path is known

    # A plain use makes no ObservedValue: most entities are known already. This is one function,
    # because each further function call costs a twentieth of the time of a recorded call.
    def object(  # noqa: C901, PLR0912, PLR0915
        self,
        kind: Kind,
        value: Any,
        observed: ObservedValue | None,
        use: Use | None,
        instance: Any,
        activity: OpenActivity,
        events: Events,
        generated: bool,
        contained: ContainedItems | None = None,
    ) -> KnownEntity:
        """Return the entity of an object now; ``contained`` are the items inside the object."""
        identity = _NOTHING if value is None else kind.identify(value)
        known = self.objects.find(value, identity.digest)
        # An entity that is known by its content has the members that it had.
        if known is None or identity.digest is None or identity.identified == "state":
            if use is not None and use.looks_in and (observed is None or observed.members is None):
                contained = self.inside.contained(value, is_made=generated)
            members = (
                self.inside.entities(contained, activity, events, generated) if contained else []
            )
        else:
            members = []
        slots = before = None
        if use is not None and use.slot is not None:
            slots = self.slots.of(None if use.slot_is_global else instance)
            if known is None and not generated and (before := slots.get(use.slot)) is not None:
                known = self._as_it_stood(value, before, identity, kind)
        if (
            known is not None
            and not (members and known.has_gained(members))
            and self._is_same(known, identity, kind, activity, generated)
        ):
            known.activity = activity
            latest = known
            if members and known.add(members):
                observed = observed or ObservedValue(kind, value, None, None, None)
                self._write(observed, identity, events, members, contained, known.entity_id)
        else:
            if observed is None:
                observed = ObservedValue(
                    kind, value, None, None, None if use is None else use.namespace
                )
            if observed.name is None and slots is not None and use is not None:
                observed.name = use.slot_name
            entity_id = self._write(observed, identity, events, members, contained)
            latest = self.known(entity_id, identity, kind, activity, generated)
            latest.add(members)
            self._keep(observed, identity, latest, generated)
            original = self._of_equal_state(observed, identity, latest)
            if known is not None:
                self._explain_change(latest, known, identity, kind, activity, events, generated)
            elif before is not None:
                self._explain_exchange(latest, before, identity, observed, activity, events)
            elif original is not None and not generated:
                self._explain_copy(latest, original, activity, events)
        if slots is not None:
            slots[use.slot] = latest  # type: ignore[index, union-attr]
        return latest

    def _write(
        self,
        observed: ObservedValue,
        identity: Identity,
        events: Events,
        members: list[KnownEntity],
        contained: ContainedItems | None,
        entity_id: str | None = None,
    ) -> str:
        is_whole = identity.identified == "content" and not identity.sampled
        observed.is_distinctive = is_whole and is_distinctive(observed.value)
        if members and contained is not None:
            observed.add_members((each.entity_id for each in members), is_cut=contained.is_cut)
        return self.events.write(observed, identity, events, entity_id)

    def _keep(
        self, observed: ObservedValue, identity: Identity, latest: KnownEntity, generated: bool
    ) -> None:
        if observed.value is None:
            return
        self.objects.put(observed.value, latest)
        if generated and observed.is_distinctive and identity.digest is not None:
            self.contents.put(type(observed.value), identity.digest)

    def _explain_copy(
        self, latest: KnownEntity, original: KnownEntity, activity: OpenActivity, events: Events
    ) -> None:
        """Derive an object from another one of equal state, if the source code names a copy."""
        if may_have_copied(original.activity.place, activity.place):
            self._derive_between(latest.entity_id, original, COPIED, activity, events)

    def _of_equal_state(
        self, observed: ObservedValue, identity: Identity, latest: KnownEntity
    ) -> KnownEntity | None:
        """Return the earlier entity of this state; None if the state is not distinctive."""
        if identity.identified != "state" or identity.sampled or identity.digest is None:
            return None
        is_one_of_many = not is_distinctive(observed.value)
        return None if is_one_of_many else self.states.exchange(identity.digest, latest)

    def _explain_change(
        self,
        latest: KnownEntity,
        known: KnownEntity,
        identity: Identity,
        kind: Kind,
        activity: OpenActivity,
        events: Events,
        generated: bool,
    ) -> None:
        """Derive a new state of the same object: a change, or the same content generated again."""
        how = (
            MODIFIED
            if differs(known.states.get(kind.key), identity, self.digests.max_ms)
            or latest.members - known.members
            else DECLARED
        )
        if generated:
            self.events.derive(latest.entity_id, known.entity_id, how, [activity.id], events)
        else:
            self._derive_between(latest.entity_id, known, how, activity, events)

    def _explain_exchange(
        self,
        latest: KnownEntity,
        before: KnownEntity,
        identity: Identity,
        observed: ObservedValue,
        activity: OpenActivity,
        events: Events,
    ) -> None:
        """Derive another object in the same attribute or name that no activity assigned."""
        state = before.states.get(observed.kind.key)
        is_read = not (identity.sampled and identity.sampled.unread)
        is_equal = state is not None and identity.digest == state.digest
        if is_read and is_equal and identity.digest is not None:
            how = COPIED
        else:
            how = MODIFIED if self.objects.is_untracked(observed.value, before) else REPLACED
        self._derive_between(latest.entity_id, before, how, activity, events)

    def _derive_between(
        self, entity_id: str, before: KnownEntity, how: str, activity: OpenActivity, events: Events
    ) -> None:
        between = [before.activity.id, activity.id]
        # the run is no activity; a single identifier would name the activity that made the change
        if not all(between):
            between = []
        code = code_between(before.activity.place, activity.place)
        self.events.derive(entity_id, before.entity_id, how, between, events, code)

    def known(
        self,
        entity_id: str,
        identity: Identity,
        kind: Kind,
        activity: OpenActivity,
        generated: bool,
    ) -> KnownEntity:
        if generated:
            self.order += 1
        order = self.order if generated else 0
        return KnownEntity(entity_id, identity, kind, order, activity)

    def _is_same(
        self,
        known: KnownEntity,
        identity: Identity,
        kind: Kind,
        activity: OpenActivity,
        generated: bool,
    ) -> bool:
        """Return whether the known entity is the same object in the same state."""
        state = known.states.get(kind.key)
        if state is None:
            known.states[kind.key] = identity
        elif state.digest is None or state.digest != identity.digest:
            if differs(state, identity, self.digests.max_ms):
                return False
            if state.digest is None:
                known.states[kind.key] = identity
        # An activity called inside this one has generated the entity: this one returns it
        # unchanged.
        return not generated or known.order > activity.order

    def _as_it_stood(
        self, value: Any, before: KnownEntity, identity: Identity, kind: Kind
    ) -> KnownEntity | None:
        """Return the entity of an object without weak references, if place and state are equal."""
        if differs(before.states.get(kind.key), identity, self.digests.max_ms):
            return None
        return before if self.objects.is_untracked(value, before) else None
