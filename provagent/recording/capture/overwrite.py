"""A new version of what stood there before, because the definition says so (``overwrite``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provagent.contract.vocabulary import DECLARED, MODIFIED
from provagent.identity.registry import Identity
from provagent.recording.capture.known_objects import differs
from provagent.recording.capture.observed_value import place_of
from provagent.recording.capture.plan import ON_DISK, Use

if TYPE_CHECKING:
    from provagent.recording.capture.context import Events, Open
    from provagent.recording.capture.known_objects import Known
    from provagent.recording.capture.observed_value import Thing
    from provagent.recording.capture.tracker import Tracker


def overwrite(
    tracker: Tracker, thing: Thing, use: Use, instance: Any, activity: Open, events: Events
) -> str:
    """Write the entity that an activity made of what is last known of the same object or file.

    It is another one even where its content is the same, or where an activity that this one
    called has made it: an identifier may not see what was changed.
    """
    kind, before, slots = thing.kind, None, {}
    if thing.location is not None and kind.type in ON_DISK:
        thing.location = place_of(thing.location)
        identity = tracker.identify_file(thing.location, kind)
        before = tracker.paths.get(thing.location)
    else:
        identity = Identity() if thing.value is None else kind.identify(thing.value)
        if use.slot is not None:
            slots = tracker.slots.of(None if use.slot_is_global else instance)
            thing.name = use.slot_name if thing.name is None else thing.name
        before = tracker.objects.find(thing.value, identity.digest)
        held = slots.get(use.slot or "")
        if before is None and held is not None and tracker.objects.is_untracked(thing.value, held):
            before = held
    latest = tracker.known(
        tracker.events.write(thing, identity, events), identity, kind, activity, generated=True
    )
    if before is not None:
        _derive(tracker, latest, before, identity, thing, activity, events)
    if thing.location is not None and kind.type in ON_DISK:
        tracker.paths[thing.location] = latest
    elif thing.value is not None:
        tracker.objects.put(thing.value, latest)
    if use.slot is not None:
        slots[use.slot] = latest
    return latest.entity_id


def _derive(
    tracker: Tracker,
    latest: Known,
    before: Known,
    identity: Identity,
    thing: Thing,
    activity: Open,
    events: Events,
) -> None:
    is_other = differs(before.states.get(thing.kind.key), identity, tracker.digests.max_ms)
    how = MODIFIED if is_other else DECLARED
    tracker.events.derive(latest.entity_id, before.entity_id, how, [activity.id], events)
