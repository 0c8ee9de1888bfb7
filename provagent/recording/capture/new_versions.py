"""New versions of an object or a file that a definition declares with ``overwrite``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provagent.contract.vocabulary import DECLARED, MODIFIED
from provagent.identity.registry import Identity
from provagent.recording.capture.known_objects import differs
from provagent.recording.capture.observed_value import place_of
from provagent.recording.capture.plan import ON_DISK, Use

if TYPE_CHECKING:
    from provagent.recording.capture.context import Events, OpenActivity
    from provagent.recording.capture.known_objects import KnownEntity
    from provagent.recording.capture.observed_value import ObservedValue
    from provagent.recording.capture.tracker import Tracker


def overwrite(
    tracker: Tracker,
    observed: ObservedValue,
    use: Use,
    instance: Any,
    activity: OpenActivity,
    events: Events,
) -> str:
    """Write the entity that an activity made from the last known state of the same object or file.

    The entity is new even if the content is equal, or if an activity inside this one has made it:
    the digest may not show the change.
    """
    kind, before, slots = observed.kind, None, {}
    is_file = observed.location is not None and kind.type in ON_DISK
    if is_file:
        observed.location = place_of(observed.location)
        identity = tracker.identify_file(observed.location, kind)
        before = tracker.paths.get(observed.location)
    else:
        identity = Identity() if observed.value is None else kind.identify(observed.value)
        if use.slot is not None:
            slots = tracker.slots.of(None if use.slot_is_global else instance)
            observed.name = use.slot_name if observed.name is None else observed.name
        before = tracker.objects.find(observed.value, identity.digest)
        contained = slots.get(use.slot or "")
        if (
            before is None
            and contained is not None
            and tracker.objects.is_untracked(observed.value, contained)
        ):
            before = contained
    latest = tracker.known(
        tracker.events.write(observed, identity, events), identity, kind, activity, generated=True
    )
    if before is not None:
        _derive(tracker, latest, before, identity, observed, activity, events)
    if is_file:
        tracker.paths[observed.location] = latest
    else:
        tracker.objects.put(observed.value, latest)
    if use.slot is not None:
        slots[use.slot] = latest
    return latest.entity_id


def _derive(
    tracker: Tracker,
    latest: KnownEntity,
    before: KnownEntity,
    identity: Identity,
    observed: ObservedValue,
    activity: OpenActivity,
    events: Events,
) -> None:
    is_other = differs(before.states.get(observed.kind.key), identity, tracker.digests.max_ms)
    how = MODIFIED if is_other else DECLARED
    tracker.events.derive(latest.entity_id, before.entity_id, how, [activity.id], events)
