"""The configuration of a session: each activity of the session uses it, in its state at that time.

The configuration contains known entities that the constructor received or that the instance refers
to after its construction. It also contains files that the constructor has read, and usages that a
definition describes for the constructor. An object is found again through the attribute of the
instance: no object is kept alive, and a replaced object is seen. An object without such an
attribute was read by the constructor, and keeps its first state.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Iterator
from itertools import islice
from typing import Any

from provagent.isolation import introspection
from provagent.isolation.addresses import address_of
from provagent.recording.capture.arguments import arguments
from provagent.recording.capture.context import CallSite, Events, Links, OpenActivity
from provagent.recording.capture.entity_tracker import Call, EntityTracker
from provagent.recording.capture.lookup import Missing, found
from provagent.recording.capture.observed_value import ObservedValue, is_path, place_of
from provagent.recording.capture.plan import Kind, Plan, Use
from provagent.recording.capture.sessions import Session
from provagent.recording.capture.skipped_calls import clock

CONFIGURATION = "configuration"
ATTRIBUTES_READ = 1000  # of an instance, including the attributes of its attributes
# The search for an entity that is slow to identify is repeated so rarely that it needs at most one
# part in _SHARE of the time; a search up to _AT_ONCE nanoseconds is always repeated.
_AT_ONCE, _SHARE = 1_000_000, 50

Keys = tuple[str, ...]  # an attribute, or an attribute and an attribute or key of its value
_SCALARS = frozenset(map(address_of, (int, float, complex, bool, str, bytes, type(None))))


class ConfigurationPart:
    """One entity of the configuration of a session.

    Without ``keys`` the entity is the one at the construction. ``use`` finds the entity otherwise;
    ``use`` is None for an object that no activity has used yet.
    """

    __slots__ = ("address", "due", "entity_id", "keys", "role", "use")

    def __init__(
        self, role: str, *, entity_id: str | None = None, keys: Keys = (), use: Use | None = None
    ) -> None:
        self.role = role
        self.entity_id = entity_id
        self.keys = keys
        self.use = use
        self.address = 0  # of the last value
        self.due = 0  # time of the next search

    def find(
        self, tracker: EntityTracker, instance: Any, activity: OpenActivity, events: Events
    ) -> str | None:
        """Return the present entity; None if the value is no known entity."""
        address = 0
        if self.keys:
            value = _follow(instance, self.keys)
            if self.use is None and not tracker.objects.may_have(value):
                return None
            address = address_of(value)
        elif self.use is None:
            return self.entity_id
        start = clock()
        if start >= self.due or address != self.address:
            self.address, self.entity_id = address, None
            if (not self.keys or self.is_known(tracker, instance)) and self.use is not None:
                call: Call = (instance, (), {}, None)
                self.entity_id = tracker.find(self.use, call, activity, events, False)
            end = clock()
            took = end - start
            self.due = end + _SHARE * took if took > _AT_ONCE else 0
        return self.entity_id

    def is_known(self, tracker: EntityTracker, instance: Any) -> bool:
        """Return whether the attribute contains a known entity, and keep its kind."""
        value = _follow(instance, self.keys)
        if address_of(type(value)) in _SCALARS:
            return False
        if self.use is not None:
            before = tracker.slots.of(instance).get(self.use.slot or "")
            # After a fork no entity is known.
            if before is None or tracker.objects.is_untracked(value, before):
                return True
        known = tracker.objects.known(value)
        if known is not None and self.use is None:
            self.use = _use(self.role, self.keys, known.kind)
            tracker.slots.of(instance)[self.use.slot or ""] = known
        return known is not None


class SessionConfiguration:
    """Finds the configuration of sessions."""

    def __init__(self, tracker: EntityTracker) -> None:
        self._tracker = tracker
        self._reads = tracker.sessions.reads

    def observe(
        self,
        session: Session,
        plan: Plan,
        call: Call,
        place: CallSite,
        within: Any,
        events: Events,
    ) -> None:
        """Read an instance after its constructor; ``within`` is the enclosing activity, if any."""
        activity = OpenActivity("" if within is None else within.id, self._tracker.order, place)
        given = [
            *self._described(plan, call, activity, events),
            *self._held(plan, call, activity, events),
            *self._read(session, plan, call, activity),
        ]
        for one in given:
            if one.keys:
                one.is_known(self._tracker, call[0])
        session.given = tuple(given)
        if not self._tracker.sessions.under_way:
            self._reads.clear()

    def add_used(
        self, session: Session, instance: Any, activity: OpenActivity, events: Events, used: Links
    ) -> None:
        """Add the configuration of the session to the usages of an activity."""
        known = {link["used_id"] for link in used}
        for given in session.given:
            entity_id = given.find(self._tracker, instance, activity, events)
            if entity_id is not None and entity_id not in known:
                known.add(entity_id)
                link = {"used_id": entity_id, "used_role": given.role, "used_argument": "self"}
                used.append(link)

    def _described(
        self, plan: Plan, call: Call, activity: OpenActivity, events: Events
    ) -> Iterator[ConfigurationPart]:
        for use in plan.usages:
            if (
                use.slot is not None and not use.slot_is_global
            ):  # a path that begins at the instance
                yield ConfigurationPart(use.role, use=use)
                continue
            value = found(use.value, call)
            keys = None if value is None else _keys_of(call[0], value)
            if keys is not None and use.is_plain:
                yield ConfigurationPart(use.role, use=_use(use.role, keys, use.kind))
            else:
                entity_id = self._tracker.find(use, call, activity, events, False)
                yield ConfigurationPart(use.role, entity_id=entity_id)

    def _held(
        self, plan: Plan, call: Call, activity: OpenActivity, events: Events
    ) -> Iterator[ConfigurationPart]:
        objects, instance = self._tracker.objects, call[0]
        handed = [
            (name, value)
            for name, value, _ in arguments(plan, call)
            if address_of(type(value)) not in _SCALARS
        ]
        contained = set()
        for name, value in handed:
            keys = _keys_of(instance, value)
            if keys is not None:
                contained.add(address_of(value))
                yield ConfigurationPart(name, keys=keys)
            elif (known := objects.known(value)) is not None:
                observed = ObservedValue(known.kind, value, None, name, None)
                now = self._tracker.object(
                    known.kind, value, observed, None, None, activity, events, False
                )
                yield ConfigurationPart(name, entity_id=now.entity_id)
        for name, value in islice(
            list(introspection.attributes(instance).items()), ATTRIBUTES_READ
        ):
            if (
                type(name) is str
                and address_of(type(value)) not in _SCALARS
                and address_of(value) not in contained
                and objects.known(value) is not None
            ):
                yield ConfigurationPart(name.strip("_") or CONFIGURATION, keys=(name,))

    def _read(
        self, session: Session, plan: Plan, call: Call, activity: OpenActivity
    ) -> Iterator[ConfigurationPart]:
        mine = (get_ident(), activity.id)
        read = [one[2] for one in self._reads[session.first_read :] if one[:2] == mine]
        if not read:
            return
        paths = self._tracker.paths
        roles = {
            known.entity_id: name
            for name, value, _ in arguments(plan, call)
            if is_path(value) and (known := paths.get(place_of(value))) is not None
        }
        for entity_id in dict.fromkeys(read):
            yield ConfigurationPart(roles.get(entity_id, CONFIGURATION), entity_id=entity_id)


def _use(role: str, keys: Keys, kind: Kind) -> Use:
    """Return the use that finds an object through an attribute of the instance."""

    def value(instance: Any, *_: Any) -> Any:
        contained = _follow(instance, keys)
        if contained is None:
            raise Missing(keys)
        return contained

    return Use(
        role=role,
        used_as={"used_role": role, "used_argument": "self"},
        is_plain=True,
        kind=kind,
        value=value,
        location=None,
        id=None,
        namespace=None,
        slot=f"held by {'.'.join(keys)}",
        slot_name=role,
        slot_is_global=False,
        members=None,
        progenitors=(),
    )


def _keys_of(instance: Any, value: Any) -> Keys | None:
    """Return the keys that lead from an instance to this object itself."""
    left = ATTRIBUTES_READ
    contained = _inside(instance, left)
    for name, item in contained:
        if item is value:
            return (name,)
    left -= len(contained)
    for name, item in contained:
        inside = _inside(item, left)
        left -= len(inside)
        for key, inner in inside:
            if inner is value:
                return name, key
    return None


def _inside(holder: Any, most: int) -> list[tuple[str, Any]]:
    """Return the attributes of an object or the items of a dict; no code of the object runs."""
    items: Any = (
        dict.items(holder) if type(holder) is dict else introspection.attributes(holder).items()
    )
    return [(key, item) for key, item in islice(list(items), most) if type(key) is str]


def _follow(value: Any, keys: Keys) -> Any:
    for key in keys:
        value = (value if type(value) is dict else introspection.attributes(value)).get(key)
    return value
