"""What an entity came from: the walk back through a Provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provagent.record.model import Activity, Entity, Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What was met on the walk, in the order in which it was met, by id.

    ``entities`` does not hold the entity that the walk began at.
    """

    entities: dict[str, Entity]
    activities: dict[str, Activity]


def ancestors(provenance: Provenance, entity_id: str) -> Lineage:
    """Return all that the entity came from, in its run. Raises KeyError for an unknown id.

    From an entity the walk goes on to its progenitors, to its members, and to the
    activities that generated it; a member that nothing generated came with its collection,
    so it goes on to what generated that (and not to the other members).

    From an activity it goes on to what it used; to what its children used, since they are
    a part of it; and to what the activities that enclose it used, since that is how
    anything reached it: ``read_models`` uses a file and calls ``set_models``, which
    generates the models. The children's siblings are not followed: that one ran beside
    the other says nothing. So nothing recorded is missed, and at worst an input of an
    enclosing activity is named that this child did not need. What a process made outside of
    any activity may have come from all that its activities did.
    """
    start = provenance.entity(entity_id)
    entities: dict[str, Entity] = {}
    activities: dict[str, Activity] = {}
    waiting = [start]
    seen = {start.id}
    while waiting:
        entity = waiting.pop()
        found = [*_parts_and_progenitors(entity)]
        for maker in _makers(entity):
            for activity in _at_work(maker, provenance):
                if activity.id not in activities:
                    activities[activity.id] = activity
                    found += [usage.entity for usage in activity.used]
        for each in found:
            if each.id not in seen:
                seen.add(each.id)
                entities[each.id] = each
                waiting.append(each)
    return Lineage(entities=entities, activities=activities)


def _parts_and_progenitors(entity: Entity) -> Iterator[Entity]:
    for derivation in entity.derivations:
        yield derivation.progenitor
    yield from entity.members


def _makers(entity: Entity) -> Iterator[Activity]:
    for generation in entity.generated_by:
        yield generation.activity
    if not entity.generated_by and not entity.derivations:
        for collection in entity.member_of:
            for generation in collection.generated_by:
                # What it was given, and hands back in a collection, it has not made.
                if not any(usage.activity is generation.activity for usage in entity.used_by):
                    yield generation.activity


def _at_work(activity: Activity, provenance: Provenance) -> Iterator[Activity]:
    """Yield the activity, those inside it, and those around it; a process is around none."""
    inside = [activity]
    if activity.id in provenance.processes:
        inside += [one for one in provenance.outermost if one.process_id == activity.process_id]
    while inside:
        each = inside.pop()
        yield each
        inside.extend(reversed(each.children))
    around = activity.parent
    while around is not None:
        yield around
        around = around.parent
