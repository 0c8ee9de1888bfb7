"""What a session was made with: each of its activities uses it, in the state that it has then.

That are known entities that the constructor was handed or the instance holds when it was made,
files that the constructor has read, and what a definition says that a constructor uses. An object
is found again where the instance holds it: nothing is kept alive, and another that takes its
place is seen. One that the instance does not hold was read by the constructor, and stays what
it was.
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
ATTRIBUTES_READ = 1000  # of an instance, with those of what it holds
# To look again at what takes long to identify takes at most this part of the time.
_AT_ONCE, _SHARE = 1_000_000, 50

Keys = tuple[str, ...]  # an attribute, perhaps an attribute or a key of what stands there
_SCALARS = frozenset(map(address_of, (int, float, complex, bool, str, bytes, type(None))))


class Given:
    """One thing that a session was made with.

    Without ``keys`` the entity is what it was when the session was made. ``use`` says how it is
    found otherwise; there is none yet for an object that no activity has met.
    """

    __slots__ = ("address", "due", "entity_id", "keys", "role", "use")

    def __init__(
        self, role: str, *, entity_id: str | None = None, keys: Keys = (), use: Use | None = None
    ) -> None:
        self.role = role
        self.entity_id = entity_id
        self.keys = keys
        self.use = use
        self.address = 0  # of what stood there
        self.due = 0  # when that is looked at again

    def find(
        self, tracker: EntityTracker, instance: Any, activity: OpenActivity, events: Events
    ) -> str | None:
        """The entity that it is now; None where nothing is known of what is there."""
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
        """Whether an entity stands where the instance holds it; and remember which."""
        value = _follow(instance, self.keys)
        if address_of(type(value)) in _SCALARS:
            return False
        if self.use is not None:
            before = tracker.slots.of(instance).get(self.use.slot or "")
            # In a process that was forked nothing is known any more.
            if before is None or tracker.objects.is_untracked(value, before):
                return True
        known = tracker.objects.known(value)
        if known is not None and self.use is None:
            self.use = _use(self.role, self.keys, known.kind)
            tracker.slots.of(instance)[self.use.slot or ""] = known
        return known is not None


class SessionConfiguration:
    """Finds what sessions were made with."""

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
        """Look at an instance whose constructor has run, ``within`` an activity, if in any."""
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
        """Add to what an activity of the session uses what the session was made with."""
        known = {link["used_id"] for link in used}
        for given in session.given:
            entity_id = given.find(self._tracker, instance, activity, events)
            if entity_id is not None and entity_id not in known:
                known.add(entity_id)
                link = {"used_id": entity_id, "used_role": given.role, "used_argument": "self"}
                used.append(link)

    def _described(
        self, plan: Plan, call: Call, activity: OpenActivity, events: Events
    ) -> Iterator[Given]:
        for use in plan.usages:
            if (
                use.slot is not None and not use.slot_is_global
            ):  # a path that begins at the instance
                yield Given(use.role, use=use)
                continue
            value = found(use.value, call)
            keys = None if value is None else _keys_of(call[0], value)
            if keys is not None and use.is_plain:
                yield Given(use.role, use=_use(use.role, keys, use.kind))
            else:
                entity_id = self._tracker.find(use, call, activity, events, False)
                yield Given(use.role, entity_id=entity_id)

    def _held(
        self, plan: Plan, call: Call, activity: OpenActivity, events: Events
    ) -> Iterator[Given]:
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
                yield Given(name, keys=keys)
            elif (known := objects.known(value)) is not None:
                observed = ObservedValue(known.kind, value, None, name, None)
                now = self._tracker.object(
                    known.kind, value, observed, None, None, activity, events, False
                )
                yield Given(name, entity_id=now.entity_id)
        for name, value in islice(
            list(introspection.attributes(instance).items()), ATTRIBUTES_READ
        ):
            if (
                type(name) is str
                and address_of(type(value)) not in _SCALARS
                and address_of(value) not in contained
                and objects.known(value) is not None
            ):
                yield Given(name.strip("_") or CONFIGURATION, keys=(name,))

    def _read(
        self, session: Session, plan: Plan, call: Call, activity: OpenActivity
    ) -> Iterator[Given]:
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
            yield Given(roles.get(entity_id, CONFIGURATION), entity_id=entity_id)


def _use(role: str, keys: Keys, kind: Kind) -> Use:
    """How an object is found that an instance holds."""

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
    """Where an instance holds this very object."""
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
    """The attributes of an object, or the items of a dict; none of its code runs."""
    items: Any = (
        dict.items(holder) if type(holder) is dict else introspection.attributes(holder).items()
    )
    return [(key, item) for key, item in islice(list(items), most) if type(key) is str]


def _follow(value: Any, keys: Keys) -> Any:
    for key in keys:
        value = (value if type(value) is dict else introspection.attributes(value)).get(key)
    return value
