"""Which entity a value or a file is, at this moment: the ledger of a process.

An entity is one thing in one state. The state is found again at each use and compared
with what was last known of that object, and of the place that holds it, so that a
change which nothing traced shows as a derivation.
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
from provagent.identity.files import resolve_location
from provagent.identity.payload import is_distinctive
from provagent.identity.registry import Identity
from provagent.isolation.interrupts import is_the_programs
from provagent.recording.capture.collection_members import ContainedItems
from provagent.recording.capture.container_contents import ContainerContents
from provagent.recording.capture.context import Events, OpenActivity
from provagent.recording.capture.entity_events import EntityEvents
from provagent.recording.capture.executed_lines import code_between, may_have_copied
from provagent.recording.capture.known_objects import (
    AttributeEntities,
    KnownContents,
    KnownEntity,
    KnownObjects,
    KnownStates,
    differs,
)
from provagent.recording.capture.lookup import Missing, found
from provagent.recording.capture.observed_value import (
    ObservedValue,
    file_of,
    place_of,
    placed,
    placed_members,
)
from provagent.recording.capture.overwrite import overwrite
from provagent.recording.capture.plan import ON_DISK, Kind, Many, Use
from provagent.recording.capture.sessions import Sessions
from provagent.recording.capture.unfinished_files import UNFINISHED, UnfinishedFiles, is_open

Call = tuple[Any, tuple[Any, ...], dict[str, Any], Any]  # instance, args, kwargs, result

MAX_ITEMS = 1000
_NOTHING = Identity()


class EntityTracker:
    """What is known of every entity that this process has met.

    ``new_id`` gives identifiers; ``digests`` says how they are taken; relative paths are those
    of the working folder at the time. ``max_items`` of a container are looked at.
    """

    def __init__(
        self, new_id: Callable[[], str], digests: Digests, max_items: int = MAX_ITEMS
    ) -> None:
        self.new_id = new_id
        self.digests = digests
        self.sessions = Sessions(new_id)
        self.inside = ContainerContents(self, max_items)
        # Files that were seen only are told before a description speaks of them (see files).
        self.record_closed: Callable[[str, OpenActivity, Events], None] = (
            lambda _location, _next, _events: None
        )
        self.forget()

    def forget(self) -> None:
        """Begin again: the process was forked, and its descriptions are another shard's."""
        self.undescribed: set[str] = set()  # files that were seen, and that no definition named
        self.files = self.digests.new_files()
        self.paths: dict[str, KnownEntity] = {}
        self.objects = KnownObjects()
        self.contents = KnownContents()
        self.states = KnownStates()
        self.slots = AttributeEntities()
        self.named: dict[tuple[str, str | None, str], str] = {}  # entities, by what they are called
        self.order = 0
        self.events = EntityEvents(self.new_id)
        self.unfinished = UnfinishedFiles(self.events, self.identify_file)

    def find(
        self, use: Use, call: Call, activity: OpenActivity, events: Events, generated: bool
    ) -> str | None:
        """The entity in this role, used or generated; None when there is none."""
        try:
            value = None if use.value is None else use.value(*call)
        except Missing:
            value = None
        if use.is_plain:  # as nearly all are
            if value is None:
                return None
            entity_id = self.object(
                use.kind, value, None, use, call[0], activity, events, generated
            ).entity_id
        else:
            location, name = found(use.location, call), found(use.id, call)
            if location is not None and not generated:  # what is being written is not whole yet
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
            entity_id = self._met(observed, use, call[0], activity, events, generated)
        if use.kind.is_named:
            self.named[observed.title] = entity_id
        return entity_id

    def _met(
        self,
        observed: ObservedValue,
        use: Use | None,
        instance: Any,
        activity: OpenActivity,
        events: Events,
        generated: bool,
    ) -> str:
        if observed.location is not None and observed.kind.type in ON_DISK:
            # A member's file was there before the collection was: it is not generated.
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
            entity_id = self._met(observed, None, None, activity, events, generated)
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
        """The entity of a file now: of the run, without an id, as ``next_`` goes on with it.

        ``is_real``: the system has opened it; pyfakefs has not. ``identity`` is what is known of
        one that is no more what it was.
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
            self.record_closed(location, activity, events)
        self.unfinished.finish(events, location)
        is_unfinished = generated and not is_real and kind.type == FILE and is_open(location)
        if identity is None:
            identity = UNFINISHED if is_unfinished else self.identify_file(location, kind)
        known = self.paths.get(location)
        if known is not None and kind.type == FILE:
            known.share(kind.key, identity)
        if known is not None and self._is_same(known, identity, kind, activity, generated):
            if activity.id:  # of the run no line is known
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
            # Of a file that was seen only, who saw it knows what it was opened for.
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
        elif location in self.unfinished:  # the same writer goes on
            between = [activity.id] if activity.id else []
            self.events.derive(latest.entity_id, before.entity_id, MODIFIED, between, events)

    def identify_file(self, location: str, kind: Kind) -> Identity:
        """The content of a file, as far as it can be read."""
        if "://" in location:
            return _NOTHING  # elsewhere: it is not fetched to be read
        try:
            if kind.type == FILE_COLLECTION:
                return self.files.identify_collection(location, index=kind.index)
            return self.files.identify_file(location)
        except OSError as error:
            if is_the_programs(error):  # a TimeoutError of its alarm, while a large file is read
                raise
            return _NOTHING  # it is there, and may not be read: its place is what is known

    # A plain use brings no thing: most entities are known, and none is made for them. It is one
    # function: each call of another takes a twentieth of the time of a traced call.
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
        """The entity of an object now; ``held`` is what was found inside of it."""
        identity = _NOTHING if value is None else kind.identify(value)
        known = self.objects.find(value, identity.digest)
        # What is known by its content has the members that it had.
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
        """Another object of equal state: a copy, where the source names one."""
        if may_have_copied(original.activity.place, activity.place):
            self._derive_between(latest.entity_id, original, COPIED, activity, events)

    def _of_equal_state(
        self, observed: ObservedValue, identity: Identity, latest: KnownEntity
    ) -> KnownEntity | None:
        """The object that had this state before, where such a state is not one of many."""
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
        """The same object: it was changed, or given out again as it was."""
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
        """Another object in the same place, that no activity put there."""
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
        if not all(between):  # the run itself is no activity; one alone would be what changed it
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
        """Whether the entity known is this one still: one thing in one state."""
        state = known.states.get(kind.key)
        if state is None:
            known.states[kind.key] = identity
        elif state.digest is None or state.digest != identity.digest:
            if differs(state, identity, self.digests.max_ms):
                return False
            if state.digest is None:
                known.states[kind.key] = identity
        # Generated inside this activity, by one that it called: it is what came out.
        return not generated or known.order > activity.order

    def _as_it_stood(
        self, value: Any, before: KnownEntity, identity: Identity, kind: Kind
    ) -> KnownEntity | None:
        """An object that takes no reference, in its place, and not known to be another."""
        if differs(before.states.get(kind.key), identity, self.digests.max_ms):
            return None
        return before if self.objects.is_untracked(value, before) else None
